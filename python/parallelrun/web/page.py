"""The report as one page of HTML that needs nothing else: no script, no font, no picture. What it shows is hostile
text.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from parallelrun.api.models import Pair
from parallelrun.config.words import time
from parallelrun.evidence.outcomes import ALL, COMPARED, FAILED
from parallelrun.evidence.visible import in_one_line, visible
from parallelrun.web.notes import notes
from parallelrun.web.report import Report, interval, percent, share
from parallelrun.web.sidebyside import Row, side_by_side

OPENED = 5
"""So many differences show both answers without a click."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One outcome in the bar."""

    name: str
    style: str
    count: int
    share: float
    text: str


def page(report: Report) -> str:
    """The whole page."""
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            css=Markup((files("parallelrun.web") / "templates" / "report.css").read_text("utf-8")),  # noqa: S704 - our own file
            notes=notes(report),
            slices=_slices(report),
            opened=OPENED,
            rows=_rows,
            share=share,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("parallelrun.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=False
    )
    environment.filters |= {
        "visible": visible,
        "line": in_one_line,
        "percent": percent,
        "interval": interval,
        "time": time,
        "ms": _ms,
    }
    return environment


def _rows(pair: Pair, location: str) -> list[Row]:
    return side_by_side(pair.old, pair.new, location)


def _slices(report: Report) -> list[Slice]:
    outcomes = report.ledger.outcomes
    total = sum(outcomes.values())
    if not total:
        return []
    groups = {name: ("failed" if name in FAILED else name if name in COMPARED else "rest") for name in ALL}
    counts: dict[str, int] = dict.fromkeys(groups.values(), 0)
    for name, count in outcomes.items():
        counts[groups.get(name, "rest")] += count
    names = {"failed": "a side failed", "rest": "not compared"}
    return [
        Slice(names.get(style, style), style, count, count / total, share(count, total))
        for style, count in counts.items()
        if count
    ]


def _ms(value: float | None) -> str:
    if value is None:
        return "n/a"
    return f"{value:.3g} ms" if value < 1000 else f"{value / 1000:.3g} s"
