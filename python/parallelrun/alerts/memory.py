"""What a restart must not forget: the matters that were told and are not over."""

from collections.abc import Iterable

from pydantic import TypeAdapter, ValidationError

from parallelrun.alerts.alert import Alert
from parallelrun.alerts.status import OpenAlert

FACT = "alerts"
"""Its name in the store."""
MOST = 1000
"""So many are remembered, the newest. The end of the others is not told after a restart."""

_OPEN = TypeAdapter(list[OpenAlert])


def dump(alerts: Iterable[OpenAlert]) -> str:
    """The text for the store."""
    return _OPEN.dump_json(list(alerts)[-MOST:]).decode()


def load(text: str | None) -> list[tuple[Alert, int]]:
    """The matters, and when they came up; none where there is no such text, or another version wrote it."""
    try:
        known = _OPEN.validate_json(text or "[]")
    except ValidationError:
        return []
    return [(Alert(one.key, one.severity, one.title), one.since_ms) for one in known]
