"""`parallelrun serve`: runs the process."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parallelrun.cli.exits import USAGE

if TYPE_CHECKING:
    from parallelrun.config import Loaded, Source
    from parallelrun.engine import StartError


def register(app: typer.Typer) -> None:
    """Adds `serve`."""
    app.command("serve")(serve)


def serve(
    *,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", help="The YAML file with the settings.")
    ] = None,
    old: Annotated[str | None, typer.Option(metavar="URL", help="The version that serves today.")] = None,
    new: Annotated[str | None, typer.Option(metavar="URL", help="The version that is to replace it.")] = None,
    listen: Annotated[
        str | None, typer.Option(metavar="ADDR:PORT", help="Where clients connect. Default: 127.0.0.1:8080.")
    ] = None,
    admin: Annotated[
        str | None, typer.Option(metavar="ADDR:PORT", help="Where the admin API listens. Default: 127.0.0.1:8081.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where evidence is kept. Default: sqlite:///parallelrun.db."),
    ] = None,
) -> None:
    """Serves clients from the old version, sends a copy of each request to the new one, and compares the answers.

    Options beat PARALLELRUN_ variables, these beat the file. SIGHUP, or a change to the file, reads the settings
    again; SIGTERM or Ctrl-C lets requests finish and ends. Where stdout is a terminal it shows what goes on; where it
    is not, or stderr is none, it writes one JSON line per event to stderr.
    """
    from parallelrun.config import BadConfigError, Source  # noqa: PLC0415 - `--help` needs none of it

    options: dict[str, Any] = {
        "old": old,
        "new": new,
        "listen": listen,
        "admin": {"listen": admin} if admin else None,
        "store": store,
    }
    source = Source(config, {key: value for key, value in options.items() if value is not None}, os.environ)
    try:
        loaded = source.load()
    except BadConfigError as error:
        for problem in error.problems:
            typer.echo(problem, err=True)
        if config is None and not (old and new):
            typer.echo("Give --old URL and --new URL, or -c FILE.", err=True)
        raise typer.Exit(USAGE) from None
    _run(source, loaded)


def _run(source: "Source", loaded: "Loaded") -> None:
    from rich.console import Console  # noqa: PLC0415

    from parallelrun.cli import log  # noqa: PLC0415
    from parallelrun.engine import StartError, run  # noqa: PLC0415
    from parallelrun.web.app import create_app  # noqa: PLC0415

    console = Console()
    live = None
    if console.is_interactive:
        from parallelrun.cli.live import Live  # noqa: PLC0415

        live = Live(console)
    # Who sends stderr elsewhere wants the events there, also where he watches.
    if live and sys.stderr.isatty():
        log.lines_on(console)
    else:
        log.json_lines()
    try:
        asyncio.run(run(source, loaded, create_app, live.show if live else None))
    except StartError as error:
        typer.echo(_line(error, source), err=True)
        raise typer.Exit(error.code) from None
    if live:
        live.sum_up()


def _line(error: "StartError", source: "Source") -> str:
    """The error, and where the value came from if not from the command that was just typed."""
    set_by = source.set_by(tuple(error.setting.split("."))) if error.setting else None
    if set_by in (None, "command line"):
        return str(error)
    return f"{error.setting} (set by {set_by}): {error.wrong}"
