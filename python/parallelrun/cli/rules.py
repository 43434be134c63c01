"""`parallelrun rules`: the rules in force, one more, and one less."""

from enum import StrEnum
from typing import Annotated

import typer

from parallelrun.cli.client import DEFAULT_ADMIN, Admin, AdminOption, JsonOption, end
from parallelrun.cli.exits import NO, USAGE
from parallelrun.cli.printing import console, print_json


class Kind(StrEnum):
    """The kinds of rules."""

    ignore = "ignore"
    unordered = "unordered"
    tolerance = "tolerance"
    equivalent = "equivalent"
    case = "case"
    additive = "additive"


KindArgument = Annotated[Kind, typer.Argument(metavar="KIND", help=f"The list it stands in: {', '.join(Kind)}.")]
AtArgument = Annotated[str, typer.Argument(help="Where: a location, such as '$.items[*].price'.")]
RouteOption = Annotated[str | None, typer.Option(metavar="MATCH", help="Its route, such as 'GET /orders/{id}'.")]
ByOption = Annotated[str | None, typer.Option(metavar="KEY", help="Of unordered: the key that pairs items.")]
AbsoluteOption = Annotated[float | None, typer.Option(metavar="N", help="Of tolerance.")]
RelativeOption = Annotated[str | None, typer.Option(metavar="SHARE", help="Of tolerance, such as 0.1%.")]
PatternOption = Annotated[str | None, typer.Option(metavar="REGEX", help="Of equivalent.")]
ReplacementOption = Annotated[str | None, typer.Option(metavar="TEXT", help="Of equivalent.")]

rules = typer.Typer(name="rules", help="Shows the rules in force, tries, adds and removes one.", no_args_is_help=True)


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
    kind: KindArgument,
    at: AtArgument,
    *,
    route: RouteOption = None,
    by: ByOption = None,
    absolute: AbsoluteOption = None,
    relative: RelativeOption = None,
    pattern: PatternOption = None,
    replacement: ReplacementOption = None,
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


@rules.command("add")
def add(
    kind: KindArgument,
    at: AtArgument,
    *,
    route: RouteOption = None,
    by: ByOption = None,
    absolute: AbsoluteOption = None,
    relative: RelativeOption = None,
    pattern: PatternOption = None,
    replacement: ReplacementOption = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why it does not matter.")] = None,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Whom to ask about it.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="The last day it applies, as 2027-03-01.")] = None,
    admin: AdminOption = DEFAULT_ADMIN,
    json: JsonOption = False,
) -> None:
    """Writes a rule into the configuration file of the running process, which takes it over at once.

    The rest of the file stays as it is, comments included. Where the file cannot be changed, or would not be valid, it
    is left alone, and the command ends with 64.
    """
    from parallelrun.api.rules import Rule, Rules  # noqa: PLC0415
    from parallelrun.cli.rules_text import changed_text  # noqa: PLC0415

    given = {"kind": kind.value, "at": at, "route": route, "by": by, "absolute": absolute, "relative": relative}
    given |= {"pattern": pattern, "replacement": replacement, "reason": reason, "owner": owner, "until": until}
    body = {name: value for name, value in given.items() if value is not None}
    added = Admin(admin).post("/api/v1/rules", Rule, body)
    if json:
        print_json(added)
    else:
        console().print(changed_text("Added", Rules(items=[added])))


@rules.command("remove")
def remove(
    rule: Annotated[str, typer.Argument(help="Its id, or its location if no other rule has that.")],
    *,
    admin: AdminOption = DEFAULT_ADMIN,
    json: JsonOption = False,
) -> None:
    """Takes a rule out of the configuration file of the running process, which drops it at once.

    Ends with 1 if there is no such rule, with 64 if several have the location or the file cannot be changed.
    """
    from parallelrun.api.rules import Rules  # noqa: PLC0415
    from parallelrun.cli.rules_text import changed_text  # noqa: PLC0415

    api = Admin(admin)
    known = api.get("/api/v1/rules", Rules).items
    ids = {one.id for one in known if one.id == rule} or {one.id for one in known if one.at == rule}
    if not ids:
        raise end(f"there is no rule {rule!r}; `parallelrun rules list` shows all", NO)
    if len(ids) > 1:
        raise end(f"several rules stand at {rule!r}: say which one, of {', '.join(sorted(ids))}", USAGE)
    gone = api.delete("/api/v1/rules", Rules, id=ids.pop())
    if json:
        print_json(gone)
    else:
        console().print(changed_text("Removed", gone))
