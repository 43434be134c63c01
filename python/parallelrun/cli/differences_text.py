"""`parallelrun diffs` for people."""

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from parallelrun.api.models import Differences
from parallelrun.cli.words import STATUS_STYLES, clean
from parallelrun.web.report import percent


def differences_text(found: Differences) -> RenderableType:
    """One line per difference."""
    if not found.items:
        return Text("no differences")
    title = None if len(found.items) == found.total else f"the first {len(found.items):,} of {found.total:,}"
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", title=title)
    table.add_column("status", no_wrap=True)
    table.add_column("endpoint", overflow="fold")
    table.add_column("where", overflow="fold")
    table.add_column("kind", no_wrap=True)
    table.add_column("pairs", justify="right", no_wrap=True)
    table.add_column("noise", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column("old", overflow="fold", style="yellow")
    table.add_column("new", overflow="fold", style="blue")
    table.add_column("pair", no_wrap=True, style="dim")  # in one piece, for `show`
    for one in found.items:
        table.add_row(
            Text(one.status, STATUS_STYLES[one.status]),
            clean(one.endpoint),
            clean(one.location),
            clean(one.kind),
            f"{one.count:,}",
            f"{one.noise_count:,}",
            percent(one.rate),
            clean(one.old, most=40),
            clean(one.new, most=40),
            one.pair_id or "",
        )
    return table
