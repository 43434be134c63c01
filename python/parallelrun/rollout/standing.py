"""Where a rollout stands, as plain values for the faces."""

from dataclasses import dataclass
from datetime import datetime

from parallelrun.judge import Verdict
from parallelrun.rollout.keeping import Move
from parallelrun.rollout.plan import Plan
from parallelrun.rollout.state import State
from parallelrun.rollout.telling import BLIND_FOR


@dataclass(frozen=True)
class Standing:
    """One moment of a rollout.

    Args:
        now: that moment.
        state: what is stored of it.
        plan: what the configuration says.
        verdict: the judge's last one on the present epoch; None before the first and where nothing is judged.
        history: the last moves, the newest first.
        blind_since: since when the judge has been blind; None while it is not.
        unsaved: why the last move is not in the store yet; None if it is.
        outdated: whether another process has put another configuration in force, so that this one decides nothing.
    """

    now: datetime
    state: State
    plan: Plan
    verdict: Verdict | None
    history: tuple[Move, ...]
    blind_since: datetime | None
    unsaved: str | None = None
    outdated: bool = False

    @property
    def blind(self) -> str | None:
        """Why there has been no verdict for a while; None if there has."""
        lasts = self.blind_since is not None and self.now - self.blind_since >= BLIND_FOR
        return self.verdict.reason if lasts and self.verdict else None

    @property
    def following(self) -> int | None:
        """The weight that comes next, in parts per million; None where none does."""
        return self.plan.after(self.state.weight) if self.state.progress in ("shadow", "stepping") else None

    @property
    def hold_until(self) -> datetime | None:
        """Before when it does not go forward; None where nothing is judged, and while the clock stands still."""
        if not self.state.going or self.state.stopped_at:
            return None
        return self.state.held_from + (self.plan.bake if self.state.progress == "baking" else self.plan.hold)

    @property
    def deadline(self) -> datetime | None:
        """When it pauses without a decision; None as for `hold_until`."""
        if not self.state.going or self.state.stopped_at:
            return None
        allowed = self.plan.deadline
        return self.state.deadline_from + (allowed + self.plan.bake if self.state.progress == "baking" else allowed)
