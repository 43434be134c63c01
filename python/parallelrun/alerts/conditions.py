"""Which matters hold at a moment: a pure function of the facts. Each is over once it no longer holds."""

from collections.abc import Collection, Iterator

from parallelrun.alerts.alert import Alert, Fact
from parallelrun.alerts.facts import Facts, RolloutFacts, Side
from parallelrun.config.units import MILLION, format_share
from parallelrun.config.words import number, span, verb
from parallelrun.evidence.copies import ENOUGH, MANY, QUIET, unnoticed, why_no_copies

QUIET_MS = QUIET.total_seconds() * 1000
UNHEALTHY_MS = 30_000
"""So long a health URL must fail: one slow answer wakes nobody."""
BLIND_MS = 300_000
"""So long must nothing be judged: a minute without a request is nothing to wake anybody for."""
MISSED_MS = 3_600_000
LOST_MS = 600_000
"""So long after the last missed write, or the last lost pair or fault, the matter goes on."""

KINDS = frozenset({"quiet", "failing", "unhealthy", "missed", "store", "lost", "rollout", "fault"})
"""What the keys of these matters begin with."""

_PARTS = {
    "admin.failing": "The admin API has ended",
    "collector.failing": "Evidence cannot be read from the core",
    "engine.failing": "A task beside the traffic has ended",
    "rollout.failing": "The rollout cannot be looked after",
}


def is_over(key: str, holds: Collection[str], facts: Facts) -> bool:
    """Whether the matter of this key is one that is found here, and is not found any more.

    Args:
        key: of a matter that is open.
        holds: the keys of all that holds now.
        facts: as of now; what they do not say cannot be over.
    """
    kind = key.partition(":")[0]
    return kind in KINDS and key not in holds and (kind != "rollout" or facts.rollout is not None)


def holding(facts: Facts) -> Iterator[Alert]:
    """All that holds now."""
    yield from _quiet(facts)
    yield from _failing(facts, "old", facts.recent.old, facts.recent.old_failed, facts.recent.old_failed)
    beyond = facts.recent.new_failed - min(facts.recent.new_failed, facts.recent.old_failed)
    yield from _failing(facts, "new", facts.recent.new, facts.recent.new_failed, beyond)
    yield from _unhealthy(facts)
    yield from _missed(facts)
    yield from _store(facts)
    yield from _rollout(facts.rollout, facts.now_ms)
    yield from _faults(facts)


def _quiet(facts: Facts) -> Iterator[Alert]:
    quiet_ms = facts.now_ms - facts.new_last_ms
    if quiet_ms < QUIET_MS or not unnoticed(facts.recent):
        return
    why, do = why_no_copies(
        facts.recent, weight=facts.weight, sample=facts.sample, failed=facts.new_failed, url=facts.new_url
    )
    title = f"new has had no request for {span(QUIET.total_seconds())}: {why}"
    text = f"{number(facts.recent.requests, 'request')} came in the last {span(facts.recent.seconds)}. To do: {do}."
    yield Alert("quiet:new", "warning", title, text, {"requests": facts.recent.requests, "why": why, "do": do})


def _failing(facts: Facts, side: Side, requests: int, failed: int, counted: int) -> Iterator[Alert]:
    """`counted` of the failures are the side's own."""
    if requests < ENOUGH or counted <= MANY * requests:
        return
    text = f"{failed:,} of its last {number(requests, 'request')} got no answer, or a 5xx."
    yield Alert(
        f"failing:{side}",
        "critical" if side == "old" else "warning",
        f"The {side} side is failing",
        f"{text} The last {span(facts.recent.seconds)}.",
        {"side": side, "failed": failed, "requests": requests},
    )


def _unhealthy(facts: Facts) -> Iterator[Alert]:
    for side, one in facts.unhealthy.items():
        if facts.now_ms - one.since_ms >= UNHEALTHY_MS:
            yield Alert(
                f"unhealthy:{side}",
                "critical" if side == "old" else "warning",
                f"The health URL of the {side} side fails",
                f"{one.url}: {one.error}.",
                {"side": side, "url": one.url, "error": one.error},
            )


def _missed(facts: Facts) -> Iterator[Alert]:
    for (side, endpoint), writes in facts.missed.items():
        if facts.now_ms - writes.last_ms < MISSED_MS:
            other = "new" if side == "old" else "old"
            text = f"The {other} side took {number(writes.total, 'write')} that the {side} side did not."
            yield Alert(
                f"missed:{side}:{endpoint}",
                "critical",
                f"The {side} side missed writes at {endpoint}: the data of the two differ now",
                f"{text} Bring the data of {side} up to date before you believe any further difference.",
                {"side": side, "endpoint": endpoint, "writes": writes.total},
            )


def _store(facts: Facts) -> Iterator[Alert]:
    if facts.store_error is not None:
        held = f"{number(facts.held, 'pair')} {verb(facts.held, 'wait')} in memory"
        text = f"{facts.store}: {facts.store_error}. {held}; traffic goes on."
        known: dict[str, Fact] = {"store": facts.store, "error": facts.store_error, "held": facts.held}
        yield Alert("store", "warning", "The store takes no evidence", text, known)
    if facts.lost and facts.now_ms - facts.lost.last_ms < LOST_MS:
        text = f"{number(facts.lost.total, 'example pair')} never reached the store. Counts are complete."
        yield Alert("lost", "warning", "Evidence was lost", text, {"pairs": facts.lost.total})


def _rollout(rollout: RolloutFacts | None, now_ms: int) -> Iterator[Alert]:
    if rollout is None:
        return
    weight = format_share(rollout.weight)
    known: dict[str, Fact] = {"phase": rollout.phase, "weight": rollout.weight / MILLION, "reason": rollout.reason}
    if rollout.phase == "rolled_back":
        title = "The rollout has been rolled back: the old side serves everybody"
        yield Alert("rollout:rolled_back", "critical", title, rollout.reason, known)
    if rollout.phase == "paused":
        yield Alert("rollout:paused", "warning", f"The rollout is paused at {weight}", rollout.reason, known)
    if rollout.waiting:
        title = "The rollout waits for somebody to approve the next step"
        yield Alert("rollout:approval", "warning", title, f"{rollout.reason} It is at {weight}.", known)
    if rollout.blind is not None and now_ms - rollout.blind_ms >= BLIND_MS:
        title = f"The rollout is blind: it stays at {weight}"
        yield Alert("rollout:blind", "warning", title, rollout.blind, {**known, "reason": rollout.blind})


def _faults(facts: Facts) -> Iterator[Alert]:
    for name, fault in facts.faults.items():
        if facts.now_ms - fault.last_ms < LOST_MS:
            text = f"{fault.note}. Traffic goes on. This is a fault of parallelrun itself; please report it."
            yield Alert(f"fault:{name}", "critical", _PARTS[name], text, {"event": name, "error": fault.note})
