"""The commands that read: `status`, `report`, `diffs`, `show`, `doctor`."""

from enum import StrEnum
from typing import Annotated

import typer

from parallelrun.cli.client import DEFAULT_ADMIN, Admin, AdminOption, JsonOption, end, fetch_report
from parallelrun.cli.exits import NO
from parallelrun.cli.printing import console, print_json, print_text


class Format(StrEnum):
    """The forms of a report."""

    text = "text"
    json = "json"
    markdown = "markdown"
    html = "html"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (status, report, diffs, show, doctor):
        app.command(command.__name__)(command)


def status(*, admin: AdminOption = DEFAULT_ADMIN, json: JsonOption = False) -> None:
    """Shows the running process: its two sides, how much was compared, its store and its limits."""
    from parallelrun.api.models import Ledger  # noqa: PLC0415 - `--help` needs none of it
    from parallelrun.api.status import Status  # noqa: PLC0415
    from parallelrun.cli.status_text import status_text  # noqa: PLC0415

    api = Admin(admin)
    found = api.get("/api/v1/status", Status)
    if json:
        print_json(found)
    else:
        console().print(status_text(found, api.get("/api/v1/ledger", Ledger)), soft_wrap=True)


def report(
    *,
    form: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.text,
    admin: AdminOption = DEFAULT_ADMIN,
    json: JsonOption = False,
) -> None:
    """Reports where the two versions differ, the most important first.

    Ends with 0 if they agree; with 1 if there is an open difference, if the new version failed where the old one did
    not, or if nothing was compared.
    """
    found = fetch_report(Admin(admin))
    match Format.json if json else form:
        case Format.json:
            print_json(found)
        case Format.html:
            from parallelrun.web.page import page  # noqa: PLC0415

            print_text(page(found))
        case Format.markdown:
            from parallelrun.cli.report_markdown import markdown  # noqa: PLC0415

            print_text(markdown(found))
        case _:
            from parallelrun.cli.report_text import report_text  # noqa: PLC0415

            console().print(report_text(found), soft_wrap=True)
    if not found.agrees:
        raise typer.Exit(NO)


def diffs(
    endpoint: Annotated[str | None, typer.Argument(help="Only of this endpoint, such as 'GET /orders/{id}'.")] = None,
    *,
    admin: AdminOption = DEFAULT_ADMIN,
    json: JsonOption = False,
) -> None:
    """Lists the differences, the most important first: open ones, then races, noise, and what rules hide."""
    from parallelrun.api.models import Differences, Endpoints  # noqa: PLC0415
    from parallelrun.cli.differences_text import differences_text  # noqa: PLC0415

    api = Admin(admin)
    query = {} if endpoint is None else {"endpoint": endpoint}
    found = api.get("/api/v1/differences", Differences, **query)
    if endpoint is not None and not found.items:
        known = [one.endpoint for one in api.get("/api/v1/endpoints", Endpoints).items]
        if endpoint not in known:
            raise end(f"no requests of an endpoint {endpoint!r}. Known: {', '.join(known) or 'none yet'}", NO)
    if json:
        print_json(found)
    else:
        console().print(differences_text(found))


def show(
    pair_id: Annotated[str, typer.Argument(help="The pair, as `report` and `diffs` name it.")],
    *,
    admin: AdminOption = DEFAULT_ADMIN,
    json: JsonOption = False,
) -> None:
    """Shows one request with both answers side by side. Ends with 1 if there is no such pair."""
    from urllib.parse import quote  # noqa: PLC0415

    from parallelrun.api.models import Pair  # noqa: PLC0415
    from parallelrun.cli.pair_text import pair_text  # noqa: PLC0415

    found = Admin(admin).find(f"/api/v1/pairs/{quote(pair_id, safe='')}", Pair)
    if found is None:
        raise end(f"there is no pair {pair_id!r}; it may have been let go of since (`limits.pairs_kept`)", NO)
    if json:
        print_json(found)
    else:
        out = console()
        out.print(pair_text(found, out.width))


def doctor(*, admin: AdminOption = DEFAULT_ADMIN, json: JsonOption = False) -> None:
    """Says in plain words what is wrong, and what to do about it. Ends with 1 if anything is."""
    from datetime import UTC, datetime  # noqa: PLC0415

    from parallelrun.cli.diagnosis import Diagnosis, diagnose  # noqa: PLC0415
    from parallelrun.cli.diagnosis_text import diagnosis_text  # noqa: PLC0415

    found = Diagnosis(findings=diagnose(fetch_report(Admin(admin)), datetime.now(UTC)))
    if json:
        print_json(found)
    else:
        console().print(diagnosis_text(found), soft_wrap=True)
    if found.findings:
        raise typer.Exit(NO)
