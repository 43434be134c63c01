"""What a person asks for: done, or refused with what can be done instead."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from parallelrun.config.units import format_share
from parallelrun.config.words import span
from parallelrun.rollout.actions import STAY, Action, Refusal, onward
from parallelrun.rollout.facts import Asked, Command
from parallelrun.rollout.plan import Plan
from parallelrun.rollout.state import State

Answer = Action | Refusal
PRESSED_AGAIN = timedelta(seconds=10)
"""So soon after a step nobody has seen what it is like, and whoever asks for the next one asks for this one."""


def ask(state: State, asked: Asked, plan: Plan, now: datetime) -> Answer:
    """The action that a command leads to. One that is fulfilled already is no error, and moves nothing."""
    answer = COMMANDS[asked.command](state, plan, asked.reason.strip())
    if asked.command == "advance" and isinstance(answer, Action):
        return _from_elsewhere(state, asked, now) or answer
    return answer


def _start(state: State, _: Plan, reason: str) -> Answer:
    if not state.started or state.phase == "rolled_back":
        return Action("start", "person", reason)
    return Refusal(f"It has started already. {_instead(state)}")


def _pause(state: State, _: Plan, reason: str) -> Answer:
    if state.phase == "paused":
        return _noted(reason)
    if state.going:
        return Action("pause", "person", reason)
    return Refusal(f"There is nothing to pause. {_instead(state)}")


def _resume(state: State, _: Plan, reason: str) -> Answer:
    if state.phase == "paused":
        return Action("resume", "person", reason)
    return Refusal(f"It is not paused. {_instead(state)}")


def _advance(state: State, plan: Plan, reason: str) -> Answer:
    if not state.going:
        return Refusal(f"There is nothing to advance. {_instead(state)}")
    if state.fallback_since:
        return Refusal("The breaker holds the new side for unhealthy. It goes on by itself once that is well.")
    return onward(state, plan, "person", reason)


def _from_elsewhere(state: State, asked: Asked, now: datetime) -> Refusal | None:
    """Whoever advances leaves the step that he knows of: pressed twice, or by two people, it must not skip the next."""
    if asked.epoch == state.epoch:
        return None
    if asked.epoch is not None:
        return Refusal(
            f"Epoch {asked.epoch} is over, and this is {state.epoch}, so nothing was done. {_instead(state)}"
        )
    came_here_last = state.phase in ("stepping", "baking") and state.moved_at == state.since  # not resumed since
    ago = now - state.since
    # Another process's clock, or ours that was set back a little, may be behind the one that wrote the state.
    if state.waiting_since or not came_here_last or abs(ago) >= PRESSED_AGAIN:
        return None
    where = "the bake" if state.phase == "baking" else format_share(state.weight)
    return Refusal(
        f"It came to {where} {span(max(1.0, ago.total_seconds()))} ago. An `advance` within "
        f"{span(PRESSED_AGAIN.total_seconds())} of that counts as the same one, pressed again, so nothing was done. "
        f"To go on from {where}, ask again after that. `parallelrun rollout status` tells who took the step, and why."
    )


def _rollback(state: State, _: Plan, reason: str) -> Answer:
    if not state.started:
        return STAY
    if state.phase == "rolled_back":
        return _noted(reason)
    return Action("roll_back", "person", reason)


def _noted(reason: str) -> Action:
    """It is so already: what is left to do is to keep why somebody wanted it, too."""
    return Action("note", "person", reason) if reason else STAY


COMMANDS: Mapping[Command, Callable[[State, Plan, str], Answer]] = {
    "start": _start,
    "pause": _pause,
    "resume": _resume,
    "advance": _advance,
    "rollback": _rollback,
}


def _instead(state: State) -> str:
    if not state.started:
        return "No rollout has been started: `start` does."
    match state.phase:
        case "paused":
            return "It is paused: `resume` goes on, `rollback` goes back."
        case "rolled_back":
            return "It is rolled back: `start` starts anew."
        case "complete":
            return "It is complete: `rollback` goes back; another `new.url` or `new.version` starts over."
        case _:
            return f"It is {state.shown}: `pause` stops it, `rollback` goes back."
