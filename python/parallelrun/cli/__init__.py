"""The command line. Each module registers its commands, and imports what they need when they run: `--help` is fast."""

import sys
from collections.abc import Iterator
from typing import Annotated, cast

import typer
import typer.main

from parallelrun.cli import config, demo, judge, reading, rollout, rules, serve
from parallelrun.cli.exits import NO, USAGE

_UsageError = cast("type[Exception]", typer.BadParameter.__base__)
"""What Typer raises where a command line is wrong; it has no public name."""


def _forget(*_result: object, **_options: object) -> None:
    """What a command returns says nothing: only `typer.Exit` sets the exit code."""


app = typer.Typer(
    name="parallelrun",
    result_callback=_forget,
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
        ended = app(prog_name="parallelrun", standalone_mode=False)
    except _UsageError as error:
        message = str(error.format_message())  # type: ignore[attr-defined]
        if message:  # a group alone has printed its help
            typer.echo(_one_line(message), err=True)
        ended = USAGE
    except typer.Abort:
        typer.echo(f"{_command()}: aborted", err=True)
        ended = NO
    sys.exit(ended)


def _one_line(message: str) -> str:
    """Which command is wrong, what is, and where it is explained."""
    wrong = " ".join(message.replace("Value error, ", "").split()).removesuffix(".")
    command = _command()
    return f"{command}: {wrong[0].lower()}{wrong[1:]}; `{command} --help` explains it"


def _command() -> str:
    return " ".join(["parallelrun", *_commands(sys.argv[1:])])


def _commands(words: list[str]) -> Iterator[str]:
    """Those of the words that name the command, such as `rollout` and `status`."""
    known = getattr(typer.main.get_command(app), "commands", {})
    for word in words:
        if word not in known:
            return
        yield word
        known = getattr(known[word], "commands", {})
