"""The commands that read, against a running admin API."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from parallelrun.cli import app
from parallelrun.config.units import Address
from parallelrun.web.report import Report
from tests.support.fake_core import FakeCore, answer, difference, pair
from tests.support.served import Served
from tests.support.wait import wait_until

ENDPOINT = "GET /orders/{id}"
TOKEN = "a long random text"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(f"sqlite:///{tmp_path / 'evidence.db'}")
    yield made
    made.close()


@pytest.fixture
def run(served: Served) -> Callable[..., Result]:
    """Runs a command of ours against the served API."""

    def invoke(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(app, [*arguments, "--admin", served.url], catch_exceptions=False, **options)

    return invoke


def differing(served: Served) -> None:
    now = int(time.time() * 1000)
    served.core.count(ENDPOINT, "match", 90)
    served.core.count(ENDPOINT, "mismatch", 10)
    served.core.differ(confirmed=10)
    served.core.differ("$.now", "value", noise=40)
    old, new = answer(text='{"total": 10.50, "name": "Ada \\u001b[31m"}'), answer(text='{"total": 10.49}')
    served.core.record(pair("p1", difference(), at_ms=now, old=old, new=new, target="/orders/42\x1b[2J"))
    served.settle(1)


def test_report_ends_with_0_where_the_versions_agree(served: Served, run: Callable[..., Result]) -> None:
    served.core.count(ENDPOINT, "match", 9)
    result = run("report")
    assert result.exit_code == 0
    assert "No open difference. 100 % alike of 100 % compared (9 requests)." in result.output


def test_report_ends_with_1_where_nothing_was_compared(run: Callable[..., Result]) -> None:
    result = run("report")
    assert result.exit_code == 1
    assert "Nothing was compared" in result.output


def test_report_ends_with_1_where_they_differ_and_says_where(served: Served, run: Callable[..., Result]) -> None:
    differing(served)
    result = run("report")
    assert result.exit_code == 1
    for words in (
        "1 open difference",
        "$.total",
        ENDPOINT,
        "10 of 100 compared (10 %",
        "10.50",
        "10.49",
        "show p1",
        "$.now",
    ):
        assert words in result.output
    assert "\x1b" not in result.output


@pytest.mark.parametrize("form", ["json", "markdown", "html"])
def test_report_in_other_forms(served: Served, run: Callable[..., Result], form: str) -> None:
    differing(served)
    result = run("report", "--format", form)
    assert result.exit_code == 1
    assert "$.total" in result.output
    if form == "json":
        assert Report.model_validate_json(result.output).open[0].location == "$.total"
        assert json.loads(run("report", "--json").output)["open"] == json.loads(result.output)["open"]
    if form == "html":
        assert result.output.startswith("<!doctype html>")
        assert '<tr class="changed here">' in result.output


def test_status(served: Served, run: Callable[..., Result]) -> None:
    differing(served)
    result = run("status")
    assert result.exit_code == 0
    for words in ("parallelrun 1.2.3", "shadow, weight 0 %", "90 % alike of 100 % compared", "http://127.0.0.1:2"):
        assert words in result.output
    assert json.loads(run("status", "--json").output)["requests"] == 100


def test_diffs(served: Served, run: Callable[..., Result]) -> None:
    assert run("diffs").output == "no differences\n"
    differing(served)
    rows = run("diffs").output.splitlines()
    assert [row.split()[0] for row in rows[1:]] == ["open", "noise"]
    assert run("diffs", ENDPOINT).output.splitlines() == rows
    assert json.loads(run("diffs", "--json").output)["total"] == 2
    wrong = run("diffs", "GET /nothing")
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert f"Known: {ENDPOINT}" in wrong.stderr


def test_show(served: Served, run: Callable[..., Result]) -> None:
    differing(served)
    result = run("show", "p1")
    assert result.exit_code == 0
    assert re.search(r'"total": 10\.50.*"total": 10\.49', result.output)
    assert "/orders/42\\u001b[2J" in result.output
    assert "\x1b" not in result.output
    assert json.loads(run("show", "p1", "--json").output)["id"] == "p1"
    narrow = run("show", "p1", env={"COLUMNS": "60", "FORCE_COLOR": "1", "TERM": "dumb"})
    assert re.search(r'- .*"total": 10\.50', narrow.output)
    missing = run("show", "../status")
    assert missing.exit_code == 1
    assert "there is no pair '../status'" in missing.stderr


def test_rules(tmp_path: Path) -> None:
    ignore = {"at": "$.took", "reason": "time it took", "owner": "jo", "until": "2024-03-01"}
    served = Served(f"sqlite:///{tmp_path / 'rules.db'}", compare={"ignore": [ignore]})
    differing(served)
    wait_until(lambda: served.engine.collector.held == (0, 0))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["rules", *arguments, "--admin", served.url], catch_exceptions=False)

    try:
        listed = run("list")
        for words in ("$.took", "time it took", "jo", "2024-03-01 expired"):
            assert words in listed.output
        assert json.loads(run("list", "--json").output)["items"][0]["kind"] == "ignore"
        found = run("try", "tolerance", "$.total", "--route", ENDPOINT, "--absolute", "0.02")
        assert found.exit_code == 0
        assert "1 stored pair looked at; in 0 pairs nothing would be left" in found.output
        assert re.search(rf"1 +{re.escape(ENDPOINT)} +\$\.total +value", found.output)
        assert "absolute: 0.02" in found.output
        assert "It would hide nothing." in run("try", "ignore", "$.nothing").output
        wrong = run("try", "ignore", "total")
        assert (wrong.exit_code, wrong.stdout) == (64, "")
        assert "at: expected a location" in wrong.stderr
    finally:
        served.close()


def test_doctor(served: Served, run: Callable[..., Result]) -> None:
    result = run("doctor")
    assert result.exit_code == 1
    assert "traffic: no request has come in" in result.output
    served.core.count(ENDPOINT, "match", 9)
    wait_until(lambda: served.engine.collector.activity.last_request_ms)
    result = run("doctor")
    assert (result.exit_code, result.output) == (
        0,
        "Nothing stands in the way of the evidence. What it says is in `parallelrun report`.\n",
    )
    assert json.loads(run("doctor", "--json").output) == {"findings": []}


def test_a_token_is_taken_from_the_environment(tmp_path: Path) -> None:
    served = Served(f"sqlite:///{tmp_path / 'public.db'}", public=True, admin={"token": TOKEN})
    try:
        arguments = ["status", "--admin", served.url.removeprefix("http://")]
        refused = CliRunner().invoke(app, arguments)
        assert refused.exit_code == 64
        assert "PARALLELRUN_ADMIN__TOKEN" in refused.stderr
        given = CliRunner().invoke(app, arguments, env={"PARALLELRUN_ADMIN__TOKEN": TOKEN})
        assert given.exit_code == 0
    finally:
        served.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_the_address_may_come_from_the_environment(served: Served, host: str) -> None:
    port = served.url.rpartition(":")[2]
    served.engine.admin_address = Address(host.replace("localhost", "127.0.0.1"), int(port))
    result = CliRunner().invoke(app, ["rules", "list"], env={"PARALLELRUN_ADMIN__LISTEN": f"{host}:{port}"})
    assert result.exit_code == (64 if host == "0.0.0.0" else 0), result.output  # asked, it wants its token


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "parallelrun", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_an_address_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = command("report", "--admin", f"127.0.0.1:{port}")
    assert (result.returncode, result.stdout) == (69, "")
    assert result.stderr.startswith(f"http://127.0.0.1:{port} does not answer: ")
    assert "Is `parallelrun serve` running?" in result.stderr


def test_the_version() -> None:
    result = command("--version")
    assert (result.returncode, result.stdout) == (0, f"parallelrun {version('parallelrun')}\n")


def test_an_address_of_something_else(make_origin: Callable[..., Any]) -> None:
    origin = make_origin("old")
    result = command("status", "--admin", f"http://127.0.0.1:{origin.port}")
    assert (result.returncode, result.stdout) == (69, "")


@pytest.mark.parametrize(
    "arguments", [("report", "--format", "pdf"), ("show",), ("status", "--admin", "ftp://x"), ("report", "--strange")]
)
def test_bad_usage(arguments: tuple[str, ...]) -> None:
    result = command(*arguments)
    assert (result.returncode, result.stdout) == (64, "")
    assert result.stderr


def test_a_store_that_fails_is_seen_by_doctor(served: Served, run: Callable[..., Result], tmp_path: Path) -> None:
    served.core.count(ENDPOINT, "match", 9)
    core: FakeCore = served.core
    wait_until(lambda: served.engine.collector.activity.last_request_ms)
    wait_until(lambda: served.engine.collector.health.written_ms)
    for path in tmp_path.glob("evidence.db*"):
        path.unlink()
    tmp_path.joinpath("evidence.db").mkdir()
    core.record(pair("p1", difference(), at_ms=int(time.time() * 1000)))
    wait_until(lambda: served.engine.collector.health.error)
    result = run("doctor")
    assert result.exit_code == 1
    assert "store: the store sqlite:///" in result.output
