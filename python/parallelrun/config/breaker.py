"""When the new side is taken out of service, and how it comes back."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from parallelrun.config.section import Count, Section, SomeTime
from parallelrun.config.units import Share, parse_duration, parse_share


def _some_share(value: int) -> int:
    if not value:
        raise ValueError("expected more than 0%")
    return value


class Health(Section):
    """How the health URLs of both sides (`old.health`, `new.health`) are asked. Only the new side's acts on traffic."""

    interval: SomeTime = Field(default=parse_duration("2s"), examples=["10s"])
    """The time between two checks."""
    timeout: SomeTime = Field(default=parse_duration("2s"), examples=["500ms"])
    """How long an answer may take."""
    failures: Count = Field(default=3, examples=[5])
    """So many checks of the new side in a row that fail open the breaker; one that is well lets it close again."""


class Breaker(Section):
    """When the new side is taken out of service, and how it comes back. A failure is no answer, or a 5xx of its own."""

    failures: Count = Field(default=5, examples=[3])
    """So many failures in a row open it; so many probes in a row that work let it close again."""
    share: Annotated[Share, AfterValidator(_some_share)] = Field(default=parse_share("50%"), examples=["20%"])
    """So large a share of failures opens it, of at least `volume` requests within `window`."""
    volume: Count = Field(default=20, examples=[100])
    """How many requests a share is judged by, at least."""
    window: SomeTime = Field(default=parse_duration("10s"), examples=["30s"])
    """Over which time the share is taken."""
    stall: SomeTime = Field(default=parse_duration("500ms"), examples=["2s"])
    """It opens when the new side has answered nothing for so long, and `failures` requests wait for it that the old
    side has answered: each for so long too, and twice as long as the old side took."""
    open: SomeTime = Field(default=parse_duration("5s"), examples=["10s"])
    """How long it stays open at least. Twice as long after each relapse, up to `longest`."""
    longest: SomeTime = Field(default=parse_duration("1m"), examples=["5m"])
    """How long it stays open at most before it is tried again."""
    slow_start: SomeTime = Field(default=parse_duration("30s"), examples=["2m"])
    """The time in which the new side's share grows back."""
    probes: Count = Field(default=5, examples=[1])
    """Copies per second that probe the new side while it is open."""
    health: Health = Field(default_factory=Health)
    """How the health URLs of both sides are asked."""

    @model_validator(mode="after")
    def _longest_is_longest(self) -> "Breaker":
        if self.open > self.longest:
            raise ValueError("open: expected no more than `longest`")
        return self
