"""The command line. Each module registers its commands, and imports what they need when they run: `--help` is fast."""

import sys

import typer

from parallelrun.cli import config, demo, reading, rules, serve

USAGE = 64
"""Exit code: bad usage or configuration (`EX_USAGE`)."""

_CLICKS_USAGE = 2

app = typer.Typer(
    name="parallelrun",
    help="Runs the old and the new version of a service side by side and compares every answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (serve, demo, reading, rules, config):
    module.register(app)


def main() -> None:
    """The entry point of the `parallelrun` command. Exit codes are in docs/reference/commands.md."""
    try:
        app()
    except SystemExit as end:
        sys.exit(USAGE if end.code == _CLICKS_USAGE else end.code)
