"""What the judge looks at: counts, and nothing that it would have to fetch."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from parallelrun.config.units import MILLION

Count = Annotated[int, Field(ge=0)]
Ppm = Annotated[int, Field(ge=0, le=MILLION)]
"""Parts per million."""
Phase = Literal["shadow", "stepping", "baking"]


class Counted(BaseModel):
    """A value of the journal: every key known, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class Paired(Counted):
    """Requests with both answers, by which side shows an event."""

    new_only: Count = 0
    old_only: Count = 0
    both: Count = 0
    neither: Count = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.new_only + self.old_only + self.both + self.neither


class Split(Counted):
    """Requests that only one side got, because it served them, while the weight was `share`."""

    share: Ppm
    """The new side's share of the requests, as it had been decided before they came."""
    new_requests: Count = 0
    new_failures: Count = 0
    old_requests: Count = 0
    old_failures: Count = 0

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.new_failures > self.new_requests or self.old_failures > self.old_requests:
            raise ValueError("expected no more failures than requests")
        return self


class Latency(Counted):
    """Pairs by whether a side was slow. Both limits are fixed before the first of them is counted."""

    old_limit_ms: Annotated[float, Field(gt=0)]
    """The old side's quantile, as measured before: an answer of the old side above it is slow."""
    new_limit_ms: Annotated[float, Field(gt=0)]
    """The gate's ratio times that: an answer of the new side above it is slow."""
    pairs: Paired


class EndpointCounts(Counted):
    """One endpoint since counting began."""

    endpoint: str
    requests: Count
    """That clients made, compared or not."""
    compared: Count = 0
    """Pairs that were compared."""
    mismatches: Count = 0
    """Of these, those with a difference that is not noise."""
    second_opinions: Paired | None = None
    """A random sample of the pairs, all drawn with the same probability whatever was in them, for which the old side
    was asked twice. `new_only`: new differs from old at a place where old agrees with itself, and at no place the other
    way round; `old_only`: the other way round; `both`, `neither`. None where this endpoint is never asked twice: a
    property of the endpoint, the same for as long as counting goes on."""
    failures: Paired = Paired()
    """Mirrored requests, by which side failed."""
    split: tuple[Split, ...] = ()
    """Requests that were not mirrored, one entry for each weight."""
    latency: Latency | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.mismatches > self.compared:
            raise ValueError("expected no more mismatches than compared")
        if len({part.share for part in self.split}) < len(self.split):
            raise ValueError("split: expected each share once")
        return self


class Stable(Counted):
    """A difference at a `never` place that was there again when both sides were asked a second time."""

    signature: str
    endpoint: str
    location: str
    count: Annotated[int, Field(ge=1)] = 1
    """Pairs that showed it."""


class Look(Counted):
    """Everything that is known at one moment. Counts run from the beginning of the step, the shadow phase or the
    bake."""

    rollout: str
    """Which rollout."""
    epoch: Count
    """Rises each time counting begins anew: at each step, at the bake, after a restart that lost counts."""
    phase: Phase
    weight: Ppm
    """The new side's share of the clients."""
    since: AwareDatetime
    """When counting began."""
    at: AwareDatetime
    """Now."""
    requests: Count
    """That clients made since then, compared or not."""
    rate: Annotated[float, Field(ge=0)]
    """Requests per second at present, for the estimate of when."""
    endpoints: tuple[EndpointCounts, ...] = ()
    stable: tuple[Stable, ...] = ()
    missing: str | None = None
    """Why the counts cannot be trusted to be whole or fresh, as the end of a sentence; None if they can."""
    bake_s: Annotated[float, Field(gt=0)] | None = None
    """How long the bake is to last, in seconds. Required while baking."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if len({each.endpoint for each in self.endpoints}) < len(self.endpoints):
            raise ValueError("endpoints: expected each once")
        if self.at < self.since:
            raise ValueError("at: expected no earlier than since")
        if self.phase == "baking" and self.bake_s is None:
            raise ValueError("bake_s: expected how long the bake is to last")
        return self
