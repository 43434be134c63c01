"""`parallelrun rollout`: where the rollout stands, and what a person may ask of it."""

from typing import TYPE_CHECKING, Annotated

import typer

from parallelrun.cli.client import DEFAULT_ADMIN, Admin, AdminOption, JsonOption
from parallelrun.cli.exits import NO
from parallelrun.cli.printing import console, print_json, print_text

if TYPE_CHECKING:
    from parallelrun.api.rollout import Rollout
    from parallelrun.rollout import Command

ReasonOption = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why: kept in the history.", show_default=False)
]

rollout = typer.Typer(name="rollout", help="Shows the rollout, and moves it.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds `rollout`."""
    app.add_typer(rollout)


@rollout.command()
def status(*, admin: AdminOption = DEFAULT_ADMIN, json: JsonOption = False) -> None:
    """Shows where the rollout stands, on what evidence, what is missing for the next step, and what it has done."""
    from parallelrun.api.rollout import Rollout  # noqa: PLC0415 - `--help` needs none of it

    _show(Admin(admin).get("/api/v1/rollout", Rollout), json=json)


@rollout.command()
def start(*, reason: ReasonOption = "", admin: AdminOption = DEFAULT_ADMIN, json: JsonOption = False) -> None:
    """Starts a rollout, with fresh evidence; also one that was rolled back."""
    _ask("start", reason, admin, json=json)


@rollout.command()
def pause(*, reason: ReasonOption = "", admin: AdminOption = DEFAULT_ADMIN, json: JsonOption = False) -> None:
    """Holds the weight where it is. Proof that the new side is bad still rolls back."""
    _ask("pause", reason, admin, json=json)


@rollout.command()
def resume(*, reason: ReasonOption = "", admin: AdminOption = DEFAULT_ADMIN, json: JsonOption = False) -> None:
    """Goes on from a pause, with the evidence so far and a new deadline."""
    _ask("resume", reason, admin, json=json)


@rollout.command()
def advance(*, reason: ReasonOption = "", admin: AdminOption = DEFAULT_ADMIN, json: JsonOption = False) -> None:
    """Takes the next step at once: the approval where one is waited for, else whatever the evidence says.

    Just after a step it does nothing: pressed twice, or by two people, it takes one step.
    """
    _ask("advance", reason, admin, json=json)


@rollout.command()
def rollback(*, reason: ReasonOption = "", admin: AdminOption = DEFAULT_ADMIN, json: JsonOption = False) -> None:
    """Sends everybody to the old side at once. Only `start` or another version goes on from there."""
    _ask("rollback", reason, admin, json=json)


@rollout.command()
def journal(*, admin: AdminOption = DEFAULT_ADMIN) -> None:
    """Prints each look of the judge with its verdict, one JSON object a line: for `parallelrun judge --replay FILE`."""
    print_text(Admin(admin).text("/api/v1/rollout/journal"))


def _ask(command: "Command", reason: str, admin: str, *, json: bool) -> None:
    from parallelrun.api.rollout import Answer  # noqa: PLC0415 - `--help` needs none of it

    found = Admin(admin).post(f"/api/v1/rollout/{command}", Answer, {"reason": reason}, conflict=NO)
    if found.already and not json:
        console().print(found.already, style="yellow", soft_wrap=True)
    _show(found, json=json)


def _show(found: "Rollout", *, json: bool) -> None:
    from parallelrun.cli.rollout_text import rollout_text  # noqa: PLC0415

    if json:
        print_json(found)
    else:
        console().print(rollout_text(found), soft_wrap=True)
