"""Tells each change of the breaker once."""

from parallelrun.evidence.counters import Breaker, BreakerChange
from parallelrun.evidence.events import Events


class BreakerNews:
    """Compares what the counters say with what was told.

    Args:
        events: `breaker.opened`, `breaker.half_open`, `breaker.closed`.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._told = 0

    def note(self, breaker: Breaker) -> None:
        """Tells what has changed since the last call, as far as the core remembers it."""
        untold = breaker.changed - self._told
        self._told = breaker.changed
        for change in breaker.changes[-untold:] if untold > 0 else ():
            self._tell(change)

    def _tell(self, change: BreakerChange) -> None:
        match change.state:
            case "open":
                self._events.publish(
                    "breaker.opened",
                    "error",
                    reason=_sentence(change.reason),
                    at_ms=change.at_ms,
                    after_ms=change.after_ms,
                )
            case "half_open":
                self._events.publish("breaker.half_open", reason=_sentence(change.reason), at_ms=change.at_ms)
            case "closed":
                self._events.publish("breaker.closed", reason=_sentence(change.reason), at_ms=change.at_ms)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
