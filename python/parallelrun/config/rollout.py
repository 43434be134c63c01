"""How traffic is to move."""

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from parallelrun.config.rules import Place
from parallelrun.config.section import Many, Section, SomeTime
from parallelrun.config.units import MILLION, Share, parse_duration, parse_share

LEAST_STEP = parse_share("0.01%")


def _budget(value: int) -> int:
    if not 0 < value < MILLION:
        raise ValueError("expected more than 0% and less than 100%")
    return value


Budget = Annotated[Share, AfterValidator(_budget)]


class Slower(Section):
    """By how much the new side may be slower."""

    quantile: Budget = Field(default=parse_share("99%"), examples=["95%"])
    """Which latency is judged: the time within which this share of the answers has begun."""
    ratio: Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)] = Field(default=1.5, examples=[1.2])
    """How many times the old side's time it may take."""


class Gate(Section):
    """The evidence that a step needs."""

    mismatch: Budget = Field(default=parse_share("0.1%"), examples=["0.01%"])
    """Budget for answers that differ, net of noise, of all compared."""
    failures: Budget = Field(default=parse_share("0.1%"), examples=["0.5%"])
    """Budget for failures of the new side beyond those of the old one."""
    slower: Slower = Field(default_factory=Slower)
    """By how much the new side may be slower."""
    confidence: Budget = Field(default=parse_share("95%"), examples=["99%"])
    """How sure a verdict has to be."""


class Rollout(Section):
    """The plan by which traffic moves to the new side."""

    steps: Many[Share] = Field(
        default=tuple(map(parse_share, ("10%", "25%", "50%", "100%"))), min_length=1, examples=[["1%", "10%", "100%"]]
    )
    """The weights, rising, from 0.01% up to 100%; the last one is where it ends."""
    hold: SomeTime = Field(default=parse_duration("10m"), examples=["1h"])
    """The least time at a step, and in the shadow phase before the first."""
    deadline: SomeTime = Field(default=parse_duration("24h"), examples=["7d"])
    """How long a step may take to come to a decision. Then it pauses and tells."""
    gate: Gate = Field(default_factory=Gate)
    """The evidence that a step needs."""
    never: Many[Place] = Field(default=(), examples=[[{"at": "status"}]])
    """Places where one confirmed stable difference is enough to go back."""
    approve: Many[Share] = Field(default=(), examples=[["100%"]])
    """Steps that wait for a person."""
    bake: SomeTime = Field(default=parse_duration("1h"), examples=["24h"])
    """How long it watches for a change for the worse after the last step, before it is complete."""

    @model_validator(mode="after")
    def _steps_rise(self) -> "Rollout":
        if any(step < LEAST_STEP for step in self.steps):
            raise ValueError("steps: expected at least 0.01%")
        if any(low >= high for low, high in pairwise(self.steps)):
            raise ValueError("steps: expected each to be higher than the one before")
        if not set(self.approve) <= set(self.steps):
            raise ValueError("approve: expected only weights that are among the steps")
        if self.hold > self.deadline:
            raise ValueError("hold: expected no more than the deadline")
        return self
