"""What the engine says about itself: plain values for the faces."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ConfigStatus:
    """The configuration in force, and the one that was refused, if any.

    Args:
        file: the file that it was read from; None without one.
        generation: grows by one with each configuration that the core took over; the first is 1.
        since_ms: when it came into force, in ms since the epoch.
        warnings: what is allowed, yet probably not meant; one line each.
        needs_restart: settings that were changed since the start and hold only for a new process.
        refused: what is wrong with the newer configuration that was not taken over; empty when all is well.
        refused_ms: when it was refused, in ms since the epoch; None when all is well.
    """

    file: str | None
    generation: int
    since_ms: int
    warnings: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    refused_ms: int | None = None


Clock = Literal["finished", "grace", "second signal"]
"""What ended the wait for requests: there were none left; the grace period was over; somebody asked twice."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended.

    Args:
        clock: what ended the wait for requests that were under way.
        seconds: from the signal to the end.
    """

    clock: Clock
    seconds: float
