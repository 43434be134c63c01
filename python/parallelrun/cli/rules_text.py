"""`parallelrun rules` for people."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from parallelrun.api.rules import Rules
from parallelrun.api.trial import Changed, Trial
from parallelrun.cli.words import clean
from parallelrun.config.words import number
from parallelrun.evidence.visible import visible


def rules_text(found: Rules) -> RenderableType:
    """One line per rule."""
    if not found.items:
        return Text("no rules")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("kind", "at", "route", "settings", "reason", "owner", "until", "id"):
        table.add_column(name, overflow="fold")
    for rule in found.items:
        settings = ", ".join(f"{key}: {value}" for key, value in rule.settings.items() if value is not None)
        until = Text(f"{rule.until} expired", "red") if rule.expired else Text(str(rule.until or ""))
        cells = (rule.at, rule.route or "all", settings, rule.reason or "", rule.owner or "")
        table.add_row(rule.kind, *(clean(cell) for cell in cells), until, clean(rule.id, "dim"))
    return table


def changed_text(what: str, found: Rules) -> Group:
    """That the rules were added or removed, and are so now."""
    return Group(Text(f"{what}, and in force:"), rules_text(found))


def trial_text(found: Trial) -> Group:
    """What the rule would change, and how it is written."""
    looked = f"{number(found.pairs, 'stored pair')} looked at"
    skipped = f", {found.skipped:,} of them cut too short to compare again" if found.skipped else ""
    parts: list[RenderableType] = [
        Text(f"{looked}{skipped}; in {number(found.silenced, 'pair')} nothing would be left open."),
    ]
    for title, changed in (("It would hide", found.hidden), ("It would bring to light", found.revealed)):
        if changed:
            parts += [Text(f"\n{title}", "bold"), _changed(changed)]
    if not found.hidden:
        parts.append(Text("\nIt would hide nothing.", "bold yellow"))
    return Group(*parts, Text(f"\n{visible(found.yaml)}", "dim"))


def _changed(changed: list[Changed]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("pairs", "endpoint", "where", "kind"):
        table.add_column(name, overflow="fold", justify="right" if name == "pairs" else "left")
    for one in changed:
        table.add_row(f"{one.pairs:,}", clean(one.endpoint), clean(one.location), clean(one.kind))
    return table
