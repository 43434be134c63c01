"""`python -m parallelrun`."""

from parallelrun.cli import main

if __name__ == "__main__":
    main()
