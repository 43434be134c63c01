"""What a person asks for: done, or refused with what can be done instead."""

from collections.abc import Callable, Mapping

from parallelrun.rollout.actions import STAY, Action, Refusal, onward
from parallelrun.rollout.facts import Asked, Command
from parallelrun.rollout.plan import Plan
from parallelrun.rollout.state import State

Answer = Action | Refusal


def ask(state: State, asked: Asked, plan: Plan) -> Answer:
    """The action that a command leads to. One that is fulfilled already is no error, and moves nothing."""
    return COMMANDS[asked.command](state, plan, asked.reason.strip())


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
