"""What `/api/v1/status` says about the alerts."""

from datetime import datetime

from pydantic import BaseModel

from parallelrun.alerts.alert import RANK, Severity
from parallelrun.alerts.status import AlertsStatus, TargetStatus
from parallelrun.api.times import maybe, moment


class OpenAlert(BaseModel):
    """A matter that was told and is not over."""

    key: str
    severity: Severity
    title: str
    since: datetime


class Target(BaseModel):
    """Somebody who is told. `error` is None while messages are taken; `queued` alerts wait. Of the others: `told`,
    `unlisted` (only counted in a message that was full), `merged` (outdated by a newer one of the same matter before
    they could go out), and `dropped`. `messages` were taken, `failures` are tries that were not.
    """

    target: str
    min: Severity
    ok: bool
    error: str | None
    failing_since: datetime | None
    next_try_at: datetime | None
    queued: int
    told: int
    unlisted: int
    merged: int
    dropped: int
    messages: int
    failures: int


class Alerts(BaseModel):
    """Alerts since the start of the process: those that are `open`, how many were `told` by severity, `withdrawn`
    because they were over before that, and `missed` events that came too fast to be looked at.
    """

    open: list[OpenAlert]
    told: dict[Severity, int]
    withdrawn: int
    missed: int
    targets: list[Target]


def alerts(status: AlertsStatus) -> Alerts:
    """The status as the API has it."""
    return Alerts(
        open=[
            OpenAlert(key=one.key, severity=one.severity, title=one.title, since=moment(one.since_ms))
            for one in status.open
        ],
        told={severity: status.told.get(severity, 0) for severity in RANK},
        withdrawn=status.withdrawn,
        missed=status.missed,
        targets=[_target(target) for target in status.targets],
    )


def _target(target: TargetStatus) -> Target:
    counts = target.counts
    return Target(
        target=target.target,
        min=target.least,
        ok=target.error is None,
        error=target.error,
        failing_since=maybe(target.error_ms),
        next_try_at=maybe(target.retry_ms),
        queued=target.queued,
        told=counts.told,
        unlisted=counts.unlisted,
        merged=counts.merged,
        dropped=counts.dropped,
        messages=counts.messages,
        failures=counts.failures,
    )
