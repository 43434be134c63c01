"""`parallelrun rules`: the rules in force, and what another one would change."""

from enum import StrEnum
from typing import Annotated

import typer

from parallelrun.cli.client import DEFAULT_ADMIN, Admin, AdminOption, JsonOption
from parallelrun.cli.printing import console, print_json


class Kind(StrEnum):
    """The kinds of rules."""

    ignore = "ignore"
    unordered = "unordered"
    tolerance = "tolerance"
    equivalent = "equivalent"
    case = "case"
    additive = "additive"


rules = typer.Typer(name="rules", help="Shows the rules in force, and tries another one.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds `rules`."""
    app.add_typer(rules)


@rules.command("list")
def list_(*, admin: AdminOption = DEFAULT_ADMIN, json: JsonOption = False) -> None:
    """Lists the rules in force, with reason, owner and last day; expired ones are no longer applied."""
    from parallelrun.api.rules import Rules  # noqa: PLC0415 - `--help` needs none of it
    from parallelrun.cli.rules_text import rules_text  # noqa: PLC0415

    found = Admin(admin).get("/api/v1/rules", Rules)
    if json:
        print_json(found)
    else:
        console().print(rules_text(found))


@rules.command("try")
def try_(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help=f"The list it would stand in: {', '.join(Kind)}.")],
    at: Annotated[str, typer.Argument(help="Where: a location, such as '$.items[*].price'.")],
    *,
    route: Annotated[str | None, typer.Option(metavar="MATCH", help="Its route, such as 'GET /orders/{id}'.")] = None,
    by: Annotated[str | None, typer.Option(metavar="KEY", help="Of unordered: the key that pairs items.")] = None,
    absolute: Annotated[float | None, typer.Option(metavar="N", help="Of tolerance.")] = None,
    relative: Annotated[str | None, typer.Option(metavar="SHARE", help="Of tolerance, such as 0.1%.")] = None,
    pattern: Annotated[str | None, typer.Option(metavar="REGEX", help="Of equivalent.")] = None,
    replacement: Annotated[str | None, typer.Option(metavar="TEXT", help="Of equivalent.")] = None,
    admin: AdminOption = DEFAULT_ADMIN,
    json: JsonOption = False,
) -> None:
    """Says what a rule would hide among the stored pairs, and prints it for the configuration. Changes nothing."""
    from parallelrun.api.trial import Trial  # noqa: PLC0415
    from parallelrun.cli.rules_text import trial_text  # noqa: PLC0415

    given = {"kind": kind.value, "at": at, "route": route, "by": by, "absolute": absolute, "relative": relative}
    given |= {"pattern": pattern, "replacement": replacement}
    query = {name: str(value) for name, value in given.items() if value is not None}
    found = Admin(admin).get("/api/v1/rules/try", Trial, **query)
    if json:
        print_json(found)
    else:
        console().print(trial_text(found), soft_wrap=True)
