"""What a rollout remembers: all of it is stored, and it is all that a restart needs to go on."""

from datetime import timedelta
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from parallelrun.config.units import MILLION
from parallelrun.rollout.phases import JUDGED, Judged, Phase, Stored


class State(BaseModel):
    """Where a rollout stands. Times are wall-clock times in UTC, never ticks."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    versions: str
    """Which two versions it is about: `Plan.versions`."""
    judged: str = ""
    """What was compared, and by which gate, when counting began: `Plan.judged`."""
    number: Annotated[int, Field(ge=0)] = 0
    """Of the rollout, one more with each start; 0 before the first."""
    started: bool = False
    """Whether traffic may move at all: the configuration has a `rollout`, or a person said so."""
    planned: bool = False
    """Whether the configuration had a `rollout` when it last started, began again or was resumed."""
    phase: Stored = "shadow"
    before_pause: Judged = "shadow"
    """The phase that `resume` goes back to. Means nothing in other phases than `paused`."""
    weight: Annotated[int, Field(ge=0, le=MILLION)] = 0
    """The share of clients that the new side serves, in parts per million."""
    epoch: Annotated[int, Field(ge=0)] = 0
    """Rises each time counting begins anew; never falls."""
    since: AwareDatetime
    """When counting began."""
    held_from: AwareDatetime
    """From when the least time at a step, and the bake, are reckoned. Later than `since` by the time that the clock
    stood still."""
    deadline_from: AwareDatetime
    """From when the deadline is reckoned."""
    stopped_at: AwareDatetime | None = None
    """Since when the clock stands still: paused, or the breaker is open."""
    fallback_since: AwareDatetime | None = None
    """Since when the breaker has sent all traffic to the old side."""
    waiting_since: AwareDatetime | None = None
    """Since when the next step has waited for a person's approval."""
    moved_at: AwareDatetime
    """When it came into this phase, or to this weight."""
    reason: str = ""
    """Of the last move; empty where whoever asked for it gave none."""

    @property
    def shown(self) -> Phase:
        """The phase for people."""
        return "fallback" if self.fallback_since else self.phase

    @property
    def progress(self) -> Judged | None:
        """How far it has come, paused or not; None where nothing is judged."""
        if not self.started:
            return None
        at = self.before_pause if self.phase == "paused" else self.phase
        return next((phase for phase in JUDGED if phase == at), None)

    @property
    def going(self) -> bool:
        """Whether evidence is collected and judged."""
        return self.progress is not None

    @property
    def name(self) -> str:
        """Tells rollouts apart in the journal."""
        return f"rollout {self.number}"


def passed(since: AwareDatetime, now: AwareDatetime, at_least: timedelta) -> bool:
    """Whether so much time has passed."""
    return now - since >= at_least
