"""The decision: a function of the state and of the facts. No clock, no I/O, one step at a time."""

from collections.abc import Callable
from datetime import timedelta

from parallelrun.config.units import format_duration, format_share
from parallelrun.judge import Verdict
from parallelrun.rollout.actions import STAY, Action, Refusal, onward
from parallelrun.rollout.asking import ask
from parallelrun.rollout.facts import Facts
from parallelrun.rollout.state import State, passed

Rule = Callable[[State, Facts, Verdict | None], Action | None]


def decide(state: State, facts: Facts) -> Action | Refusal:
    """What to do now; a `Refusal` only where a person asked for something.

    Another version starts over; then a person's word counts; then the rules below, the first that has something to say.
    To decide again from the state that an action led to, with the same facts, takes no further step: a verdict is about
    the counts of one epoch, and every step begins another.
    """
    if state.versions != facts.plan.versions:
        return Action("start_over", "config", "The configuration names other versions.")
    if facts.asked:
        return ask(state, facts.asked, facts.plan, facts.now)
    if not state.started:
        return Action("start", "config", "The configuration has a `rollout`.") if facts.plan.written else STAY
    verdict = facts.verdict if facts.epoch == state.epoch else None
    rules = RULES if state.going else AFTERWARDS if state.phase == "complete" else ()
    return next(filter(None, (rule(state, facts, verdict) for rule in rules)), STAY)


def _proved_bad(_: State, facts: Facts, verdict: Verdict | None) -> Action | None:
    """Whatever else is the case: paused, waiting for a person, or with the breaker open."""
    if verdict and verdict.kind == "roll_back":
        return Action("roll_back", "judge", verdict.reason)
    return None


def _plan_gone(state: State, facts: Facts, _: Verdict | None) -> Action | None:
    """The default plan asks nobody for approval, so it must not take over by itself."""
    if state.planned and not facts.plan.written and state.phase != "paused":
        return Action("pause", "config", "The configuration has no `rollout` any more.")
    return None


def _compared_otherwise(state: State, facts: Facts, _: Verdict | None) -> Action | None:
    if state.judged == facts.plan.judged:
        return None
    reason = "The configuration compares or judges otherwise: evidence of before says nothing about it."
    return Action("begin_again", "config", reason)


def _breaker(state: State, facts: Facts, _: Verdict | None) -> Action | None:
    if not facts.breaker_closed and not state.fallback_since:
        reason = "The breaker holds the new side for unhealthy and sends everybody to the old one."
        return Action("fall_back", "breaker", reason)
    if facts.breaker_closed and state.fallback_since:
        return Action("go_on", "breaker", "The breaker has closed.")
    return None


def _stopped(state: State, _: Facts, __: Verdict | None) -> Action | None:
    """Paused, or the breaker is open: nothing that follows applies."""
    return STAY if state.stopped_at else None


def _proved_good(state: State, facts: Facts, verdict: Verdict | None) -> Action | None:
    plan, baking = facts.plan, state.progress == "baking"
    if not verdict or verdict.kind != "advance":
        return None
    if not passed(state.held_from, facts.now, plan.bake if baking else plan.hold):
        return None
    following = plan.after(state.weight)
    if baking or following not in plan.approve:
        return onward(state, plan, "judge", verdict.reason)
    if state.waiting_since:
        return None
    return Action("wait", "judge", f"{verdict.reason} A person has to approve {format_share(following)}.")


def _late(state: State, facts: Facts, verdict: Verdict | None) -> Action | None:
    allowed = facts.plan.deadline + (facts.plan.bake if state.progress == "baking" else timedelta())
    if not passed(state.deadline_from, facts.now, allowed):
        return None
    if state.waiting_since and verdict and verdict.kind == "advance":
        why = "Nobody has approved the next step."
    else:
        why = verdict.reason if verdict else "Nothing was judged."
    return Action("pause", "clock", f"No decision within {format_duration(allowed)}. {why}")


RULES: tuple[Rule, ...] = (
    _proved_bad,
    _plan_gone,
    _compared_otherwise,
    _breaker,
    _stopped,
    _proved_good,
    _late,
)
AFTERWARDS: tuple[Rule, ...] = (_breaker,)
"""Once it is complete nothing is judged, but what is shown should still be true."""
