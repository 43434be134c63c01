"""Judges a journal again, so that anybody can check what was decided."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from parallelrun.judge.journal import Entry, entries
from parallelrun.judge.judging import judge
from parallelrun.judge.state import JudgeState
from parallelrun.judge.verdict import Verdict

_NEAR = 1e-6
"""Of log e-values: another processor or another release of a library may round differently."""


@dataclass(frozen=True)
class Differing:
    """A verdict that does not follow from the evidence."""

    line: int
    entry: Entry
    recomputed: Verdict
    what: str
    """In which the two differ: `said advance, is hold`."""


@dataclass(frozen=True)
class Replay:
    """A journal judged again."""

    verdicts: int
    rollouts: int
    differing: tuple[Differing, ...]


def replay(lines: Iterable[str]) -> Replay:
    """Recomputes every verdict of a journal.

    Raises:
        JournalError: a line is no entry.
    """
    states: dict[str, JudgeState] = {}
    differing = []
    verdicts = 0
    for number, entry in entries(lines):
        verdicts += 1
        rollout = entry.look.rollout
        before = entry.state or states.get(rollout, JudgeState())
        found, states[rollout] = judge(entry.look, before, entry.gate)
        what = _difference(entry.verdict, found)
        if what is not None:
            differing.append(Differing(number, entry, found, what))
    return Replay(verdicts, len(states), tuple(differing))


def _difference(said: Verdict, found: Verdict) -> str | None:
    """In what a verdict differs from what it should have been; None if it does not."""
    if said.kind != found.kind:
        return f"said {said.kind}, is {found.kind}"
    told, right = _facts(said), _facts(found)
    for name in right:
        if not _same(told.get(name), right[name]):
            return f"{name}: said {told.get(name)}, is {right[name]}"
    return None


def _facts(verdict: Verdict) -> dict[str, object]:
    """What has to follow from the evidence, under a name. Not the words, which may become better."""
    culprits = ", ".join(f"{each.metric} at {each.endpoint}" for each in verdict.culprits)
    facts: dict[str, object] = {"culprits": culprits or "none", "endpoint": verdict.endpoint or "any"}
    facts |= {"log_e": verdict.log_e, "log_e_peak": verdict.log_e_peak, "more_requests": verdict.more_requests}
    for each in verdict.proofs:
        seen = f"{each.events} of {each.of}, {'proved' if each.proved else 'not proved'}"
        facts |= {f"proof of {each.metric}": seen, f"log_e_within of {each.metric}": each.log_e_within}
    return facts


def _same(said: object, found: object) -> bool:
    match said, found:
        case int(), int():
            return math.isclose(said, found, rel_tol=1e-3, abs_tol=1)
        case float() | int(), float():
            return math.isclose(said, found, rel_tol=_NEAR, abs_tol=_NEAR)
        case _:
            return said == found
