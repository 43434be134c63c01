"""Where a rollout stands, in sentences."""

from parallelrun.config.units import format_share
from parallelrun.config.words import time
from parallelrun.rollout.actions import Action
from parallelrun.rollout.standing import Standing
from parallelrun.rollout.state import State


def summary(standing: Standing) -> str:
    """Phase, weight, step, and what comes next, in one or two sentences."""
    state = standing.state
    sentences = [_where(standing)]
    if state.fallback_since:
        sentences.append(
            f"Since {time(state.fallback_since)} the breaker sends everybody to the old side; the clock stands still."
        )
    if state.phase == "paused":
        sentences.append(f"Paused since {time(state.moved_at)}: `resume` goes on, `rollback` goes back.")
    elif state.progress and not state.stopped_at:
        sentences.append(_next(standing))
    if standing.outdated:
        sentences.append("Another process on the same store goes by another configuration; this one decides nothing.")
    if standing.unsaved:
        sentences.append(f"The store does not take it ({standing.unsaved}): a restart would not know of it.")
    return " ".join(sentences)


def reason(standing: Standing) -> str:
    """Why it stands there, one reason a line: the judge's, that of the last move, which may be empty, or both."""
    state = standing.state
    if not state.started:
        return "No rollout has been started, so nothing is judged."
    judged = standing.verdict.reason if standing.verdict else ""
    moved = " ".join(state.reason.split())  # a person may have written several lines
    if state.progress is None:
        return moved
    if state.phase == "paused":
        return "\n".join(filter(None, (moved, judged)))
    return judged or "Nothing has been judged yet."


def already(state: State, action: Action) -> str | None:
    """That it was so before somebody asked for it; None where something was done.

    Args:
        state: as it is now.
        action: what came of the wish.
    """
    if action.moves:
        return None
    if not state.started:
        return "There is nothing to go back from: no rollout has been started."
    what = "paused" if state.phase == "paused" else "rolled back"
    noted = " The reason given now is noted." if action.kind == "note" else ""
    return f"It was {what} already, since {time(state.moved_at)}.{noted}"


def _where(standing: Standing) -> str:
    state, plan = standing.state, standing.plan
    weight = format_share(state.weight)
    if not state.started:
        return (
            "No rollout has been started: the old side serves everybody, the new one gets copies. "
            "`parallelrun rollout start` starts one, and so does a `rollout` in the configuration."
        )
    if state.phase == "rolled_back":
        return f"Rolled back at {time(state.moved_at)}: the old side serves everybody. `start` starts anew."
    if state.phase == "complete":
        return f"Complete since {time(state.moved_at)}: the new side serves {weight} of the clients."
    if state.progress == "shadow":
        return "Shadow: the old side serves everybody, and evidence for the first step is collected."
    if state.progress == "baking":
        return f"Baking: the new side serves {weight} of the clients, the old one gets copies."
    number = plan.number(state.weight)
    step = f"Step {number} of {len(plan.steps)}" if number else "Between two steps"
    return f"{step}: the new side serves {weight} of the clients."


def _next(standing: Standing) -> str:
    state, following = standing.state, standing.following
    if state.progress == "baking":
        then = "complete"
    elif following is None:
        then = "the bake"
    else:
        then = format_share(following)
    if state.waiting_since and standing.verdict and standing.verdict.kind == "advance":
        return (
            f"Next is {then}, which has waited for a person's approval since {time(state.waiting_since)}: "
            "`parallelrun rollout advance` gives it."
        )
    approval = " and a person's approval" if following in standing.plan.approve else ""
    return f"Next is {then}, with proof of every budget{approval}{_not_before(state, standing)}."


def _not_before(state: State, standing: Standing) -> str:
    hold = standing.hold_until
    return f", not before {time(hold)}" if hold and hold > standing.now else ""
