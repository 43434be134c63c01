"""What the commands end with, beside 0: the contract of scripts that call them."""

NO = 1
"""The answer is no."""
USAGE = 64
"""Bad usage or configuration (`EX_USAGE`)."""
UNAVAILABLE = 69
"""The admin address does not answer (`EX_UNAVAILABLE`)."""
