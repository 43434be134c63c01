"""A small shop in two versions, the reference system of parallelrun. Start with README.md."""
