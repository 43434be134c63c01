"""`/api/v1/status`: the process, its sides, its store, its limits, its configuration."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, Field

from parallelrun.api.alerts import Alerts, alerts
from parallelrun.api.engine import Engine
from parallelrun.api.rollout import Position, position
from parallelrun.api.times import maybe, moment
from parallelrun.config.units import MILLION
from parallelrun.engine.health import Health
from parallelrun.evidence.counters import Counters
from parallelrun.rollout import Phase

RECENT_S = 300.0
"""`recent` looks back so far."""


class SideStatus(BaseModel):
    """One side, since the start of the process. `health` is None where no `health` path is set."""

    url: str
    health: Health | None
    requests: int
    status_5xx: int
    failures: dict[str, int]
    missed_writes: int
    last_request_at: datetime | None


class Recent(BaseModel):
    """What was added in the last `seconds`; `old` and `new` count the requests that each side got."""

    seconds: float
    requests: int
    per_s: float
    old: int
    new: int
    outcomes: dict[str, int]


class BreakerChange(BaseModel):
    """When and why the breaker changed. `after_s`: since the first of the failures that opened it, else None."""

    at: datetime
    state: Literal["closed", "open", "half_open"]
    reason: str
    after_s: float | None


class BreakerStatus(BaseModel):
    """Whether the new side is in service. `weight`: the share of clients that it serves in fact; `healthy`: what its
    health checks say; `changes`: the last ones, the newest first.
    """

    state: Literal["closed", "open", "half_open"]
    since: datetime
    reason: str | None
    healthy: bool
    opened: int
    weight: float = Field(ge=0, le=1)
    changes: list[BreakerChange]


class OtherSides(BaseModel):
    """Two addresses, and since when the store was given evidence of them."""

    old: str
    new: str
    since: datetime


class StoreStatus(BaseModel):
    """The store. `error` is None while it takes what it is given; `held` pairs wait for it in memory, `lost` never
    reached it. `other_sides`: at the start it held evidence of other addresses than those given, which every count of
    the ledger includes; None where it did not.
    """

    place: str
    ok: bool
    error: str | None
    since: datetime
    written_at: datetime | None
    held: int
    held_bytes: int
    lost: int
    other_sides: OtherSides | None


class Use(BaseModel):
    """How much of a limit is in use."""

    used: int
    limit: int


class SecondOpinions(BaseModel):
    """Requests asked again after a mismatch, and those not asked because of `limits.second_opinions`."""

    asked: int
    skipped: int


class ConfigStatus(BaseModel):
    """The configuration in force; `refused` says what is wrong with the newer one that was not taken over."""

    file: str | None
    generation: int
    since: datetime
    warnings: list[str]
    needs_restart: list[str]
    refused: list[str]
    refused_at: datetime | None


class Status(BaseModel):
    """One process. All counts are since its start; the ledger reaches back further."""

    version: str
    time: datetime
    uptime_s: float
    listen: str
    draining: bool
    weight: float = Field(ge=0, le=1)
    phase: Phase
    rollout: Position
    sample: float = Field(ge=0, le=1)
    databases: Literal["shared", "separate"]
    requests: int
    in_flight: int
    rescued: int
    last_request_at: datetime | None
    old: SideStatus
    new: SideStatus
    breaker: BreakerStatus
    recent: Recent
    store: StoreStatus
    alerts: Alerts
    memory: Use
    shadows: Use
    second_opinions: SecondOpinions
    caps: dict[str, int]
    refused: dict[str, int]
    panics: int
    config: ConfigStatus


async def status(engine: Engine) -> Status:
    """The process as it is now."""
    collector, config, moving = engine.collector, engine.config, position(engine.rollout.standing())
    counters = collector.refresh()
    old, new = await engine.health.both()
    return Status(
        version=engine.version,
        time=datetime.now(UTC),
        uptime_s=counters.uptime_ms / 1000,
        listen=str(engine.address),
        draining=engine.draining,
        weight=counters.weight_ppm / MILLION,
        phase=moving.phase,
        rollout=moving,
        sample=config.sample / MILLION,
        databases=config.databases,
        requests=counters.requests,
        in_flight=counters.in_flight,
        rescued=counters.rescued,
        last_request_at=maybe(collector.activity.last_request_ms),
        old=_side(engine, counters, "old", old),
        new=_side(engine, counters, "new", new),
        breaker=_breaker(engine, counters),
        recent=_recent(engine),
        store=_store(engine),
        alerts=alerts(engine.alerts.status()),
        memory=Use(used=counters.memory.reserved, limit=counters.memory.limit),
        shadows=Use(used=counters.shadows.in_flight, limit=counters.shadows.limit),
        second_opinions=SecondOpinions(**counters.second_opinions.model_dump()),
        caps=counters.caps,
        refused=counters.refused,
        panics=counters.panics,
        config=_config(engine),
    )


def _side(engine: Engine, counters: Counters, name: str, health: Health | None) -> SideStatus:
    counts = getattr(counters.sides, name)
    return SideStatus(
        url=getattr(engine.config, name).url,
        health=health,
        requests=counts.requests,
        status_5xx=counts.status_5xx,
        failures=counts.failures,
        missed_writes=sum(getattr(endpoint, name).missed_writes for endpoint in counters.endpoints),
        last_request_at=maybe(getattr(engine.collector.activity, f"last_{name}_ms")),
    )


def _breaker(engine: Engine, counters: Counters) -> BreakerStatus:
    breaker = counters.breaker
    changes = [
        BreakerChange(
            at=moment(change.at_ms),
            state=change.state,
            reason=change.reason,
            after_s=None if change.after_ms is None else change.after_ms / 1000,
        )
        for change in reversed(breaker.changes)
    ]
    return BreakerStatus(
        state=breaker.state,
        since=changes[0].at if changes else moment(engine.collector.run.started_ms),
        reason=changes[0].reason if changes else None,
        healthy=breaker.healthy,
        opened=breaker.opened,
        weight=breaker.weight_ppm / MILLION,
        changes=changes,
    )


def _recent(engine: Engine) -> Recent:
    recent = engine.collector.activity.recent(RECENT_S)
    return Recent(
        seconds=recent.seconds,
        requests=recent.requests,
        per_s=recent.requests / recent.seconds if recent.seconds else 0.0,
        old=recent.old,
        new=recent.new,
        outcomes=recent.outcomes,
    )


def _store(engine: Engine) -> StoreStatus:
    collector = engine.collector
    held, held_bytes = collector.held
    others = engine.other_sides
    return StoreStatus(
        place=engine.store.place,
        ok=collector.health.error is None,
        error=collector.health.error,
        since=moment(collector.health.since_ms),
        written_at=maybe(collector.health.written_ms),
        held=held,
        held_bytes=held_bytes,
        lost=collector.lost,
        other_sides=OtherSides(old=others.old, new=others.new, since=moment(others.since_ms)) if others else None,
    )


def _config(engine: Engine) -> ConfigStatus:
    status = engine.config_status
    return ConfigStatus(
        file=status.file,
        generation=status.generation,
        since=moment(status.since_ms),
        warnings=list(status.warnings),
        needs_restart=list(status.needs_restart),
        refused=list(status.refused),
        refused_at=maybe(status.refused_ms),
    )
