"""Who listens hears what a rollout does, and when the judge goes blind: the log, the streams of the API, the alerts."""

from datetime import datetime, timedelta

from parallelrun.evidence.events import Events
from parallelrun.judge import Verdict
from parallelrun.rollout.actions import Action
from parallelrun.rollout.keeping import HISTORY, Move
from parallelrun.rollout.state import State

BLIND_FOR = timedelta(seconds=10)
"""So long may it last before it is told: a store may be locked for a moment."""
BLIND_AGAIN = timedelta(minutes=10)
"""`rollout.blind` is told at most this often."""
MOST_A_DAY = 20
"""So many moves of the breaker's are remembered in a day, and so many notes: a breaker that flaps, or a job that asks
each minute for what is so already, leaves room for the others."""
_DAY = timedelta(days=1)


def _bounded(move: Move) -> str | None:
    """The kind of moves of which a day has only so many; None of those that are remembered in any case."""
    if move.by == "breaker":
        return "breaker"
    return "note" if move.action == "note" else None


class Telling:
    """Remembers what has been told.

    Args:
        events: `rollout.moved`, `rollout.blind`, `rollout.failing`.
    """

    def __init__(self, events: Events) -> None:
        self.history: list[Move] = []
        """The last moves, the newest first."""
        self.blind_since: datetime | None = None
        self._events = events
        self._blind = False
        """Whether this time has been dealt with."""
        self._blind_told: datetime | None = None
        self._failing: str | None = None

    def memorable(self, move: Move) -> bool:
        """Whether a move is to be remembered; all are told."""
        kind = _bounded(move)
        today = (each for each in self.history if move.at - each.at < _DAY)
        return kind is None or sum(_bounded(each) == kind for each in today) < MOST_A_DAY

    def moved(self, move: Move) -> None:
        """Tells of a move that is done."""
        if self.memorable(move):
            self.history = [move, *self.history][:HISTORY]
        self._events.publish(
            "rollout.moved",
            "warning" if move.action in ("roll_back", "pause", "fall_back") else "info",
            rollout=move.rollout,
            epoch=move.epoch,
            action=move.action,
            by=move.by,
            before=move.before,
            phase=move.phase,
            weight=move.weight,
            reason=move.reason,
        )

    def judged(self, state: State, verdict: Verdict | None, now: datetime) -> None:
        """Tells once when there has been no verdict for a while."""
        if verdict is None or verdict.kind != "blind":
            self.blind_since = None
            self._blind = False
            return
        self.blind_since = min(self.blind_since or now, now)  # the clock may be set back
        if self._blind or now - self.blind_since < BLIND_FOR:
            return
        self._blind = True
        if self._blind_told is None or not timedelta() <= now - self._blind_told < BLIND_AGAIN:
            self._blind_told = now
            self._events.publish(
                "rollout.blind",
                "warning",
                rollout=state.name,
                phase=state.shown,
                weight=state.weight,
                reason=verdict.reason,
            )

    def failing(self, error: Exception | None) -> None:
        """Tells of a fault of the loop itself, once; None when it works."""
        what = None if error is None else f"{type(error).__name__}: {error}"[:300]
        if what and what != self._failing:
            self._events.publish("rollout.failing", "error", error=what)
        self._failing = what


def move_of(before: State, state: State, action: Action, now: datetime) -> Move:
    """An action that led from one state to another."""
    return Move(
        at=now,
        action=action.kind,
        by=action.by,
        reason=action.reason,
        rollout=state.name,
        epoch=state.epoch,
        before=before.shown,
        phase=state.shown,
        weight=state.weight,
    )
