"""What an event begins and ends: a pure function of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parallelrun.alerts.alert import Alert, Severity
from parallelrun.evidence.events import Event

FAULTS = frozenset({"admin.failing", "collector.failing", "engine.failing"})
"""Events that say that a part of parallelrun itself failed."""


@dataclass(frozen=True, slots=True)
class Change:
    """What follows from an event.

    Args:
        over: keys of matters that are over; one that ends with `:` stands for all that begin so.
        why: why they are.
        begun: the matter that has come up, or goes on; None for none.
    """

    over: str | None = None
    why: str = ""
    begun: Alert | None = None

    def ends(self, key: str) -> bool:
        """Whether the matter of this key is over."""
        return key == self.over or (self.over is not None and self.over.endswith(":") and key.startswith(self.over))


def change(event: Event) -> Change | None:
    """What an event of the breaker or the rollout changes; None for nothing."""
    match event.name:
        case "breaker.opened":
            reason = _text(event, "reason")
            text = f"{reason} The old side serves everybody until the new one is well again.".strip()
            title = "The breaker has opened: the new side is out of service"
            return Change(begun=Alert("breaker", "critical", title, text, {"reason": reason}))
        case "breaker.closed":
            return Change("breaker", "The breaker has closed: the new side is well again.")
        case "rollout.moved":
            return _moved(event)
    return None


_STOPS: Mapping[str, tuple[str, Severity, str]] = {
    "pause": ("paused", "warning", "The rollout is paused"),
    "wait": ("approval", "warning", "The rollout waits for somebody to approve the next step"),
    "roll_back": ("rolled_back", "critical", "The rollout has been rolled back"),
    "blind": ("blind", "warning", "The rollout is blind: the weight stays as it is"),
}
"""By what was done: the matter that lasts until the rollout goes on."""


def _moved(event: Event) -> Change:
    action, reason = _text(event, "action"), _text(event, "reason")
    facts = {name: value for name, value in event.data.items() if isinstance(value, (str, int, float))}
    weight = event.data.get("weight")
    weight_text = f", weight {100 * weight:g} %" if isinstance(weight, (int, float)) else ""
    if stop := _STOPS.get(action):
        name, severity, title = stop
        return Change("rollout:", "The rollout has gone on.", Alert(f"rollout:{name}", severity, title, reason, facts))
    title = f"The rollout has moved: {_text(event, 'phase') or action}{weight_text}"
    moved = Alert(f"rollout.moved:{event.at_ms}-{event.id}", "info", title, reason, facts, lasting=False)
    return Change("rollout:", f"The rollout has gone on. {reason}".strip(), moved)


def _text(event: Event, name: str) -> str:
    value: Any = event.data.get(name)
    return value if isinstance(value, str) else ""
