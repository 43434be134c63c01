"""Alerts and notices for the tests of their room."""

from parallelrun.alerts.alert import Alert, Notice, Severity
from parallelrun.evidence.activity import Recent

NOW = 1_764_000_000_000


def alert(key: str = "store", severity: Severity = "warning", *, lasting: bool = True, title: str = "") -> Alert:
    return Alert(key, severity, title or f"Title of {key}", f"Text of {key}.", {"key": key}, lasting)


def notice(
    key: str = "store",
    severity: Severity = "warning",
    *,
    since: int = NOW,
    over: int | None = None,
    lasting: bool = True,
) -> Notice:
    return Notice(alert(key, severity, lasting=lasting), since, over)


def recent(**changes: int | dict[str, int]) -> Recent:
    """Five minutes in which all was well."""
    outcomes = changes.pop("outcomes", {"match": 1000})
    assert isinstance(outcomes, dict)
    counts = {"requests": 1000, "old": 1000, "new": 1000, "old_failed": 0, "new_failed": 0}
    return Recent(300.0, outcomes=outcomes, **{**counts, **changes})  # type: ignore[arg-type]
