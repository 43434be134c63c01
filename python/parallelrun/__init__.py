"""Runs the old and the new version of a service side by side, compares every answer, moves traffic by evidence."""
