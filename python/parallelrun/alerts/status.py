"""What the alerts say about themselves: plain values for the faces."""

from collections.abc import Mapping
from dataclasses import dataclass

from parallelrun.alerts.alert import Severity
from parallelrun.alerts.outbox import Counts


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """A matter that was told and is not over."""

    key: str
    severity: Severity
    title: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """Somebody who is told.

    Args:
        target: what of the URL may be shown; told apart by a number where two look the same.
        least: the least severity that is told.
        error: why the last try failed; None where it did not.
        error_ms: when it began to fail; None while it does not.
        retry_ms: when it is tried again; None while it does not fail.
        queued: notices that wait.
        counts: what became of the others.
    """

    target: str
    least: Severity
    error: str | None
    error_ms: int | None
    retry_ms: int | None
    queued: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class AlertsStatus:
    """All alerts of this process.

    Args:
        open: what is open, the oldest first.
        told: how many have come up, by severity.
        withdrawn: how many were over before they were told.
        missed: events that came too fast to be looked at.
        targets: those who are told.
    """

    open: tuple[OpenAlert, ...]
    told: Mapping[Severity, int]
    withdrawn: int
    missed: int
    targets: tuple[TargetStatus, ...]
