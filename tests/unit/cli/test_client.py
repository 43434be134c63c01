"""Where a command that asks a running process looks for it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import typer.main
from typer.testing import CliRunner

from parallelrun.cli import app
from parallelrun.cli.exits import UNAVAILABLE
from tests.unit.cli.test_usage import commands, given

FROM_THE_ENVIRONMENT = "127.0.0.1:9000"
OPTION = "127.0.0.1:9001"


def asking() -> Iterator[tuple[str, ...]]:
    """Every command that asks a running process, with what it cannot do without."""
    for name, command in commands(typer.main.get_command(app)):
        parameters = {parameter.name: parameter for parameter in getattr(command, "params", ())}
        if "admin" in parameters and name != ("serve",):
            required = (given(one) for one in parameters.values() if one.required)
            yield (*name, *(word for words in required for word in words))


ASKING = sorted(set(asking()))


@pytest.mark.parametrize("words", ASKING, ids=" ".join)
@pytest.mark.parametrize(
    ("environment", "option", "asked"),
    [
        (None, (), "127.0.0.1:8081"),
        ("", (), "127.0.0.1:8081"),
        (FROM_THE_ENVIRONMENT, (), FROM_THE_ENVIRONMENT),
        (None, ("--admin", OPTION), OPTION),
        (FROM_THE_ENVIRONMENT, ("--admin", OPTION), OPTION),
    ],
)
def test_the_option_comes_first_then_the_environment(
    words: tuple[str, ...],
    environment: str | None,
    option: tuple[str, ...],
    asked: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[str] = []

    def request(_method: str, url: str, **_: Any) -> None:
        found.append(url)
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(httpx, "request", request)
    result = CliRunner().invoke(app, [*words, *option], env={"PARALLELRUN_ADMIN__LISTEN": environment})
    assert result.exit_code == UNAVAILABLE
    assert [url.partition("/api/")[0] for url in found] == [f"http://{asked}"]
    assert "PARALLELRUN_ADMIN__LISTEN" in result.stderr


def test_all_of_them_are_tried() -> None:
    for words in (("status",), ("report",), ("doctor",), ("rollout", "advance"), ("rules", "list")):
        assert words in ASKING
