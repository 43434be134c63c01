"""`parallelrun judge`: judges a journal of evidence again."""

from pathlib import Path
from typing import Annotated

import typer

from parallelrun.cli.exits import NO, USAGE

_LONGEST = 1000
"""Characters of a line that are printed."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("judge")(judge)


def judge(
    *,
    replay: Annotated[
        Path, typer.Option(metavar="FILE", help="A journal of evidence: one JSON object a line.", show_default=False)
    ],
) -> None:
    """Recomputes every verdict of a rollout from its evidence, so that anybody can check a decision.

    Ends with 0 if all verdicts follow from the evidence; with 1 if one does not, or if there is none; with 64 if the
    file cannot be read.
    """
    from parallelrun.cli.words import clean  # noqa: PLC0415 - `--help` needs none of it
    from parallelrun.config.words import number, time, verb  # noqa: PLC0415
    from parallelrun.judge import JournalError  # noqa: PLC0415
    from parallelrun.judge import replay as judge_again  # noqa: PLC0415

    try:
        with replay.open(encoding="utf-8") as lines:
            found = judge_again(lines)
    except (OSError, UnicodeDecodeError) as error:
        typer.echo(f"{replay}: {getattr(error, 'strerror', None) or 'expected UTF-8'}", err=True)
        raise typer.Exit(USAGE) from None
    except JournalError as error:
        typer.echo(f"{replay}:{error.number}: {clean(error.expected, most=_LONGEST)}", err=True)
        raise typer.Exit(USAGE) from None
    for each in found.differing:
        where = f"{each.entry.look.rollout} at {time(each.entry.look.at)}: {each.what}"
        typer.echo(f"{replay}:{each.line}: {clean(where, most=_LONGEST)}")
        typer.echo(f"    {clean(each.recomputed.reason, most=_LONGEST)}")
    agree = found.verdicts - len(found.differing)
    typer.echo(f"{agree:,} of {number(found.verdicts, 'verdict')} {verb(agree, 'follow')} from the evidence.")
    if found.differing or not found.verdicts:
        raise typer.Exit(NO)
