"""Helpers that tests of several rooms share: a strict origin, raw clients, a proxy under test, waiting."""
