"""`parallelrun doctor`: what is wrong, in plain words, and what to do. Pure functions of a report."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel

from parallelrun.api.rollout import Position
from parallelrun.api.status import BreakerStatus, SideStatus, Status
from parallelrun.cli.words import half_open
from parallelrun.config.words import number, span, time, verb
from parallelrun.evidence.copies import ENOUGH, LEFT_OUT, MANY, QUIET, unnoticed, why_no_copies
from parallelrun.web.report import Report

SKEW = timedelta(seconds=5)
"""So far apart two clocks may be."""
Severity = Literal["error", "warning"]


class Finding(BaseModel):
    """`what` is wrong, and what to `do`. Where there are several reasons, each has a line of `what` after the first."""

    severity: Severity
    topic: str
    what: str
    do: str


class Diagnosis(BaseModel):
    """All findings, errors first; empty when all is well."""

    findings: list[Finding]


def diagnose(report: Report, now: datetime) -> list[Finding]:
    """All findings; `now` is the time on the machine of whoever asks."""
    status = report.status
    found = [
        *_traffic(status),
        *_new(status),
        *_sides(status),
        *_breaker(status.breaker),
        *_rollout(status.rollout),
        *_undecided(report),
        *_store(status),
        *_alerts(status),
        *_clock(report, now),
        *_settings(report),
        *_left_out(status),
        *_evidence(report),
    ]
    return sorted(found, key=lambda finding: finding.severity != "error")


def _error(topic: str, what: str, do: str) -> Finding:
    return Finding(severity="error", topic=topic, what=what, do=do)


def _warning(topic: str, what: str, do: str) -> Finding:
    return Finding(severity="warning", topic=topic, what=what, do=do)


def _quiet_for(status: Status, last: datetime | None) -> timedelta:
    """How long ago the last request was; the whole uptime where there was none."""
    return status.time - last if last else timedelta(seconds=status.uptime_s)


def _traffic(status: Status) -> Iterator[Finding]:
    quiet = _quiet_for(status, status.last_request_at)
    if not status.requests:
        yield _error(
            "traffic",
            f"no request has come in the {span(status.uptime_s)} since the start",
            f"point clients, or the load balancer in front, at {status.listen}",
        )
    elif quiet >= QUIET:
        what = f"no request has come for {span(quiet.total_seconds())}"
        yield _warning("traffic", what, f"check that clients still reach {status.listen}")
    if status.draining:
        yield _warning("traffic", "it is draining and takes no new connections", "start its successor, if it has none")


def _new(status: Status) -> Iterator[Finding]:
    """Requests come, and the new side has had none of them: why?"""
    quiet = _quiet_for(status, status.new.last_request_at)
    if not status.recent.requests or quiet < min(QUIET, timedelta(seconds=status.recent.seconds)):
        return
    if not unnoticed(status.recent):
        return
    why, do = why_no_copies(
        status.recent,
        weight=status.weight,
        sample=status.sample,
        failed=any(status.new.failures.values()),
        url=status.new.url,
    )
    yield _error("new", f"new has had no request for {span(quiet.total_seconds())}: {why}", do)


def _sides(status: Status) -> Iterator[Finding]:
    for name, side in (("old", status.old), ("new", status.new)):
        if side.health and not side.health.ok:
            do = f"look after the {name} side, or correct `{name}.health`"
            yield _error(name, f"the health URL {side.health.url} fails: {side.health.error}", do)
        yield from _failures(name, side)
        if side.missed_writes:
            yield _error(
                name,
                f"{name} missed {number(side.missed_writes, 'write')} that the other side took: their data differ now",
                f"bring the data of {name} up to date before you believe any further difference",
            )


def _breaker(breaker: BreakerStatus) -> Iterator[Finding]:
    if breaker.state == "open":
        what = f"the breaker is open, so the old side serves everybody: {breaker.reason}"
        yield _error("breaker", what, "look after the new side; it comes back by itself once it works")
    elif breaker.state == "half_open":
        what = f"the breaker was open, and {half_open(breaker)}: {breaker.reason}"
        yield _warning("breaker", what, "wait, and see whether it lasts")


def _failures(name: str, side: SideStatus) -> Iterator[Finding]:
    failed = sum(side.failures.values())
    if failed and failed >= MANY * side.requests:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in side.failures.items() if count)
        what = f"{name} gave no answer to {failed:,} of {number(side.requests, 'request')} ({kinds})"
        do = f"check that {side.url} is up, reachable and fast enough for `{name}.timeout`"
        if 2 * side.failures.get("tls", 0) >= failed:
            do = f"check the certificate of {side.url}: who issued it (`{name}.ca`), its name, and its last day"
        yield _error(name, what, do)


def _rollout(rollout: Position) -> Iterator[Finding]:
    weight, why = f"weight {100 * rollout.weight:g} %", _because(rollout.reason)
    if rollout.paused_since:
        what = f"the rollout is paused since {time(rollout.paused_since)}, {weight}{why}"
        yield _warning("rollout", what, "`parallelrun rollout resume`, `advance` or `rollback`")
    if rollout.phase == "rolled_back":
        what = f"the rollout was rolled back{why}"
        yield _error("rollout", what, "mend the new version; `parallelrun rollout start`, or another `new.version`")
    if rollout.waiting_since and rollout.verdict == "advance" and not rollout.paused_since:
        what = f"the rollout waits for approval since {time(rollout.waiting_since)}, {weight}"
        yield _warning("rollout", what, "`parallelrun rollout advance`, if it should go on")
    if rollout.blind_since:
        what = f"the rollout is blind since {time(rollout.blind_since)}, {weight}: {rollout.reason.splitlines()[-1]}"
        yield _error("rollout", what, "see to it that requests come, are compared, and that the store takes evidence")
    if rollout.unsaved:
        yield _error("rollout", f"its last move is not stored: {rollout.unsaved}", "repair the store before a restart")
    if rollout.outdated:
        what = "another process on the same store goes by another configuration: this one decides nothing"
        yield _warning("rollout", what, "end the one that is out of date, or give each service a store of its own")


def _undecided(report: Report) -> Iterator[Finding]:
    """At this pace the deadline comes before a decision: better known now than then."""
    rollout, rate = report.status.rollout, report.status.recent.per_s
    if rollout.verdict != "hold" or not rollout.deadline or not (report.rollout and report.rollout.evidence):
        return
    left_s = (rollout.deadline - report.status.time).total_seconds()
    if rollout.back_s is not None and rollout.back_s <= left_s:
        return
    then = f"its deadline is {time(rollout.deadline)}, weight {100 * rollout.weight:g} %"
    do = "send more traffic, widen `rollout.gate` or `rollout.deadline`, or `parallelrun rollout advance` or `rollback`"
    never = _warning("rollout", f"the rollout comes to no decision at this rate, and {then}: {rollout.reason}", do)
    if rollout.more_requests is None:
        yield never
        return
    # So many do only if none of them is bad, where the present rate of bad ones proves nothing.
    clean = any(one.more is None and one.more_if_clean == rollout.more_requests for one in report.rollout.evidence)
    about = "at least" if clean else "about"
    # Where nothing of the kind has come yet, it takes as long at least as if every request were one.
    by_when, eta_s = about, rollout.eta_s
    if eta_s is None and rate:
        by_when, eta_s = "at least", rollout.more_requests / rate
    if eta_s is not None and eta_s > left_s:
        where = f" at {rollout.endpoint}" if rollout.endpoint else ""
        needed = f"{about} {number(rollout.more_requests, 'more answer')}{where}"
        when = f"in {by_when} {span(eta_s)} at the present rate"
        yield _warning("rollout", f"the rollout needs {needed} for a decision, {when}; {then}", do)
    elif clean:
        yield never


def _because(reason: str) -> str:
    """The end of a sentence: one reason goes on with it, several have a line each."""
    if not reason:
        return ""
    return f":\n{reason}" if "\n" in reason else f": {reason}"


def _store(status: Status) -> Iterator[Finding]:
    store = status.store
    if store.error:
        held = f"{number(store.held, 'pair')} {verb(store.held, 'wait')} in memory"
        what = f"the store {store.place} has not taken evidence since {store.since:%H:%M:%S} UTC: {store.error}; {held}"
        yield _error("store", what, "make room, or repair it; what waits is written by itself then")
    if store.lost:
        what = f"{number(store.lost, 'example pair')} never reached the store"
        yield _warning("store", what, "nothing to repair: counts are complete; find out why the store was slow or away")
    if store.other_sides:
        others = store.other_sides
        what = (
            f"it began with a store that holds evidence of other addresses since {time(others.since)}, old {others.old}"
            f" and new {others.new}: every count includes it"
        )
        do = "`--store` with a store of their own, if these are others; nothing, if the same two have only moved"
        yield _warning("store", what, do)


def _alerts(status: Status) -> Iterator[Finding]:
    for target in status.alerts.targets:
        if target.error and target.failing_since and target.next_try_at:
            since, again = f"{target.failing_since:%H:%M:%S}", f"{target.next_try_at:%H:%M:%S}"
            wait = f"{number(target.queued, 'alert')} {verb(target.queued, 'wait')}, the next try is at {again}"
            what = f"{target.target} has taken no alert since {since} UTC: {target.error}; {wait}"
            yield _error("alerts", what, "correct its `to`, or repair it; what waits goes out by itself then")
        if target.dropped:
            what = f"{number(target.dropped, 'alert')} never reached {target.target}"
            yield _warning("alerts", what, "look for `alert` in the log: each is there")


def _clock(report: Report, now: datetime) -> Iterator[Finding]:
    status = report.status
    apart = abs(now - status.time)
    if apart > SKEW:
        what = f"the clock here and that of parallelrun are {span(apart.total_seconds())} apart"
        yield _warning("clock", what, "set both by NTP; expiry dates and times in reports depend on it")
    newest = max((one.last_seen for one in (*report.open, *report.noise, *report.races, *report.ignored)), default=None)
    if newest and newest > status.time + SKEW:
        what = f"there is evidence from the future ({time(newest)}): the clock has gone back"
        yield _warning("clock", what, "set the clock by NTP; evidence is kept too long until then")


def _settings(report: Report) -> Iterator[Finding]:
    config = report.status.config
    for problem in config.refused:
        yield _error(
            "settings", f"a newer configuration is not in force: {problem}", "correct it; it is read again by itself"
        )
    if config.needs_restart:
        what = f"changed, but only a new process takes it over: {', '.join(config.needs_restart)}"
        yield _warning("settings", what, "restart parallelrun")
    expired = [rule for rule in report.rules if rule.expired]
    for warning in config.warnings:
        if not any(f" {rule.place}: " in warning for rule in expired):  # said below, with what to do
            yield _warning("settings", warning, "change it, if it is not meant")
    for rule in report.rules:
        if rule.expired:
            owner = f" (ask {rule.owner})" if rule.owner else ""
            what = (
                f"the rule {rule.kind} at {rule.at} ({rule.place}) expired on {rule.until} and hides nothing any more"
            )
            yield _warning("rules", what, f"remove it, or give it a later day{owner}")


def _left_out(status: Status) -> Iterator[Finding]:
    recent = status.recent
    if recent.requests < ENOUGH or not recent.new:
        return
    for name in ("overload", "breaker_open", "request_too_large", "looped"):
        count = recent.outcomes.get(name, 0)
        if count > MANY * recent.requests:
            what, do = LEFT_OUT[name]
            yield _warning(
                "copies", f"{count:,} of the last {recent.requests:,} requests were not compared: {what}", do
            )
    large = recent.outcomes.get("response_too_large", 0)
    if large > MANY * recent.requests:
        what = f"{large:,} of the last {recent.requests:,} requests were not compared: answers over `limits.body`"
        yield _warning("copies", what, "raise `limits.body`")


def _evidence(report: Report) -> Iterator[Finding]:
    if report.compared.of >= ENOUGH and not report.compared.count:
        reasons = ", ".join(f"{one.count:,} {one.outcome}" for one in report.not_compared)
        what = f"nothing of {report.compared.of:,} requests was compared: {reasons}"
        yield _error("evidence", what, "`parallelrun report` says what each name means, under `Not compared, and why`")
    differences = [*report.open, *report.noise, *report.races]
    pairs = sum(one.verdicts.confirmed + one.verdicts.noise + one.verdicts.race for one in differences)
    unconfirmed = sum(one.verdicts.unconfirmed for one in differences)
    if unconfirmed >= ENOUGH and not pairs:
        yield _warning(
            "evidence",
            f"no difference could be confirmed ({unconfirmed:,} pairs): noise cannot be told from real ones",
            "raise `limits.second_opinions`, or write rules for what differs by nature in answers to writes",
        )
    if report.noise and not report.open and not report.ledger.outcomes.get("match") and report.compared.count >= ENOUGH:
        yield _warning(
            "evidence",
            "every compared answer differs, and all of it is noise: real differences at the same places would not show",
            "write rules for what differs by nature: `parallelrun diffs` lists it",
        )
