"""The verdict: a function of one look, of what the judge remembers, and of the gate. No clock and no I/O."""

from parallelrun.config.rollout import Gate
from parallelrun.config.words import number, span
from parallelrun.judge import words
from parallelrun.judge.bake import watched
from parallelrun.judge.combining import in_order
from parallelrun.judge.look import Look
from parallelrun.judge.state import JudgeState, carried, went_back
from parallelrun.judge.verdict import Kind, Verdict
from parallelrun.judge.weighing import Weighed, pool, since

PATIENCE_S = 60.0
"""How long nothing may come, or nothing of what comes be compared, before the judge calls itself blind."""

CULPRITS = 10
"""Named at most."""


def judge(look: Look, state: JudgeState, gate: Gate) -> tuple[Verdict, JudgeState]:
    """Judges one look.

    In this order: what is proved bad goes back, even where the counts have become unreliable since; without counts that
    can be trusted it is blind; without proof that every metric is within budget it holds; with that it advances.

    Args:
        look: The counts since the step, the shadow phase or the bake began.
        state: What this function returned at the look before; `JudgeState()` at the first.
        gate: The gate in force.

    Returns:
        The verdict, and what to pass next time. A look that is blind leaves the state as it was.
    """
    state = carried(state, look, gate)
    why_blind = _blind(look, state)
    if why_blind is None:
        state = _taken_in(look, state, gate)
    weighed = Weighed(state.last or look.model_copy(update={"endpoints": ()}), state, gate)
    state = state.model_copy(update={"peak": max(state.peak, weighed.log_e)})
    base = Verdict(
        kind="blind",
        reason="",
        threshold=weighed.threshold,
        log_e=weighed.log_e,
        log_e_peak=state.peak,
        proofs=weighed.proofs,
        culprits=weighed.culprits()[:CULPRITS],
    )
    return base.model_copy(update=_decided(look, weighed, base, gate, why_blind)), state


def _decided(look: Look, weighed: Weighed, base: Verdict, gate: Gate, why_blind: str | None) -> dict[str, object]:
    """The rest of the verdict: its kind, its reason and what is still needed."""
    if look.stable:
        return _kind("roll_back", words.never(look.stable))
    if base.log_e_peak >= base.threshold:
        earlier = base.log_e < base.threshold
        reason = words.roll_back(weighed.worst(), base.culprits, gate, base.log_e_peak, earlier=earlier)
        return _kind("roll_back", reason)
    if why_blind is not None:
        return _kind("blind", words.blind(why_blind))
    if (suspect := weighed.suspect()) is not None:
        more = weighed.decided_after((suspect.metric, suspect.endpoint))
        eta_s = weighed.eta_s(more, suspect.of)
        needed = {"more_requests": more, "endpoint": suspect.endpoint, "eta_s": eta_s}
        return _kind("hold", words.suspect(suspect, gate, more, eta_s)) | needed
    if (missing := weighed.missing_proof()) is not None:
        more = missing.more or missing.more_if_clean
        eta_s = weighed.eta_s(more, missing.of)
        endpoint = weighed.mostly_at(missing.metric)
        needed = {"more_requests": more, "endpoint": endpoint, "eta_s": eta_s}
        if missing.of and not missing.more:
            needed["back_s"] = weighed.back_s(missing.metric)
        return _kind("hold", words.unproved(missing, gate, eta_s, endpoint)) | needed
    return _kind("advance", words.advance(base.proofs, gate))


def _kind(kind: Kind, reason: str) -> dict[str, object]:
    return {"kind": kind, "reason": reason}


def _taken_in(look: Look, state: JudgeState, gate: Gate) -> JudgeState:
    """The state with a look that can be trusted."""
    moved = state.model_copy(update={"order": in_order(state.order, look), "last": look})
    if look.phase != "baking":
        return moved
    new = since(look, state.last, gate)
    return watched(moved, look, pool(new.values(), gate), new)


def _blind(look: Look, state: JudgeState) -> str | None:
    """Why the counts say nothing; None if they can be trusted."""
    if look.missing is not None:
        return look.missing
    backwards = went_back(state.last, look)
    if backwards is not None:
        return f"counts of {backwards} went down or vanished, so some were lost"
    waited = (look.at - look.since).total_seconds()
    if waited < PATIENCE_S:
        return None
    if not look.requests:
        return f"no request has come for {span(waited)}"
    if not any(each.compared or each.failures.total or each.split for each in look.endpoints):
        return f"none of {number(look.requests, 'request')} was compared"
    return None
