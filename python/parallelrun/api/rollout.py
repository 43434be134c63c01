"""`/api/v1/rollout`: where the rollout stands. Nothing moves traffic in this version: the old side serves everybody."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from parallelrun.api.engine import Engine
from parallelrun.config.units import MILLION


class Move(BaseModel):
    """Something that the rollout did."""

    at: datetime
    action: str
    reason: str


class Rollout(BaseModel):
    """Where the rollout stands. `weight` is the share of clients that the new side serves."""

    phase: Literal["shadow"]
    weight: float
    step: int | None
    verdict: Literal["hold"]
    reason: str
    evidence: list[str]
    more_requests: int | None
    eta_s: float | None
    history: list[Move]


def rollout(engine: Engine) -> Rollout:
    """The rollout as it stands."""
    return Rollout(
        phase="shadow",
        weight=engine.collector.refresh().weight_ppm / MILLION,
        step=None,
        verdict="hold",
        reason="The old side serves everybody, the new side gets copies. This version does not move traffic.",
        evidence=[],
        more_requests=None,
        eta_s=None,
        history=[],
    )
