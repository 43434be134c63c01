"""What the judge has to remember between two looks. Everything else follows from the counts."""

from parallelrun.config.rollout import Gate
from parallelrun.judge.look import Counted, EndpointCounts, Look


class Detector(Counted):
    """One change detector: ln(1 + R) for each of its bets, where R is the e-SR statistic; see `bake`."""

    name: str
    levels: tuple[float, ...]


class JudgeState(Counted):
    """Kept by the rollout with its own state, so that a restart loses nothing."""

    gate: Gate | None = None
    """That the rest was reckoned with."""
    last: Look | None = None
    """The last look that could be judged."""
    order: tuple[str, ...] = ()
    """The endpoints in the order in which they first had a request, which gives them their weights."""
    peak: float = 0.0
    """The running maximum of the combined log e-value."""
    horizon: float = 0.0
    """Requests that the bake was expected to see when it began; 0 before the first look at it."""
    detectors: tuple[Detector, ...] = ()
    """Of the bake."""


def carried(state: JudgeState, look: Look, gate: Gate) -> JudgeState:
    """The state to go on from: a fresh one if counting began anew, or if another gate judges."""
    last = state.last
    if last is None or state.gate != gate:
        return JudgeState(gate=gate)
    same = (last.rollout, last.epoch, last.phase) == (look.rollout, look.epoch, look.phase)
    return state if same else JudgeState(gate=gate)


def went_back(before: Look | None, look: Look) -> str | None:
    """The endpoint of which a count has gone down or vanished since the look before; None if there is none."""
    now = {each.endpoint: _counts(each) for each in look.endpoints}
    for old in before.endpoints if before else ():
        new = now.get(old.endpoint, {})
        if any(new.get(name, -1) < count for name, count in _counts(old).items()):
            return old.endpoint
    return None


def _counts(counted: EndpointCounts) -> dict[str, int]:
    found = {"requests": counted.requests, "compared": counted.compared, "mismatches": counted.mismatches}
    # Whether an endpoint is asked twice decides which test it gets: it may not change on the way.
    found["asked" if counted.second_opinions else "not asked"] = 0
    latency = counted.latency.pairs if counted.latency else None
    tables = {"opinions": counted.second_opinions, "failures": counted.failures, "latency": latency}
    for name, table in tables.items():
        found |= {f"{name}.{cell}": count for cell, count in (table.model_dump() if table else {}).items()}
    for part in counted.split:
        found |= {f"split.{part.share}.{name}": count for name, count in part.model_dump(exclude={"share"}).items()}
    return found
