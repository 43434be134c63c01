"""`/api/v1/rollout`: where the rollout stands, what a person may ask of it, and the journal of its verdicts."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from parallelrun.api.engine import Engine
from parallelrun.config.units import MILLION
from parallelrun.judge import Finding, Proof
from parallelrun.judge.verdict import Kind as Verdict
from parallelrun.judge.verdict import MetricName
from parallelrun.rollout import Command, Phase, Standing
from parallelrun.rollout.keeping import Move as KeptMove
from parallelrun.rollout.words import already, reason, summary

MOST_REASON = 2000


class Wish(BaseModel):
    """What a person says who asks for something."""

    reason: str = Field(default="", max_length=MOST_REASON)
    """Why. Kept in the history."""
    epoch: int | None = Field(default=None, ge=0)
    """Of `advance`: the epoch to leave, so that it does nothing in another one."""


class Move(BaseModel):
    """Something that the rollout did, and why. `weight` is the share of clients afterwards."""

    at: datetime
    action: str
    by: str
    reason: str
    rollout: str
    epoch: int
    before: Phase
    phase: Phase
    weight: float


class Evidence(BaseModel):
    """What is known of one metric of the gate, over all endpoints. `log_e_within` has to reach `threshold` to prove
    that it is within its budget (natural logarithms); `more` answers do, if things go on as they are.
    """

    metric: MetricName
    events: int
    of: int
    rate: float | None
    budget: float
    proved: bool
    log_e: float
    log_e_within: float
    threshold: float
    more: int | None
    more_if_clean: int | None


class Culprit(BaseModel):
    """A metric at an endpoint that stands out."""

    metric: MetricName
    endpoint: str | None
    events: int
    of: int
    rate: float | None


class Position(BaseModel):
    """Where the rollout stands. `weight` is the share of clients that the new side is to serve, `step` the number of
    the step from 1, None where it is at none. `verdict` is the judge's last one; where nothing is judged it is `hold`,
    or that which led here.
    """

    phase: Phase
    started: bool
    weight: float
    step: int | None
    steps: list[float]
    next: float | None
    verdict: Verdict
    reason: str
    summary: str
    more_requests: int | None
    endpoint: str | None
    eta_s: float | None
    back_s: float | None
    rollout: str
    epoch: int
    since: datetime
    hold_until: datetime | None
    deadline: datetime | None
    waiting_since: datetime | None
    paused_since: datetime | None
    fallback_since: datetime | None
    blind_since: datetime | None
    unsaved: str | None
    outdated: bool


class Rollout(Position):
    """Where the rollout stands, on what evidence, and what it has done, the last first."""

    evidence: list[Evidence]
    culprits: list[Culprit]
    history: list[Move]


class Answer(Rollout):
    """Where the rollout stands after somebody has asked for something. `already` says that it was so before, and that
    nothing was done but to note the reason; None where something was done.
    """

    already: str | None


def rollout(engine: Engine) -> Rollout:
    """The rollout as it stands."""
    return shown(engine.rollout.standing())


async def ask(engine: Engine, command: Command, wish: Wish | None) -> Answer:
    """Does what a person asks for.

    Raises:
        RefusedError: it cannot be done now.
        StoreError, StoreTooNewError: it could not be stored, so it was not done.
    """
    wish = wish or Wish()
    done = await engine.rollout.ask(command, wish.reason, wish.epoch)
    found = rollout(engine)
    return Answer(**found.model_dump(), already=already(engine.rollout.state, done))


async def journal(engine: Engine) -> AsyncIterator[str]:
    """The lines of the journal, once the first of them can be had.

    Raises:
        StoreError, StoreTooNewError: the store does not answer.
    """
    lines = engine.rollout.journal()
    first = await anext(lines, None)

    async def all_of_them() -> AsyncIterator[str]:
        if first is not None:
            yield first
            async for line in lines:
                yield line

    return all_of_them()


def shown(standing: Standing) -> Rollout:
    """A rollout as the API has it."""
    verdict = standing.verdict
    return Rollout(
        **position(standing).model_dump(),
        evidence=[_evidence(proof, verdict.threshold) for proof in verdict.proofs] if verdict else [],
        culprits=[_culprit(finding) for finding in verdict.culprits] if verdict else [],
        history=[_move(move) for move in standing.history],
    )


def position(standing: Standing) -> Position:
    """Without evidence and history."""
    state, plan, verdict = standing.state, standing.plan, standing.verdict
    following = standing.following
    return Position(
        phase=state.shown,
        started=state.started,
        weight=state.weight / MILLION,
        step=plan.number(state.weight) if state.progress == "stepping" else None,
        steps=[step / MILLION for step in plan.steps],
        next=None if following is None else following / MILLION,
        verdict=_verdict(standing),
        reason=reason(standing),
        summary=summary(standing),
        more_requests=verdict.more_requests if verdict else None,
        endpoint=verdict.endpoint if verdict else None,
        eta_s=verdict.eta_s if verdict else None,
        back_s=verdict.back_s if verdict else None,
        rollout=state.name,
        epoch=state.epoch,
        since=state.since,
        hold_until=standing.hold_until,
        deadline=standing.deadline,
        waiting_since=state.waiting_since,
        paused_since=state.moved_at if state.phase == "paused" else None,
        fallback_since=state.fallback_since,
        blind_since=standing.blind_since if standing.blind else None,
        unsaved=standing.unsaved,
        outdated=standing.outdated,
    )


def _verdict(standing: Standing) -> Verdict:
    if standing.verdict:
        return standing.verdict.kind
    after: dict[Literal["complete", "rolled_back"], Verdict] = {"complete": "advance", "rolled_back": "roll_back"}
    phase = standing.state.phase
    return after[phase] if phase in ("complete", "rolled_back") else "hold"


def _evidence(proof: Proof, threshold: float) -> Evidence:
    known = proof.model_dump(exclude={"endpoint"})
    return Evidence(**known, threshold=threshold)


def _culprit(finding: Finding) -> Culprit:
    return Culprit(**finding.model_dump(exclude={"log_e"}))


def _move(move: KeptMove) -> Move:
    return Move(**move.model_dump(exclude={"weight"}), weight=move.weight / MILLION)
