"""`parallelrun rules add` and `rules remove` on a running process and its file."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from parallelrun.cli import app
from tests.support import behaviour
from tests.support.fixtures import Upstreams
from tests.support.rawclient import RawClient
from tests.support.serving import Serving
from tests.support.wait import wait_until

TOKEN = "a long random text"


class Running:
    """A process, its file, and what our commands say to it."""

    def __init__(self, file: Path, upstreams: Upstreams, text: str = "", **options: Any) -> None:
        self.file = file
        self.before = f"# the shop\nold: {upstreams.old.url}   # serves\nnew: {upstreams.new.url}\n{text}"
        file.write_text(self.before)
        self.serving = Serving("-c", str(file), directory=file.parent, **options)

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.serving.admin)

    def rules(self, *arguments: str, env: dict[str, str] | None = None) -> Result:
        return CliRunner().invoke(app, ["rules", *arguments, "--admin", self.url], env=env, catch_exceptions=False)

    def done(self, *arguments: str) -> list[dict[str, Any]]:
        """The rules that a command has changed, or found."""
        result = self.rules(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        found = json.loads(result.output)
        return list(found.get("items", [found]))

    def assert_refused(self, *arguments: str, code: int = 64) -> str:
        """Says why, and changes nothing."""
        before, known = self.file.read_bytes(), self.done("list")
        result = self.rules(*arguments)
        assert (result.exit_code, result.stdout) == (code, "")
        assert (self.file.read_bytes(), self.done("list")) == (before, known)
        return result.stderr

    def ask(self, path: str = "/orders/1") -> str:
        """The outcome of one more request."""
        before = self._outcomes()
        with RawClient(self.serving.address) as client:
            assert client.ask(path).status == 200
        wait_until(lambda: sum(self._outcomes().values()) > sum(before.values()))
        return next(name for name, count in self._outcomes().items() if count > before[name])

    def _outcomes(self) -> dict[str, int]:
        return dict(self.serving.get("/api/v1/ledger")["outcomes"])


Run = Callable[..., Running]


@pytest.fixture
def run(upstreams: Upstreams, tmp_path: Path) -> Iterator[Run]:
    """Starts a process between two origins that differ at `$.total`."""
    for path in ("/orders/1", "/other"):
        upstreams.old.on(path, behaviour.json('{"total": 10.5}'))
        upstreams.new.on(path, behaviour.json('{"total": 10.4}'))
    started: list[Running] = []

    def start(text: str = "", **options: Any) -> Running:
        started.append(Running(tmp_path / "p.yaml", upstreams, text, **options))
        return started[-1]

    yield start
    for running in started:
        running.serving.close()


@pytest.mark.parametrize("route", [(), ("--route", "GET /orders/{id}")])
def test_a_rule_is_in_force_at_once_and_until_it_is_removed(run: Run, route: tuple[str, ...]) -> None:
    running = run("limits: {body: 1MiB}  # enough\n")
    assert running.ask() == "mismatch"
    arguments = ("tolerance", "$.total", "--absolute", "0.2", *route, "--reason", "rounding", "--owner", "jo")
    (added,) = running.done("add", *arguments, "--until", "2999-01-01")
    assert running.ask() == "ignored"
    assert running.ask("/other") == ("mismatch" if route else "ignored")
    assert running.done("list") == [added]
    assert added["place"] == ("routes[0].compare.tolerance[0]" if route else "compare.tolerance[0]")
    assert (added["reason"], added["owner"], added["until"]) == ("rounding", "jo", "2999-01-01")
    assert running.file.read_text().startswith(running.before)
    (gone,) = running.done("remove", "$.total")
    assert gone == added
    assert running.done("list") == []
    assert running.ask() == "mismatch"
    leftover = "routes:\n  - match: GET /orders/{id}\n" if route else ""
    assert running.file.read_text() == running.before + leftover
    reloads = [event for event in running.serving.events if event["event"] == "config.reloaded"]
    assert [event["cause"] for event in reloads] == ["rules", "rules"]


def test_what_one_rule_hides_stays_hidden_while_others_come_and_go(run: Run, upstreams: Upstreams) -> None:
    running = run()
    upstreams.old.on("/orders/1", behaviour.json('{"total": 10.5, "tier": "GOLD"}'))
    upstreams.new.on("/orders/1", behaviour.json('{"total": 10.4, "tier": "gold"}'))

    def report(**expected: str) -> int:
        """Its exit code, where the two differences have these statuses."""
        found = CliRunner().invoke(app, ["report", "--admin", running.url], catch_exceptions=False)
        items = running.serving.get("/api/v1/differences")["items"]
        assert {item["location"].removeprefix("$."): item["status"] for item in items} == expected
        return found.exit_code

    assert running.ask() == "mismatch"
    assert report(total="open", tier="open") == 1
    running.done("add", "tolerance", "$.total", "--absolute", "0.2")
    running.done("add", "case", "$.tier", "--route", "GET /orders/{id}")
    assert running.ask() == "ignored"
    assert report(total="ignored", tier="ignored") == 0
    # From here on no more requests.
    running.done("add", "ignore", "header:etag")
    running.done("add", "ignore", "$.at", "--route", "GET /elsewhere")
    assert report(total="ignored", tier="ignored") == 0
    running.done("remove", "header:etag")
    assert report(total="ignored", tier="ignored") == 0
    running.done("remove", "$.tier")
    assert report(total="ignored", tier="open") == 1
    running.done("remove", "$.total")
    assert report(total="open", tier="open") == 1


def test_it_outlives_the_process(run: Run) -> None:
    first = run()
    first.done("add", "ignore", "$.total")
    first.serving.stop()
    again = Serving("-c", str(first.file), directory=first.file.parent)
    try:
        assert [rule["at"] for rule in again.get("/api/v1/rules")["items"]] == ["$.total"]
    finally:
        again.close()


def test_the_file_says_it_as_a_person_would(run: Run) -> None:
    running = run(
        "compare:\n  # noise\n  ignore:\n    - $.took     # a clock\n\n# --- routes ---\nroutes:\n"
        "- match: GET /orders/{id}\n  compare: {case: [$.tier]}   # gold\n"
    )
    running.done("add", "ignore", "header:etag", "--reason", "made of the time: each has its own")
    running.done("add", "unordered", "$.items", "--by", "id", "--route", "GET  /orders/{id}")
    running.done(
        "add", "equivalent", "$.url", "--pattern", "https?://([^/]+)", "--replacement", "$1", "--route", "GET /x"
    )
    assert running.file.read_text() == running.before.replace(
        "a clock\n", 'a clock\n    - at: header:etag\n      reason: "made of the time: each has its own"\n'
    ).replace("[$.tier]}", "[$.tier], unordered: [{at: $.items, by: id}]}") + (
        "- match: GET /x\n  compare:\n    equivalent:\n      - at: $.url\n"
        '        pattern: "https?://([^/]+)"\n        replacement: $1\n'
    )
    shown = running.rules("remove", "$.took")
    assert shown.exit_code == 0
    assert "Removed" in shown.stdout
    assert "$.took" in shown.stdout
    assert "    - $.took     # a clock\n" not in running.file.read_text()


def test_several_rules_at_one_location_are_told_apart_by_id(run: Run) -> None:
    running = run("compare: {ignore: [{at: $.total, id: mine}], case: [$.total]}\n")
    said = running.assert_refused("remove", "$.total")
    assert "several rules stand at '$.total': say which one, of case-" in said
    assert ", mine" in said
    running.done("remove", "mine")
    assert running.file.read_text() == running.before.replace("ignore: [{at: $.total, id: mine}], ", "")


def test_the_same_rule_twice_goes_as_a_whole(run: Run) -> None:
    running = run("compare:\n  ignore: [$.total, $.at, $.total]\n  case: [$.x]\n")
    assert len(running.done("remove", "$.total")) == 2
    assert running.file.read_text() == running.before.replace("[$.total, $.at, $.total]", "[$.at]")


def test_what_makes_no_sense_is_refused(run: Run) -> None:
    running = run("compare: {ignore: [$.total]}\nroutes: [{match: '/{*all}', writes: old-only}]\n")
    for arguments, message in (
        (("add", "ignore", "total"), "at: expected a location"),
        (("add", "ignore", "$.a[?"), "p.yaml: compare.ignore[1]"),
        (("add", "equivalent", "$.a", "--pattern", "("), "p.yaml: compare.equivalent[0]"),
        (("add", "tolerance", "$.a"), "expected `absolute` or `relative`"),
        (("add", "ignore", "$.a", "--route", "orders"), "match: expected a path"),
        (("add", "ignore", "$.a", "--until", "tomorrow"), "until: expected a date, such as 2027-03-01"),
        (("add", "ignore", "$.a", "--until", "2020-01-01"), "until: 2020-01-01 has passed already"),
        (("add", "ignore", "$.total", "--owner", "else"), "The rule is there already: compare.ignore[0]"),
        (("add", "ignore", "$.a", "--route", "POST /orders"), "take requests from the route /{*all}"),
    ):
        assert message in running.assert_refused(*arguments)


def test_a_rule_that_is_not_there(run: Run) -> None:
    running = run()
    assert "there is no rule '$.total'" in running.assert_refused("remove", "$.total", code=1)
    answer = httpx.delete(f"{running.url}/api/v1/rules", params={"id": "x"}, trust_env=False)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_file_that_cannot_be_changed(run: Run) -> None:
    running = run("compare: {ignore: [$.at]}\n")
    running.file.chmod(0o444)
    assert "p.yaml is read-only" in running.assert_refused("add", "ignore", "$.total")
    assert "p.yaml is read-only" in running.assert_refused("remove", "$.at")
    running.file.chmod(0o644)
    running.file.write_text(f"{running.before}sampel: 1%\n")
    assert "sampel: unknown key" in running.assert_refused("add", "ignore", "$.total")
    running.file.write_text(running.before)
    running.done("add", "ignore", "$.total")


def test_what_the_environment_sets(run: Run) -> None:
    running = run("compare: {ignore: [$.at]}\n", environment={"PARALLELRUN_COMPARE__IGNORE": "[$.other]"})
    for arguments in (("add", "ignore", "$.total"), ("remove", "$.other")):
        assert "compare.ignore is set by PARALLELRUN_COMPARE__IGNORE" in running.assert_refused(*arguments)


def test_without_a_file(upstreams: Upstreams, tmp_path: Path) -> None:
    serving = Serving("--old", upstreams.old.url, "--new", upstreams.new.url, directory=tmp_path)
    try:
        admin = "{}:{}".format(*serving.admin)
        result = CliRunner().invoke(app, ["rules", "add", "ignore", "$.total", "--admin", admin])
        assert (result.exit_code, result.stdout) == (64, "")
        assert "runs without a configuration file" in result.stderr
        assert "parallelrun serve -c FILE" in result.stderr
    finally:
        serving.close()


def test_changing_needs_the_token(run: Run) -> None:
    running = run(f"admin: {{token: {TOKEN}}}\n")
    assert "PARALLELRUN_ADMIN__TOKEN" in running.assert_refused("add", "ignore", "$.total")
    given = running.rules("add", "ignore", "$.total", env={"PARALLELRUN_ADMIN__TOKEN": TOKEN})
    assert given.exit_code == 0, given.stderr
    assert "PARALLELRUN_ADMIN__TOKEN" in running.assert_refused("remove", "$.total")


def test_many_at_once_are_all_written(run: Run) -> None:
    running = run()

    def rule(number: int) -> dict[str, str]:
        return {"kind": "ignore", "at": f"$.a{number}", "route": "GET /orders/{id}"}

    with httpx.Client(base_url=running.url, trust_env=False, timeout=30) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: client.post("/api/v1/rules", json=rule(n)).status_code, range(8)))
        assert answers == [201] * 8
        known = running.done("list")
        assert sorted(one["at"] for one in known) == [f"$.a{n}" for n in range(8)]
        names = [one["id"] for one in known]
        gone = pool.map(lambda name: client.delete("/api/v1/rules", params={"id": name}).json()["items"], names)
        assert sorted(one["at"] for (one,) in gone) == [f"$.a{n}" for n in range(8)]
    assert running.done("list") == []
