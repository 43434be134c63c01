"""`parallelrun report --format markdown`: for an issue, a merge request or a chat."""

import re
from collections.abc import Iterator

from parallelrun.api.models import Difference
from parallelrun.cli.words import NOTHING, milliseconds
from parallelrun.config.words import number, time
from parallelrun.evidence.visible import in_one_line, visible
from parallelrun.web.notes import notes
from parallelrun.web.report import Report, interval, percent, share

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>&@:])")


def markdown(report: Report) -> str:
    """The whole report. What strangers wrote can neither end a cell nor become markup."""
    return "\n".join(_lines(report)) + "\n"


def plain(text: str) -> str:
    """Text of strangers outside of code."""
    return _SPECIAL.sub(r"\\\1", in_one_line(text))


def code(text: str | None) -> str:
    """Text of strangers as code within a line, also within a table."""
    if text is None:
        return f"*{NOTHING}*"
    safe = in_one_line(text)[:200].replace("|", "\\|")
    if not safe.strip():
        return f"*blank, {number(len(safe), 'character')}*" if safe else "*empty*"
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", safe)), default=0))
    padded = f" {safe} " if safe.startswith("`") or safe.endswith("`") else safe
    return f"{fence}{padded}{fence}"


def _lines(report: Report) -> Iterator[str]:
    yield f"# {report.title}"
    yield f"\n{report.headline}\n"
    yield f"Old {code(report.status.old.url)}, new {code(report.status.new.url)}, since {time(report.ledger.since)}."
    for note in notes(report):
        yield f"\n> {plain(note)}"
    if report.rollout:
        yield f"\n## Rollout\n\n{plain(report.rollout.summary)}\n"
        yield from _table(
            ("At", "What", "New serves", "By", "Why"),
            (
                (time(one.at), plain(one.action), f"{100 * one.weight:g} %", one.by, plain(one.reason))
                for one in report.rollout.history[::-1]
            ),
        )
    if report.open:
        yield "\n## Open differences\n"
        yield from _table(
            ("#", "Endpoint", "Where", "Kind", "Share", "95 % interval", "Old", "New", "First", "Last", "Pair"),
            (_open(place, one) for place, one in enumerate(report.open, 1)),
        )
        yield "\n<details><summary>Rules that would hide them</summary>\n"
        for place, one in enumerate(report.open, 1):
            yield f"\n{place}\\. {code(one.location)} of {code(one.endpoint)}\n"
            yield from (f"    {line}" for line in visible(one.silence.yaml).splitlines())
        yield "\n</details>"
    if report.failing:
        yield "\n## The new side failed, the old one did not\n"
        yield from _table(
            ("Endpoint", "Failed", "Share", "95 % interval"),
            (
                (
                    code(one.endpoint),
                    f"{one.new_failed.count} of {one.new_failed.of}",
                    percent(one.new_failed),
                    interval(one.new_failed),
                )
                for one in report.failing
            ),
        )
    if report.not_compared:
        yield "\n## Not compared, and why\n"
        yield from _table(
            ("Outcome", "Requests", "Share", "Why"),
            (
                (code(one.outcome), f"{one.count}", share(one.count, report.compared.of), plain(one.why))
                for one in report.not_compared
            ),
        )
    if report.endpoints:
        yield "\n## Endpoints\n"
        yield from _table(
            ("Endpoint", "Requests", "Compared", "Alike", "Mismatch", "p50 old", "p50 new", "p99 old", "p99 new"),
            _endpoints(report),
        )
    for title, found in (("Races", report.races), ("Noise", report.noise), ("Hidden by rules", report.ignored)):
        if found:
            yield f"\n## {title}\n"
            yield from _table(
                ("Endpoint", "Where", "Kind", "Pairs", "Of them noise", "Old", "New"), map(_listed, found)
            )


def _open(place: int, one: Difference) -> tuple[str, ...]:
    share = f"{one.rate.count} of {one.rate.of} ({percent(one.rate)})"
    return (
        str(place),
        code(one.endpoint),
        code(one.location),
        plain(one.kind),
        share,
        interval(one.rate),
        code(one.old),
        code(one.new),
        time(one.first_seen),
        time(one.last_seen),
        code(one.pair_id) if one.pair_id else "",
    )


def _listed(one: Difference) -> tuple[str, ...]:
    counts = (str(one.count), str(one.noise_count))
    return (code(one.endpoint), code(one.location), plain(one.kind), *counts, code(one.old), code(one.new))


def _endpoints(report: Report) -> Iterator[tuple[str, ...]]:
    for one in report.endpoints:
        old, new = one.old.latency_ms, one.new.latency_ms
        times = (milliseconds(value) for value in (old.p50, new.p50, old.p99, new.p99))
        yield (
            code(one.endpoint),
            f"{one.requests}",
            percent(one.compared),
            percent(one.alike),
            percent(one.mismatch),
            *times,
        )


def _table(names: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield f"|{' --- |' * len(names)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
