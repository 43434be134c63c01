"""What `bench/run.py` is made of; see bench/README.md for the method."""
