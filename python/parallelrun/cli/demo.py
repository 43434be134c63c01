"""`parallelrun demo`: an example shop's two versions, real traffic, and what parallelrun says about it.

The shop is no part of the installed package: the command works in a checkout, where examples/shop is.
"""

import importlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from parallelrun.cli.exits import USAGE


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("demo")(demo)


def demo(
    requests: Annotated[int, typer.Option(help="How many requests the shop gets.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the catalogue and the traffic.")] = 1,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the report.")] = False,
) -> None:
    """Runs an example shop's old and new version side by side, and shows what parallelrun finds.

    Starts PostgreSQL, Valkey, both versions and parallelrun on free ports of this machine, sends traffic, prints what
    was found, and puts the report and a page with both answers side by side into .demo/. The new version makes mistakes
    on purpose: ends with 0 if all of them were found and nothing else, with 1 if not.
    """
    examples = find_examples()
    if examples is None:
        raise _refuse("it needs examples/shop, which is in the source code only: run `make demo` in a checkout")
    sys.path.insert(0, str(examples))
    try:
        shop = importlib.import_module("shop.demo")
    except ModuleNotFoundError as error:
        raise _refuse(f"{error.name} is not installed: run `make demo`, or `pip install --group demo`") from None
    try:
        right = shop.main(
            Console(), examples.parent / ".demo", requests, seed, browser=not no_browser and may_open_browser()
        )
    except ValueError as error:
        raise _refuse(f"--requests: {error}") from None
    raise typer.Exit(0 if right else 1)


def find_examples() -> Path | None:
    """Finds the examples of the checkout that this package, or else the working directory, belongs to."""
    for inside in (Path(__file__).resolve().parent, Path.cwd()):
        for directory in (inside, *inside.parents):
            if (directory / "examples" / "shop" / "launch.py").is_file():
                return directory / "examples"
    return None


def may_open_browser() -> bool:
    """Whether somebody is there to look at a browser."""
    screen = sys.platform == "darwin" or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    return screen and sys.stdout.isatty() and "CI" not in os.environ


def _refuse(text: str) -> typer.Exit:
    Console(stderr=True).print(f"[bold red]demo:[/] {escape(text)}", highlight=False, soft_wrap=True)
    return typer.Exit(USAGE)
