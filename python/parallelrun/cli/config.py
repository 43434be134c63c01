"""`parallelrun config`: looks at a configuration without running anything."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from parallelrun.cli.exits import USAGE


def register(app: typer.Typer) -> None:
    """Adds `config check` and `config schema`."""
    commands = typer.Typer(help="Checks a configuration file, and says what may be in one.", no_args_is_help=True)
    commands.command("check")(check)
    commands.command("schema")(schema)
    app.add_typer(commands, name="config")


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The YAML file.", show_default=False)],
) -> None:
    """Checks a file as `serve` would, settings from the environment included.

    One line per error: file, line, key, what was expected; exit 64. Warnings do not fail.
    """
    from parallelrun.config import BadConfigError, Source  # noqa: PLC0415 - `--help` needs none of it

    try:
        loaded = Source(file, {}, os.environ).load()
    except BadConfigError as error:
        for problem in error.problems:
            typer.echo(problem, err=True)
        raise typer.Exit(USAGE) from None
    for warning in loaded.warnings:
        typer.echo(f"{warning} (warning)", err=True)
    typer.echo(f"{file}: ok")


def schema() -> None:
    """Prints the JSON Schema of a configuration file, for editors."""
    from parallelrun.config import schema as config_schema  # noqa: PLC0415

    typer.echo(json.dumps(config_schema(), indent=2))
