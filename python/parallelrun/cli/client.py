"""Asks the admin API of a running parallelrun for the commands that show or change something."""

import os
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from parallelrun.cli.exits import UNAVAILABLE, USAGE

if TYPE_CHECKING:
    import httpx
    from pydantic import BaseModel

    from parallelrun.web.report import Report

    Model = TypeVar("Model", bound=BaseModel)

TOKEN = "PARALLELRUN_ADMIN__TOKEN"  # noqa: S105 - the name of a variable
ADDRESS = "PARALLELRUN_ADMIN__LISTEN"
TIMEOUT_S = 15.0

AdminOption = Annotated[
    str,
    typer.Option(
        "--admin",
        metavar="URL",
        envvar=ADDRESS,  # as `serve` reads it; beside the default, so that the option beats both
        show_envvar=False,
        help=f"The admin address of the running process; without it that of {ADDRESS}, if it is set.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT_ADMIN = "http://127.0.0.1:8081"


class Admin:
    """The admin API at a URL; `ADDR:PORT` stands for `http://ADDR:PORT`. The token is that of the environment."""

    def __init__(self, url: str) -> None:
        self.url = (url if "://" in url else f"http://{url}").rstrip("/")

    def get(self, path: str, model: "type[Model]", **query: str | int) -> "Model":
        """One answer, read into its model; ends the command where there is none."""
        return model.model_validate_json(self._answer(path, query).content)

    def find(self, path: str, model: "type[Model]") -> "Model | None":
        """As `get`; None where there is nothing of that name."""
        answer = self._answer(path, missing=True)
        return None if answer.status_code == 404 else model.model_validate_json(answer.content)

    def text(self, path: str) -> str:
        """One answer as it is."""
        return self._answer(path).text

    def post(self, path: str, model: "type[Model]", body: dict[str, Any], *, conflict: int = USAGE) -> "Model":
        """Sends a change; the answer as that of `get`. What cannot be done as things are ends with `conflict`."""
        return model.model_validate_json(self._answer(path, method="POST", json=body, conflict=conflict).content)

    def delete(self, path: str, model: "type[Model]", **query: str | int) -> "Model":
        """Has something taken away; the answer as that of `get`."""
        return model.model_validate_json(self._answer(path, query, method="DELETE").content)

    def _answer(
        self,
        path: str,
        query: dict[str, Any] | None = None,
        *,
        method: str = "GET",
        json: Any = None,
        missing: bool = False,
        conflict: int = USAGE,
    ) -> "httpx.Response":
        import httpx  # noqa: PLC0415 - `--help` needs none of it

        token = os.environ.get(TOKEN)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        try:
            url = self.url + path
            answer = httpx.request(
                method, url, params=query, json=json, headers=headers, timeout=TIMEOUT_S, trust_env=False
            )
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise end(f"--admin {self.url}: {error}", USAGE) from None
        except httpx.HTTPError as error:
            hint = f"Is `parallelrun serve` running? --admin, or {ADDRESS}, says where its admin address is."
            raise end(f"{self.url} does not answer: {error or type(error).__name__}. {hint}", UNAVAILABLE) from None
        if answer.status_code in (401, 403):
            raise end(f"{self.url}: {_detail(answer)} The token is taken from {TOKEN}.", USAGE)
        if answer.status_code in (409, 422):
            raise end(_detail(answer), conflict if answer.status_code == 409 else USAGE)
        if not answer.is_success and not (missing and answer.status_code == 404):
            raise end(f"{self.url}{path} answers {answer.status_code}: {_detail(answer)}", UNAVAILABLE)
        if "json" not in answer.headers.get("content-type", ""):
            raise end(f"{self.url} answers, but is not the admin address of parallelrun", UNAVAILABLE)
        return answer


def end(message: str, code: int) -> typer.Exit:
    """Says so on stderr; the exception ends the command."""
    typer.echo(message, err=True)
    return typer.Exit(code)


def _detail(answer: "httpx.Response") -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase


def fetch_report(admin: Admin) -> "Report":
    """Everything that a report is made of, at about the same moment."""
    from parallelrun.api.app import MOST_DIFFERENCES  # noqa: PLC0415
    from parallelrun.api.models import Differences, Endpoints, Ledger, Pair  # noqa: PLC0415
    from parallelrun.api.rollout import Rollout  # noqa: PLC0415
    from parallelrun.api.rules import Rules  # noqa: PLC0415
    from parallelrun.api.status import Status  # noqa: PLC0415
    from parallelrun.web.report import build, wanted_pairs  # noqa: PLC0415

    differences = admin.get("/api/v1/differences", Differences, limit=MOST_DIFFERENCES).items
    pairs = [admin.find(f"/api/v1/pairs/{name}", Pair) for name in wanted_pairs(differences)]
    return build(
        status=admin.get("/api/v1/status", Status),
        ledger=admin.get("/api/v1/ledger", Ledger),
        endpoints=admin.get("/api/v1/endpoints", Endpoints),
        differences=differences,
        rules=admin.get("/api/v1/rules", Rules),
        rollout=admin.get("/api/v1/rollout", Rollout),
        pairs=[pair for pair in pairs if pair],
    )
