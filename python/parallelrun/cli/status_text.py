"""`parallelrun status` for people."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from parallelrun.api.alerts import Alerts
from parallelrun.api.models import Ledger
from parallelrun.api.rollout import Position
from parallelrun.api.status import BreakerStatus, SideStatus, Status
from parallelrun.cli.words import clean, half_open, lines, size
from parallelrun.config.words import number, span, time, verb
from parallelrun.evidence.outcomes import COMPARED, ended_in
from parallelrun.web.report import compared, made_of

MOST_ALERTS = 5
"""Open alerts that are shown, the newest."""


def status_text(status: Status, ledger: Ledger) -> Group:
    """The process in about fifteen lines."""
    state = "draining" if status.draining else "serving"
    head = Text.assemble(
        (f"parallelrun {status.version}", "bold"), f"  {state} on {status.listen} for {span(status.uptime_s)}"
    )
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("phase", f"{status.phase}, weight {100 * status.weight:g} %, sample {100 * status.sample:g} %")
    table.add_row("rollout", _rollout(status.rollout))
    table.add_row("traffic", _traffic(status))
    table.add_row("compared", _compared(ledger))
    table.add_row("old", _side(status.old))
    table.add_row("new", _side(status.new))
    table.add_row("breaker", _breaker(status.breaker))
    table.add_row("store", _store(status))
    table.add_row("alerts", _alerts(status.alerts))
    table.add_row("copies", _copies(status))
    table.add_row("settings", _settings(status))
    return Group(head, table)


def _rollout(rollout: Position) -> Text:
    text = clean(rollout.summary, most=1000)
    if rollout.started and rollout.reason:
        text.append("\n").append_text(lines(rollout.reason, most=1000))
    return text


def _traffic(status: Status) -> str:
    recent = status.recent
    lately = f"{recent.per_s:.1f}/s over the last {span(recent.seconds)}" if recent.seconds else "just started"
    return f"{number(status.requests, 'request')} since the start, {status.in_flight} under way, {lately}"


def _compared(ledger: Ledger) -> str:
    if not ended_in(ledger.outcomes, COMPARED):
        return "nothing yet"
    requests = f"{number(ledger.requests, 'request')} since {time(ledger.since)}"
    return f"{compared(ledger.outcomes)} ({requests}{made_of(ledger.outcomes)})"


def _side(side: SideStatus) -> Text:
    text = clean(side.url)
    text.append(f"  {number(side.requests, 'request')}, {number(side.status_5xx, 'answer')} 5xx")
    failures = {name: count for name, count in side.failures.items() if count}
    if failures:
        text.append(f", failed: {', '.join(f'{count:,} {name}' for name, count in failures.items())}", "red")
    if side.missed_writes:
        text.append(f", missed {number(side.missed_writes, 'write')}", "red")
    if side.health:
        text.append(
            "  healthy" if side.health.ok else f"  unhealthy: {side.health.error}", "green" if side.health.ok else "red"
        )
    return text


def _breaker(breaker: BreakerStatus) -> Text:
    if breaker.state == "closed":
        text = Text("closed")
        if breaker.opened:
            text.append(f" since {time(breaker.since)}, was open {number(breaker.opened, 'time')}")
        return text
    if breaker.state == "open":
        text = Text("open: the old side serves everybody", "red")
    else:
        text = Text(f"half open: {half_open(breaker)}", "yellow")
    text.append(f", since {time(breaker.since)}: {breaker.reason}")
    return text


def _store(status: Status) -> Text:
    store = status.store
    text = clean(store.place)
    text.append(
        "  writing" if store.error is None else f"  failing: {store.error}", "" if store.error is None else "red"
    )
    if store.held:
        text.append(f", {number(store.held, 'pair')} {verb(store.held, 'wait')} ({size(store.held_bytes)})")
    if store.lost:
        text.append(f", {number(store.lost, 'pair')} lost", "red")
    return text


def _copies(status: Status) -> str:
    shadows, memory = status.shadows, status.memory
    hold = f"{verb(shadows.used, 'hold')} {size(memory.used)} of {size(memory.limit)}"
    return f"{shadows.used:,} under way, at most {shadows.limit:,}; {hold}"


def _alerts(alerts: Alerts) -> Text:
    told = ", ".join(f"{count:,} {severity}" for severity, count in alerts.told.items() if count)
    text = Text(f"{len(alerts.open):,} open; {told or 'none'} since the start")
    for one in alerts.open[-MOST_ALERTS:]:
        text.append("\n")
        text.append_text(clean(f"{one.severity}: {one.title}", "red" if one.severity == "critical" else "yellow"))
    for target in alerts.targets:
        text.append("\n")
        text.append_text(clean(f"to {target.target}"))
        if target.error:
            again = f", next try at {time(target.next_try_at)}" if target.next_try_at else ""
            text.append_text(clean(f"  failing: {target.error}{again}", "red"))
        if target.queued:
            text.append(f", {target.queued:,} {verb(target.queued, 'wait')}")
        if target.dropped:
            text.append(f", {target.dropped:,} dropped", "red")
    if not alerts.targets:
        text.append("\nnobody is told: no `alerts` in the configuration", "dim")
    return text


def _settings(status: Status) -> Text:
    config = status.config
    text = clean(config.file or "from the command line and the environment")
    text.append(f"  generation {config.generation}, since {time(config.since)}")
    if config.refused:
        text.append(f"\nrefused: {config.refused[0]}", "red")
    if config.needs_restart:
        text.append(f"\nneeds a restart: {', '.join(config.needs_restart)}", "yellow")
    for warning in config.warnings:
        text.append(f"\n{warning}", "yellow")
    return text
