"""The new shop: the same service written again, asynchronous, on Starlette. Its mistakes: regressions.py."""
