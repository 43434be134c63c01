"""A rollout in the running process, between real origins, with real traffic: on and back by proof, across a kill."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from parallelrun.cli import app
from tests.support import behaviour
from tests.support.fixtures import Upstreams
from tests.support.paced import Load, Request, offering
from tests.support.rawclient import request
from tests.support.serving import Serving
from tests.support.wait import wait_until

Json = dict[str, Any]
GOOD = '{"id": 1, "total": 10.5, "at": "noon"}'
QUICK = """
sticky: {{header: x-user}}
breaker: {{open: 300ms, slow_start: 300ms, failures: 5}}
rollout:
  steps: [10%, 25%, 50%, 100%]
  hold: {hold}
  bake: 2s
  gate: {{mismatch: 20%, failures: 20%, slower: {{quantile: 50%, ratio: 100}}, confidence: 80%}}
"""
STEPS = [0.1, 0.25, 0.5, 1.0]
LONG = 60.0


class Shop:
    """`parallelrun serve` between two origins with traffic on it."""

    def __init__(self, upstreams: Upstreams, directory: Path) -> None:
        self.upstreams = upstreams
        self.directory = directory
        self.file = directory / "p.yaml"
        self.serving: Serving
        for name, origin in (("old", upstreams.old), ("new", upstreams.new)):
            origin.on("/orders/1", behaviour.json(GOOD, headers={"x-from": name}))

    def configure(self, text: str = "", hold: str = "1s", version: str = "1") -> None:
        """Writes the configuration, as an editor does."""
        sides = f"old: {self.upstreams.old.url}\nnew: {{url: {self.upstreams.new.url}, version: '{version}'}}\n"
        beside = self.file.with_suffix(".new")
        beside.write_text(sides + QUICK.format(hold=hold) + text)
        beside.replace(self.file)

    def start(self) -> None:
        self.serving = Serving("-c", str(self.file), directory=self.directory)
        assert self.serving.address

    @property
    def admin(self) -> str:
        host, port = self.serving.admin
        return f"http://{host}:{port}"

    def rollout(self) -> Json:
        found: Json = self.serving.get("/api/v1/rollout")
        return found

    def ask(self, command: str, reason: str = "") -> Json:
        answer = httpx.post(f"{self.admin}/api/v1/rollout/{command}", json={"reason": reason}, timeout=20)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def until(self, condition: Callable[[Json], object], what: str) -> Json:
        """Waits until the rollout is so."""

        def is_so() -> Json | None:
            found = self.rollout()
            return found if condition(found) else None

        found = wait_until(is_so, lambda: f"{what}: {self.rollout()}", patience=LONG, interval=0.1)
        assert found
        return found

    def until_phase(self, phase: str) -> Json:
        return self.until(lambda found: found["phase"] == phase, f"never {phase}")

    def traffic(self) -> Any:
        return offering(self.serving.address, _order, 150)

    def kill(self) -> None:
        self.serving.process.kill()
        self.serving.close()

    def close(self) -> None:
        if hasattr(self, "serving"):
            self.serving.close()


def _order(number: int) -> Request:
    return Request(request("/orders/1", headers={"x-user": str(number % 997)}), GOOD.encode())


@pytest.fixture
def shop(upstreams: Upstreams, tmp_path: Path) -> Iterator[Shop]:
    made = Shop(upstreams, tmp_path)
    yield made
    made.close()


def served(load: Load, side: str, count: int = 50) -> None:
    """Waits until so many further clients got their answer from a side."""
    mark = load.result.served[side] + count
    wait_until(lambda: load.result.served[side] >= mark, lambda: f"{load.result.served}, wanted {mark} of {side}")


@contextmanager
def exposed(shop: Shop, text: str = "") -> Iterator[Load]:
    """Traffic at the first step, which holds for longer than the test takes."""
    shop.configure(text, hold="10m")
    shop.start()
    with shop.traffic() as load:
        shop.ask("advance", "to be exposed")
        served(load, "new", 20)
        yield load


def test_a_good_version_goes_all_the_way(shop: Shop) -> None:
    shop.configure()
    shop.start()
    with shop.traffic() as load:
        found = shop.until_phase("complete")
        served(load, "new")
    assert load.result.errors == []
    moves = [(move["action"], move["weight"]) for move in reversed(found["history"])]
    assert moves == [
        ("start", 0.0),
        *(("step", step) for step in STEPS),
        ("bake", 1.0),
        ("complete", 1.0),
    ]
    assert all(move["by"] == "judge" for move in found["history"][:-1])
    told = [event for event in shop.serving.events if event["event"] == "rollout.moved"]
    assert [(event["action"], event["weight"] / 1_000_000) for event in told] == moves
    assert shop.serving.get("/api/v1/status")["weight"] == 1.0
    journal = CliRunner().invoke(app, ["rollout", "journal", "--admin", shop.admin], catch_exceptions=False)
    file = shop.directory / "journal.jsonl"
    file.write_text(journal.output)
    judged = CliRunner().invoke(app, ["judge", "--replay", str(file)], catch_exceptions=False)
    assert judged.exit_code == 0, judged.output
    assert re.search(r"(\d+) of \1 verdicts follow", judged.output)


def test_a_version_that_becomes_worse_goes_back(shop: Shop) -> None:
    shop.configure()
    shop.start()
    with shop.traffic() as load:
        shop.until(lambda found: found["weight"] >= STEPS[1], "never at the second step")
        worse = behaviour.json(GOOD.replace("noon", "midnight"), headers={"x-from": "new"})
        shop.upstreams.new.on("/orders/1", worse)
        found = shop.until_phase("rolled_back")
        before = load.result.served["new"]
        served(load, "old", 200)
        assert load.result.served["new"] <= before + 20  # what was under way
        assert (found["weight"], found["verdict"]) == (0.0, "roll_back")
        assert "GET /orders/" in found["reason"]
        shop.upstreams.new.on("/orders/1", behaviour.json(GOOD, headers={"x-from": "new"}))
        assert shop.ask("start", "fixed")["phase"] == "shadow"
        shop.until_phase("complete")


def test_one_confirmed_difference_where_none_may_be_goes_back(shop: Shop) -> None:
    with exposed(shop, "  never: [$.total]\n"):
        wrong = behaviour.json(GOOD.replace("10.5", "10.4"), headers={"x-from": "new"})
        shop.upstreams.new.on("/orders/1", wrong)
        found = shop.until_phase("rolled_back")
    assert "$.total of GET /orders/" in found["reason"]
    assert "`never` tolerates none there" in found["reason"]


def test_a_person_approves_pauses_and_resumes(shop: Shop) -> None:
    shop.configure("  approve: [25%]\n")
    shop.start()
    with shop.traffic():
        shop.until(lambda found: found["waiting_since"], "never waits")
        assert shop.rollout()["weight"] == STEPS[0]
        command = ["rollout", "advance", "--reason", "looked at it", "--admin", shop.admin]
        assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
        assert shop.ask("pause", "lunch")["weight"] == STEPS[1]
        epoch = shop.rollout()["epoch"]
        shop.until(lambda found: found["verdict"] == "advance", "nothing proved while paused")
        paused = shop.rollout()
        assert (paused["phase"], paused["weight"], paused["epoch"]) == ("paused", STEPS[1], epoch)
        shop.ask("resume")
        shop.until_phase("complete")
    reasons = [move["reason"] for move in shop.rollout()["history"]]
    assert "looked at it" in reasons
    assert "lunch" in reasons


def test_the_breaker_holds_the_clock_and_lets_it_go_on(shop: Shop) -> None:
    with exposed(shop) as load:
        epoch = shop.rollout()["epoch"]
        shop.upstreams.new.refuse()
        found = shop.until_phase("fallback")
        assert (found["hold_until"], found["weight"]) == (None, STEPS[0])
        served(load, "old")
        shop.upstreams.new.listen()
        found = shop.until_phase("stepping")
        assert (found["epoch"], found["weight"]) == (epoch, STEPS[0])
        assert found["hold_until"]
        served(load, "new", 20)
    assert load.result.errors == []


def test_killed_and_started_again_it_is_where_it_was(shop: Shop) -> None:
    with exposed(shop) as load:
        before = shop.until(
            lambda found: found["evidence"] and all(each["proved"] for each in found["evidence"]), "nothing is proved"
        )
    shop.kill()
    shop.start()
    # Without a request: whatever is known now is known from before.
    after = shop.until(lambda found: found["evidence"], "no evidence")
    for name in ("phase", "weight", "step", "epoch", "since", "hold_until", "deadline", "rollout"):
        assert after[name] == before[name], name
    assert len(after["history"]) == len(before["history"])
    of = {each["metric"]: each["of"] for each in after["evidence"]}
    for each in before["evidence"]:
        assert of[each["metric"]] >= each["of"]
    with shop.traffic() as load:
        served(load, "new", 20)
        shop.until(lambda found: found["evidence"][0]["of"] > of["mismatch"], "it does not count on")
    assert shop.ask("rollback", "support gets calls")["phase"] == "rolled_back"
    shop.kill()
    shop.start()
    with shop.traffic() as load:
        served(load, "old", 200)
    assert (shop.rollout()["phase"], load.result.served["new"]) == ("rolled_back", 0)
    assert shop.rollout()["reason"] == "support gets calls"


def test_another_version_starts_over_and_another_rule_begins_the_step_again(shop: Shop) -> None:
    with exposed(shop) as load:
        epoch = shop.rollout()["epoch"]
        shop.configure("compare: {ignore: [$.at]}\n", hold="10m")
        found = shop.until(lambda found: found["epoch"] > epoch, "the rule changes nothing")
        assert (found["phase"], found["weight"], found["history"][0]["action"]) == ("stepping", STEPS[0], "begin_again")
        shop.configure("compare: {ignore: [$.at]}\n", hold="10m", version="2")
        found = shop.until(lambda found: found["rollout"] == "rollout 2", "another version changes nothing")
        assert (found["phase"], found["weight"], found["history"][0]["action"]) == ("shadow", 0.0, "start_over")
    assert load.result.errors == []


def test_without_a_plan_nothing_moves_until_somebody_starts(shop: Shop) -> None:
    sides = f"old: {shop.upstreams.old.url}\nnew: {shop.upstreams.new.url}\n"
    shop.file.write_text(sides)
    shop.start()
    with shop.traffic() as load:
        served(load, "old", 300)
    assert (shop.rollout()["started"], load.result.served["new"]) == (False, 0)
    assert shop.ask("start", "go")["started"]


def test_a_process_that_takes_the_port_over_goes_on_with_the_rollout(shop: Shop) -> None:
    with exposed(shop) as load:
        first = shop.serving
        host, port = first.address
        before = shop.until(lambda found: found["evidence"] and found["evidence"][0]["of"] > 100, "nothing compared")
        shop.serving = Serving("-c", str(shop.file), "--listen", f"{host}:{port}", directory=shop.directory)
        try:
            assert shop.serving.address == (host, port)
            assert first.stop() == 0
        finally:
            first.close()
        served(load, "new", 20)
        after = shop.until(
            lambda found: found["evidence"] and found["evidence"][0]["of"] > before["evidence"][0]["of"], "it forgot"
        )
    assert load.result.errors == []
    assert (after["epoch"], after["weight"], after["since"]) == (before["epoch"], before["weight"], before["since"])
    assert len(after["history"]) == len(before["history"])
