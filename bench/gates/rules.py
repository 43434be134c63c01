"""The rules that decide, each as a function of one run of traffic: what it decided, and after how many minutes."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from gates.traffic import DAY, Traffic
from parallelrun.config.rollout import Gate
from parallelrun.judge import EndpointCounts, JudgeState, Latency, Look, Paired, judge

Outcome = Literal["rolled back", "promoted", "undecided"]
Rule = Callable[[Traffic, np.random.Generator], tuple[Outcome, int]]

THRESHOLD = 0.01
"""Of the fixed gates: at most 1 % of the new version's answers may fail."""

_WEIGHT = 0.1
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def flagger(run: Traffic, rng: np.random.Generator) -> tuple[Outcome, int]:
    """10 to 50 % by 10, a check each minute; a failed check stays at the weight, the fifth rolls back.

    Failed checks are never forgotten, and a window without requests is a failed check (pkg/controller/scheduler.go).
    """
    step = failed = 0
    for minute in range(DAY):
        served, failures = run.served_by_new(minute, _WEIGHT * (step + 1), rng)
        if served and failures <= THRESHOLD * served:
            step += 1
        else:
            failed += 1
        if failed == 5:
            return "rolled back", minute + 1
        if step == 5:
            return "promoted", minute + 1
    return "undecided", DAY


def argo(limit: int) -> Rule:
    """At 10 %, twelve measurements of five minutes; more failed ones than `limit` (default 0) abort."""

    def decide(run: Traffic, rng: np.random.Generator) -> tuple[Outcome, int]:
        failed = 0
        for number in range(12):
            window = [run.served_by_new(minute, _WEIGHT, rng) for minute in range(5 * number, 5 * number + 5)]
            served, failures = map(sum, zip(*window, strict=True))
            failed += not served or failures > THRESHOLD * served
            if failed > limit:
                return "rolled back", 5 * number + 5
        return "promoted", 60

    return decide


def judged(gate: Gate) -> Rule:
    """parallelrun: every request mirrored; one step, judged until it decides or its day is over."""

    def decide(run: Traffic, rng: np.random.Generator) -> tuple[Outcome, int]:
        state = JudgeState()
        slow = np.cumsum(rng.binomial(run.requests, 0.01, DAY))
        new_only, old_only, both = (np.cumsum(each) for each in (run.new_only, run.old_only, run.both))
        for minutes in _looks():
            n, last = run.requests * minutes, minutes - 1
            cells = {"new_only": int(new_only[last]), "old_only": int(old_only[last]), "both": int(both[last])}
            failures = Paired(**cells, neither=n - sum(cells.values()))
            quick = Paired(old_only=int(slow[last]), neither=n - int(slow[last]))
            counts = EndpointCounts(
                endpoint="GET /",
                requests=n,
                compared=failures.neither,
                failures=failures,
                latency=Latency(old_limit_ms=100, new_limit_ms=150, pairs=quick),
            )
            look = Look(
                rollout="simulated",
                epoch=1,
                phase="stepping",
                weight=100_000,
                since=_BEGAN,
                at=_BEGAN + timedelta(minutes=minutes),
                requests=n,
                rate=run.requests / 60,
                endpoints=(counts,),
            )
            verdict, state = judge(look, state, gate)
            if verdict.kind == "roll_back":
                return "rolled back", minutes
            if verdict.kind == "advance":
                return "promoted", minutes
        return "undecided", DAY

    return decide


def _looks() -> Iterator[int]:
    """Each minute of the first hour, then each time the evidence has grown by a twentieth."""
    minutes = 1
    while minutes <= DAY:
        yield minutes
        minutes += max(1, minutes // 20) if minutes >= 60 else 1


RULES: dict[str, Rule] = {
    "flagger": flagger,
    "argo": argo(0),
    "argo, failureLimit 3": argo(3),
    "parallelrun, failures 0.5%": judged(Gate.model_validate({"failures": "0.5%"})),
    "parallelrun, failures 0.1%": judged(Gate()),
}
