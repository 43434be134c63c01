"""`parallelrun show` for people: one pair, side by side."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from parallelrun.api.models import Pair
from parallelrun.cli.words import clean, milliseconds
from parallelrun.config.words import time
from parallelrun.evidence.visible import visible
from parallelrun.web.sidebyside import Cell, Row, everything

NARROW = 90
"""Columns below which the sides stand above each other."""
_BODY = 2000
"""Characters of a request body that are shown."""


def pair_text(pair: Pair, width: int) -> Group:
    """The request, the differences, and what both sides answered where they differ."""
    parts: list[RenderableType] = [
        Text.assemble(clean(pair.request.method, "bold"), " ", clean(pair.request.target, "bold")),
        clean(f"{pair.endpoint}, {pair.outcome}, {time(pair.at)}, {pair.serving} served", "dim"),
        Text(f"old {milliseconds(pair.old.ms)}, new {milliseconds(pair.new.ms)}", "dim"),
    ]
    for name, value in pair.request.headers:
        parts.append(Text.assemble(clean(name, "dim"), ": ", clean(value)))
    if pair.request.body and pair.request.body.text:
        parts.append(Text(visible(pair.request.body.text[:_BODY])))
    if pair.differences:
        parts += ["", _differences(pair)]
    parts += ["", _sides(everything(pair.old, pair.new), width)]
    return Group(*parts)


def _differences(pair: Pair) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("where", "kind", "verdict", "old", "new", "hidden by"):
        table.add_column(name, overflow="fold")
    for one in pair.differences:
        table.add_row(
            clean(one.location), clean(one.kind), one.verdict, clean(one.old), clean(one.new), clean(one.rule or "")
        )
    return table


def _sides(rows: list[Row], width: int) -> RenderableType:
    if width < NARROW:
        return _above_each_other(rows)
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", expand=True)
    for name in ("old", "new"):
        table.add_column("", justify="right", style="dim", no_wrap=True)
        table.add_column(name, overflow="fold", ratio=1)
    for row in rows:
        if row.state == "gap":
            table.add_row("", Text("⋯", "dim"), "", Text("⋯", "dim"))
        else:
            table.add_row(*_cell(row.old, row.state, "yellow"), *_cell(row.new, row.state, "blue"))
    return table


def _above_each_other(rows: list[Row]) -> Group:
    lines = []
    for row in rows:
        if row.state == "gap":
            lines.append(Text("  ⋯", "dim"))
            continue
        if row.old:
            sign = "  " if row.state == "same" else "- "
            lines.append(Text.assemble(sign, _cell(row.old, row.state, "yellow")[1]))
        if row.new and row.state != "same":
            lines.append(Text.assemble("+ ", _cell(row.new, row.state, "blue")[1]))
    return Group(*lines)


def _cell(cell: Cell | None, state: str, style: str) -> tuple[str, Text]:
    if cell is None:
        return "", Text()
    marked = f"bold {style}"
    plain = "" if state == "same" else style
    text = Text.assemble((visible(cell.before), plain), (visible(cell.marked), marked), (visible(cell.after), plain))
    return str(cell.number or ""), text
