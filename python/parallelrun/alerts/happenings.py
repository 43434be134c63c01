"""What an event begins and ends: a pure function of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from parallelrun.alerts.alert import Alert, Fact
from parallelrun.config.units import format_share
from parallelrun.evidence.events import Event

FAULTS = frozenset({"admin.failing", "collector.failing", "engine.failing", "rollout.failing"})
"""Events that say that a part of parallelrun itself failed."""

_MOVES: Mapping[str, str] = {
    "start": "The rollout has started",
    "start_over": "The rollout has started over",
    "begin_again": "The rollout collects its evidence anew",
    "step": "The rollout has gone to {weight}",
    "bake": "The last step of the rollout is behind us, and watched a while longer",
    "complete": "The rollout is complete: the new side serves",
    "resume": "The rollout goes on",
}
"""What is told of a move, by its action. The others lead to what lasts, and are found among the conditions; a `note`
leads to nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """What follows from an event.

    Args:
        over: the key of the matter that is over; None for none.
        why: why it is.
        begun: the matter that has come up, or has happened; None for none.
    """

    over: str | None = None
    why: str = ""
    begun: Alert | None = None


def change(event: Event) -> Change | None:
    """What an event of the breaker or the rollout changes; None for nothing."""
    reason = str(event.data.get("reason", ""))
    match event.name:
        case "breaker.opened":
            text = f"{reason} The old side serves everybody until the new one is well again.".strip()
            title = "The breaker has opened: the new side is out of service"
            return Change(begun=Alert("breaker", "critical", title, text, {"reason": reason}))
        case "breaker.closed":
            return Change("breaker", "The breaker has closed: the new side is well again.")
        case "rollout.moved" if move := _MOVES.get(str(event.data.get("action"))):
            return Change(begun=_moved(event, move, reason))
    return None


def _moved(event: Event, move: str, reason: str) -> Alert:
    facts: dict[str, Fact] = {name: value for name, value in event.data.items() if isinstance(value, (str, int, float))}
    title = move.format(weight=format_share(int(event.data.get("weight", 0))))
    if event.data.get("by") == "person":
        title += ", as a person asked"  # who may have skipped the proof
    return Alert(f"rollout.moved:{event.at_ms}-{event.id}", "info", title, reason, facts, lasting=False)
