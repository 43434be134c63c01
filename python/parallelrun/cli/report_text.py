"""`parallelrun report --format text`: for a terminal and for a mail."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from parallelrun.api.models import Difference
from parallelrun.cli.rollout_text import moves
from parallelrun.cli.words import clean, milliseconds
from parallelrun.config.words import time
from parallelrun.web.notes import notes
from parallelrun.web.report import Report, interval, percent, share

_STYLES = {"differs": "bold red", "fails": "bold red", "agrees": "bold green", "nothing compared": "bold yellow"}


def report_text(report: Report) -> Group:
    """The whole report."""
    return Group(*_parts(report))


def _parts(report: Report) -> Iterator[RenderableType]:
    yield Text(f"{report.title}.", _STYLES[report.verdict])
    yield Text(report.headline)
    yield Text.assemble(("old ", "dim"), clean(report.status.old.url), ("  new ", "dim"), clean(report.status.new.url))
    yield Text(f"since {time(report.ledger.since)}, made {time(report.made_at)}", "dim")
    for note in notes(report):
        yield Text.assemble(("! ", "bold yellow"), clean(note, most=1000))
    if report.rollout:
        yield _title("Rollout")
        yield clean(report.rollout.summary, most=1000)
        yield moves(report.rollout.history[::-1])
    if report.open:
        yield _title("Open differences")
        for place, one in enumerate(report.open, 1):
            yield from _open(place, one)
    if report.failing:
        yield _title("The new side failed, the old one did not")
        yield _failing(report)
    if report.not_compared:
        yield _title("Not compared, and why")
        yield _not_compared(report)
    if report.endpoints:
        yield _title("Endpoints")
        yield _endpoints(report)
    for name, found in (("Races", report.races), ("Noise", report.noise), ("Hidden by rules", report.ignored)):
        if found:
            yield _title(name)
            yield _listed(found)


def _title(text: str) -> Padding:
    return Padding(Text(text, "bold underline"), (1, 0, 0, 0), expand=False)


def _open(place: int, one: Difference) -> Iterator[RenderableType]:
    yield Text.assemble(
        (f"{place:>3}. ", "dim"),
        clean(one.kind, "bold red"),
        "  ",
        clean(one.location, "bold"),
        "  ",
        clean(one.endpoint),
    )
    rate = one.rate
    facts = f"{rate.count:,} of {rate.of:,} compared ({percent(rate)}, 95 % interval {interval(rate)})"
    facts += f", noise in {one.noise_count:,} more" if one.noise_count else ""
    unconfirmed = "" if one.verdicts.confirmed else ", not confirmed: could not be asked again"
    lines = [
        Text(f"{facts}{unconfirmed}", "dim"),
        Text(f"first {time(one.first_seen)}, last {time(one.last_seen)}", "dim"),
        Text.assemble(("old   ", "dim"), clean(one.old, "yellow")),
        Text.assemble(("new   ", "dim"), clean(one.new, "blue")),
    ]
    if one.pair_id:
        lines.append(Text.assemble(("show  ", "dim"), f"parallelrun show {one.pair_id}"))
    where = f"route {one.silence.route}" if one.silence.route else "every route"
    lines.append(Text.assemble(("hide  ", "dim"), clean(f"{one.silence.kind} at {one.silence.at}, {where}")))
    yield Padding(Group(*lines), (0, 0, 1, 5), expand=False)


def _failing(report: Report) -> Table:
    table = _table("endpoint", "failed>", "share>", "95 % interval>")
    for one in report.failing:
        failed = one.new_failed
        table.add_row(clean(one.endpoint), f"{failed.count:,} of {failed.of:,}", percent(failed), interval(failed))
    return table


def _not_compared(report: Report) -> Table:
    table = _table("outcome", "requests>", "share>", "why")
    for one in report.not_compared:
        table.add_row(one.outcome, f"{one.count:,}", share(one.count, report.compared.of), one.why)
    return table


def _endpoints(report: Report) -> Table:
    table = _table("endpoint", "requests>", "compared>", "alike>", "mismatch>", "p50 old>", "new>", "p99 old>", "new>")
    for one in report.endpoints:
        old, new = one.old.latency_ms, one.new.latency_ms
        times = (milliseconds(value) for value in (old.p50, new.p50, old.p99, new.p99))
        shares = (percent(rate) for rate in (one.compared, one.alike, one.mismatch))
        table.add_row(clean(one.endpoint), f"{one.requests:,}", *shares, *times)
    return table


def _listed(found: list[Difference]) -> Table:
    table = _table("endpoint", "where", "kind", "pairs>", "noise>", "old", "new")
    for one in found:
        values = (clean(one.old, most=40), clean(one.new, most=40))
        table.add_row(
            clean(one.endpoint), clean(one.location), clean(one.kind), f"{one.count:,}", f"{one.noise_count:,}", *values
        )
    return table


def _table(*names: str) -> Table:
    """A table without lines; `>` after a name puts its column to the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        right = name.endswith(">")
        table.add_column(name.rstrip(">"), justify="right" if right else "left", overflow="fold", no_wrap=right)
    return table
