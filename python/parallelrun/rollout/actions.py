"""What a rollout may do, one at a time, and the state that each leads to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from parallelrun.rollout.plan import Plan
from parallelrun.rollout.state import State

Kind = Literal[
    "stay",
    "note",
    "start",
    "start_over",
    "begin_again",
    "step",
    "bake",
    "complete",
    "wait",
    "pause",
    "resume",
    "roll_back",
    "fall_back",
    "go_on",
]
By = Literal["judge", "clock", "breaker", "config", "person", "store"]
"""Why: the evidence, a deadline, the data plane, another configuration, somebody who asked, or a store that lost it."""


@dataclass(frozen=True)
class Action:
    """One thing to do.

    Args:
        kind: what.
        by: who or what wants it.
        reason: why, in words; ends as a sentence does, where it is not a person's. Empty where a person gave none.
        weight: of `step`: the weight to go to, in parts per million.
    """

    kind: Kind
    by: By
    reason: str
    weight: int | None = None

    @property
    def forward(self) -> bool:
        """Whether it gives more to the new side, or ends the watch over it."""
        return self.kind in ("step", "bake", "complete", "wait")

    @property
    def moves(self) -> bool:
        """Whether the state changes. A `note` only keeps the reason of somebody who asked for what is so already."""
        return self.kind not in ("stay", "note")


STAY = Action("stay", "judge", "")


@dataclass(frozen=True)
class Refusal:
    """What a person asked for cannot be done now.

    Args:
        why: in words, with what can be done instead.
    """

    why: str


def initial(plan: Plan, now: datetime) -> State:
    """The state before anything has ever happened."""
    return State(versions=plan.versions, since=now, held_from=now, deadline_from=now, moved_at=now)


def onward(state: State, plan: Plan, by: By, reason: str) -> Action:
    """The step after the present one, the bake after the last, the end after the bake."""
    if state.progress == "baking":
        return Action("complete", by, reason)
    following = plan.after(state.weight)
    return Action("bake", by, reason) if following is None else Action("step", by, reason, following)


def applied(state: State, action: Action, plan: Plan, now: datetime) -> State:
    """The state after an action. The same action applied to the same state gives the same."""
    if not action.moves:
        return state
    return _APPLIED[action.kind](state.model_copy(update={"reason": action.reason}), action, plan, now)


def _at(state: State, now: datetime, **changes: object) -> State:
    return state.model_copy(update={"moved_at": now, **changes})


def _started(state: State, action: Action, plan: Plan, now: datetime) -> State:
    """At weight 0 with nothing counted; a person's start, or a plan, lets it go on from there."""
    started = action.by == "person" or plan.written
    gone = {"waiting_since": None, "stopped_at": None, "fallback_since": None}
    changes = {"versions": plan.versions, "started": started, "number": state.number + started}
    return _counted_anew(_at(state, now, phase="shadow", weight=0, **gone, **changes), plan, now)


def _counted_anew(state: State, plan: Plan, now: datetime) -> State:
    """Another epoch: no count of before is part of it, and every clock begins."""
    begun = {"epoch": state.epoch + 1, "since": now, "held_from": now, "deadline_from": now}
    stopped = {"waiting_since": None, "stopped_at": state.stopped_at and now}
    return state.model_copy(update={"judged": plan.judged, "planned": plan.written, **begun, **stopped})


def _step(state: State, action: Action, plan: Plan, now: datetime) -> State:
    return _counted_anew(_at(state, now, phase="stepping", weight=action.weight), plan, now)


def _bake(state: State, _: Action, plan: Plan, now: datetime) -> State:
    return _counted_anew(_at(state, now, phase="baking"), plan, now)


def _complete(state: State, _: Action, __: Plan, now: datetime) -> State:
    return _at(state, now, phase="complete", waiting_since=None, stopped_at=None)


def _wait(state: State, _: Action, __: Plan, now: datetime) -> State:
    return state.model_copy(update={"waiting_since": now})


def _pause(state: State, _: Action, __: Plan, now: datetime) -> State:
    return _at(state, now, phase="paused", before_pause=state.progress, stopped_at=state.stopped_at or now)


def _resume(state: State, _: Action, plan: Plan, now: datetime) -> State:
    """Back in the phase before the pause, with its evidence, the rest of its least time, and a deadline of its own."""
    back = {"phase": state.before_pause, "planned": plan.written, "waiting_since": None}
    return _clock(_at(state, now, deadline_from=state.stopped_at or now, **back), now)


def _roll_back(state: State, _: Action, __: Plan, now: datetime) -> State:
    gone = {"waiting_since": None, "stopped_at": None, "fallback_since": None}
    return _at(state, now, phase="rolled_back", weight=0, **gone)


def _fall_back(state: State, _: Action, __: Plan, now: datetime) -> State:
    stopped = (state.stopped_at or now) if state.going else None
    return state.model_copy(update={"fallback_since": now, "stopped_at": stopped})


def _go_on(state: State, _: Action, __: Plan, now: datetime) -> State:
    return _clock(state.model_copy(update={"fallback_since": None}), now)


def _clock(state: State, now: datetime) -> State:
    """Lets the clock go on, if nothing else holds it: the time that it stood still counts for nothing."""
    if state.stopped_at is None or state.phase == "paused" or state.fallback_since:
        return state
    stood = max(now - state.stopped_at, timedelta())
    shifted = {"held_from": state.held_from + stood, "deadline_from": state.deadline_from + stood}
    return state.model_copy(update={**shifted, "stopped_at": None})


_APPLIED: Mapping[Kind, Callable[[State, Action, Plan, datetime], State]] = {
    "start": _started,
    "start_over": _started,
    "begin_again": lambda state, _, plan, now: _counted_anew(state, plan, now),
    "step": _step,
    "bake": _bake,
    "complete": _complete,
    "wait": _wait,
    "pause": _pause,
    "resume": _resume,
    "roll_back": _roll_back,
    "fall_back": _fall_back,
    "go_on": _go_on,
}
