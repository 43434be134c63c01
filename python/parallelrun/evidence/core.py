"""What the evidence needs of the core."""

from typing import Protocol


class Core(Protocol):
    """The part of `parallelrun._core.Proxy` that is read here."""

    def counters(self) -> bytes:
        """All counters since the start, as JSON."""

    def poll(self, max: int, timeout: float) -> list[bytes]:
        """Takes up to `max` records, each JSON; waits up to `timeout` seconds for the first."""
