"""The command line. Each module registers its commands, and imports what they need when they run: `--help` is fast."""

import sys
from typing import Annotated

import typer

from parallelrun.cli import config, demo, judge, reading, rollout, rules, serve
from parallelrun.cli.exits import USAGE

_CLICKS_USAGE = 2

app = typer.Typer(
    name="parallelrun",
    help="Runs the old and the new version of a service side by side and compares every answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - most commands need none of it

        typer.echo(f"parallelrun {version('parallelrun')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


for module in (serve, demo, reading, rollout, rules, judge, config):
    module.register(app)


def main() -> None:
    """The entry point of the `parallelrun` command. Exit codes are in docs/reference/commands.md."""
    try:
        app()
    except SystemExit as end:
        sys.exit(USAGE if end.code == _CLICKS_USAGE else end.code)
