"""The data plane and the comparison, in Rust. The JSON that crosses is described in docs/explanation/boundary.md."""

from typing import final

__all__ = ["Comparator", "ConfigError", "Proxy", "__version__", "endpoint_template"]

__version__: str

class ConfigError(Exception):
    """A listener, snapshot or set of rules that the core refuses. The message names the place and what was expected."""

@final
class Proxy:
    """One running data plane: its worker threads, its counters, its queue of records.

    Args:
        listener: JSON, see `docs/explanation/boundary.md`, "Listener".
        snapshot: JSON, see there, "Snapshot".

    Raises:
        ConfigError: if either is invalid; nothing has been bound then.
    """

    def __new__(cls, listener: str, snapshot: str) -> Proxy: ...
    def start(self) -> None:
        """Binds the port and starts the workers.

        Raises:
            OSError: the address cannot be bound.
        """
    @property
    def address(self) -> tuple[str, int]:
        """The address that is bound; port 0 has been replaced by the real one."""
    def configure(self, snapshot: str) -> None:
        """Swaps the snapshot. Requests under way finish with the one they began with.

        Raises:
            ConfigError: the snapshot is invalid; the one in force stays.
        """
    def set_weight(self, ppm: int) -> None:
        """Sets the share of clients that the new side serves, in parts per million (0 to 1,000,000).

        Takes effect with the next request.
        """
    def set_health(self, healthy: bool) -> None:
        """Says what the health checks of the new side found. While they fail the breaker is open."""
    def set_slow(self, limits: str) -> None:
        """Fixes what counts as slow, by endpoint, as JSON: `{"GET /": {"old_us": 1000, "new_us": 1500}}`.

        In microseconds from sending the request to the head of the answer. An endpoint whose limits change counts anew;
        one that is left out keeps what it has.

        Raises:
            ConfigError: the JSON is not of this shape.
        """
    def counters(self) -> bytes:
        """All counters since the start, as JSON."""
    def poll(self, max: int, timeout: float) -> list[bytes]:
        """Takes up to `max` records, each JSON; waits up to `timeout` seconds for the first.

        Releases the GIL while it waits.
        """
    def listener_fds(self) -> list[int]:
        """The file descriptors of the listening sockets, for the hand-over of the port. They stay owned by the core."""
    def drain(self) -> None:
        """Stops accepting. Answers from now on carry `Connection: close`; requests under way finish."""
    def stop(self, grace: float) -> bool:
        """Drains, waits up to `grace` seconds for requests and copies, then stops. True if nothing was cut off."""

@final
class Comparator:
    """Compares answers by a set of rules, compiled once.

    Args:
        rules: JSON, see `docs/explanation/boundary.md`, "RULES".

    Raises:
        ConfigError: a rule is invalid.
    """

    def __new__(cls, rules: str) -> Comparator: ...
    def compare(
        self,
        old: tuple[int, list[tuple[str, str]], bytes],
        new: tuple[int, list[tuple[str, str]], bytes],
    ) -> bytes:
        """Compares two answers, each (status, headers, body).

        Returns:
            JSON: `{"outcome": "match" | "ignored" | "mismatch", "differences": [...], "capped": null | "depth" | ...}`.
        """

def endpoint_template(path: str) -> str:
    """The path template that an unknown path gets by itself: `/orders/42` becomes `/orders/{id}`."""
