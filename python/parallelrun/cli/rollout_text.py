"""`parallelrun rollout` for people."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from parallelrun.api.rollout import Evidence, Move, Rollout
from parallelrun.cli.words import clean, lines
from parallelrun.config.words import number, span, time

MOVES = 10
"""The last ones are shown."""
_STYLES = {"rolled_back": "bold red", "paused": "yellow", "fallback": "yellow", "complete": "green"}
_VERDICTS = {"advance": "green", "roll_back": "bold red", "blind": "yellow", "hold": ""}
_LONGEST = 2000
"""Characters of a reason."""


def rollout_text(rollout: Rollout) -> Group:
    """The rollout in a dozen lines."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("phase", Text(rollout.phase, _STYLES.get(rollout.phase, "bold")))
    table.add_row("weight", _weight(rollout))
    if rollout.evidence or rollout.phase == "rolled_back":
        table.add_row("verdict", Text(rollout.verdict, _VERDICTS[rollout.verdict]))
    if rollout.reason:
        table.add_row("why", lines(rollout.reason, most=_LONGEST))
    if rollout.more_requests:
        where = f" at {rollout.endpoint}" if rollout.endpoint else ""
        when = f", in about {span(rollout.eta_s)}" if rollout.eta_s is not None else ""
        table.add_row("missing", clean(f"{number(rollout.more_requests, 'more answer')}{where}{when}", most=_LONGEST))
    if rollout.deadline:
        table.add_row("deadline", time(rollout.deadline))
    parts: list[RenderableType] = [clean(rollout.summary, "bold", most=_LONGEST), table]
    if rollout.evidence:
        parts += ["", _evidence(rollout.evidence)]
    if rollout.history:
        parts += ["", moves(rollout.history[:MOVES])]
    return Group(*parts)


def _weight(rollout: Rollout) -> str:
    steps = ", ".join(f"{100 * step:g} %" for step in rollout.steps)
    return f"{100 * rollout.weight:g} % of the clients (steps {steps})"


def _evidence(evidence: list[Evidence]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("gate", no_wrap=True)
    for name in ("events", "answers", "rate", "budget"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for one in evidence:
        rate = "n/a" if one.rate is None else f"{100 * one.rate:.3g} %"
        proved = Text("proved", "green") if one.proved else Text("not proved")
        table.add_row(one.metric, f"{one.events:,}", f"{one.of:,}", rate, f"{100 * one.budget:g} %", proved)
    return table


def moves(history: list[Move]) -> Table:
    """What a rollout did, and why, a line each."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("when", "what", "weight", "by"):
        table.add_column(name, no_wrap=True, justify="right" if name == "weight" else "left")
    table.add_column("why", overflow="fold")
    for move in history:
        what = move.action.replace("_", " ")
        table.add_row(time(move.at), what, f"{100 * move.weight:g} %", move.by, clean(move.reason, most=_LONGEST))
    return table
