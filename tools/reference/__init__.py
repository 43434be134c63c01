"""Writes the parts of docs/reference that follow from the code."""
