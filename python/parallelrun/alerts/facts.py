"""What the rules of the alerts look at: everything at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from parallelrun.evidence.activity import Recent

Side = Literal["old", "new"]


@dataclass(frozen=True, slots=True)
class Lately:
    """Something that is counted: how often in all, and when last, in ms since the epoch. `note` is the last one's."""

    total: int
    last_ms: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Unhealthy:
    """A health URL that fails.

    Args:
        url: it.
        error: what it said last.
        since_ms: since when it has not answered well, in ms since the epoch.
    """

    url: str
    error: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class RolloutFacts:
    """Where the rollout stands.

    Args:
        phase: as it is shown.
        weight: the share of clients that the new side is to serve, in parts per million.
        reason: of the last move.
        waiting: whether the next step waits for a person.
        blind: why nothing can be judged; None while it can.
        blind_ms: since when, in ms since the epoch.
    """

    phase: str
    weight: int
    reason: str
    waiting: bool = False
    blind: str | None = None
    blind_ms: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """One moment.

    Args:
        now_ms: when, in ms since the epoch.
        weight: the share of clients that the new side serves, 0 to 1.
        sample: the share of requests that are copied, 0 to 1.
        recent: what went on in the last five minutes.
        new_last_ms: when the new side last got a request; the start of the process where it never has.
        new_url: where the new side is.
        new_failed: whether a request of the new side has ever failed.
        unhealthy: the sides whose health URL fails.
        missed: writes that a side missed, by side and endpoint.
        store: where evidence is kept, without secrets.
        store_error: why it takes none; None while it does.
        held: pairs that wait for the store.
        lost: pairs that never reached it; None if there are none.
        rollout: where it stands; None where that is not for this process to say.
        faults: events that say that a part of parallelrun itself failed, by name.
    """

    now_ms: int
    weight: float
    sample: float
    recent: Recent
    new_last_ms: int
    new_url: str
    new_failed: bool = False
    unhealthy: Mapping[Side, Unhealthy] = field(default_factory=dict)
    missed: Mapping[tuple[Side, str], Lately] = field(default_factory=dict)
    store: str = ""
    store_error: str | None = None
    held: int = 0
    lost: Lately | None = None
    rollout: RolloutFacts | None = None
    faults: Mapping[str, Lately] = field(default_factory=dict)


class Counted:
    """Remembers when counts last grew, by key."""

    def __init__(self) -> None:
        self._known: dict[object, Lately] = {}

    def __call__(self, key: object, total: int, now_ms: int) -> Lately | None:
        """The count as of now; None while it is 0."""
        known = self._known.get(key)
        if total > (known.total if known else 0):
            known = self._known[key] = Lately(total, now_ms)
        return known
