"""Evidence: counters per endpoint and difference, and stored example pairs. Reads the core, writes the store, answers
the faces.

This room knows nothing of the faces above it. Start with `open_store` and `collector.Collector`.
"""

from parallelrun.evidence.store import Store, StoreError, StoreTooNewError, open_store

__all__ = ["Store", "StoreError", "StoreTooNewError", "open_store"]
