"""`parallelrun rollout`, against a running admin API: a fake core, a real store, the real state machine."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from parallelrun.cli import app
from parallelrun.config.words import number, verb
from tests.support import background
from tests.support.fake_core import FakeCore
from tests.support.served import Served

PLAN = {"steps": ["10%", "100%"], "approve": ["100%"]}
Run = Callable[..., Result]


@pytest.fixture(params=[{"rollout": PLAN}])
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    made = Served(f"sqlite:///{tmp_path / 'evidence.db'}", **request.param)
    yield made
    made.close()


@pytest.fixture
def run(served: Served) -> Run:
    """Runs a command of ours against the served API."""

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--admin", served.url], catch_exceptions=False)

    return invoke


def tick(served: Served) -> None:
    background.run(served.engine.rollout.tick())


@pytest.mark.parametrize("served", [{}], indirect=True)
def test_without_a_plan_nothing_has_started(served: Served, run: Run) -> None:
    tick(served)
    result = run("rollout", "status")
    assert result.exit_code == 0
    assert "No rollout has been started" in result.output
    assert "parallelrun rollout start" in run("status").output
    refused = run("rollout", "advance")
    assert (refused.exit_code, "`start` does" in refused.output) == (1, True)
    assert run("rollout", "start", "--reason", "let us go").exit_code == 0
    assert served.get("/api/v1/rollout")["history"][0]["reason"] == "let us go"


def test_a_person_leads_it_all_the_way_and_back(served: Served, run: Run) -> None:
    tick(served)
    assert "Shadow: the old side serves everybody" in run("rollout", "status").output
    for command, phase, weight in [
        ("advance", "stepping", 0.1),
        ("pause", "paused", 0.1),
        ("resume", "stepping", 0.1),
        ("advance", "stepping", 1.0),
        ("pause", "paused", 1.0),
        ("advance", "baking", 1.0),
        ("pause", "paused", 1.0),
        ("advance", "complete", 1.0),
        ("rollback", "rolled_back", 0.0),
        ("start", "shadow", 0.0),
    ]:
        result = run("rollout", command, "--reason", f"because of {command}", "--json")
        assert result.exit_code == 0, result.output
        found = json.loads(result.output)
        assert (found["phase"], found["weight"]) == (phase, weight)
        assert found["history"][0]["reason"] == f"because of {command}"
        assert served.core.weight == weight * 1_000_000
        assert served.get("/api/v1/status")["phase"] == phase
        assert f'parallelrun_phase{{phase="{phase}"}} 1.0' in served.client.get("/metrics").text
    text = run("rollout", "status").output
    for words in ("because of rollback", "person", "roll back", "Next is 10%"):
        assert words in text


@pytest.mark.parametrize("command", ["resume", "start"])
def test_what_cannot_be_done_now_is_a_no(served: Served, run: Run, command: str) -> None:
    tick(served)
    result = run("rollout", command)
    assert result.exit_code == 1
    assert "`rollback` goes back" in result.output
    answer = served.client.post(f"/api/v1/rollout/{command}", json={"reason": "x"})
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")


def test_what_is_done_already_is_no_error(served: Served, run: Run) -> None:
    tick(served)
    assert run("rollout", "pause").exit_code == run("rollout", "pause").exit_code == 0
    assert len(served.get("/api/v1/rollout")["history"]) == 2


def test_an_advance_pressed_twice_takes_one_step_and_says_so(served: Served, run: Run) -> None:
    tick(served)
    assert run("rollout", "advance", "--reason", "looked at it").exit_code == 0
    again = run("rollout", "advance", "--reason", "looked at it")
    assert (again.exit_code, again.output.startswith("It came to 10% ")) == (1, True)
    found = served.get("/api/v1/rollout")
    assert (found["weight"], len(found["history"])) == (0.1, 2)


def test_a_script_names_the_epoch_that_it_advances_from(served: Served) -> None:
    tick(served)
    first = served.get("/api/v1/rollout")["epoch"]
    path = "/api/v1/rollout/advance"
    answers = [served.client.post(path, json={"epoch": epoch}) for epoch in (first, first, first + 1)]
    assert [answer.status_code for answer in answers] == [200, 409, 200]
    assert f"Epoch {first} is over" in answers[1].json()["detail"]
    assert answers[2].json()["weight"] == 1.0
    for wish in ({"epoch": -1}, {"epoch": "x"}):
        assert served.client.post(path, json=wish).status_code == 422
    other = served.client.post("/api/v1/rollout/rollback", json={"epoch": first})
    assert (other.status_code, other.json()["detail"]) == (422, "Only `advance` takes an `epoch`.")
    assert served.get("/api/v1/rollout")["weight"] == 1.0


def test_a_rollback_of_what_is_rolled_back_says_so_and_keeps_the_reason(served: Served, run: Run) -> None:
    tick(served)
    assert "already" not in run("rollout", "rollback", "--reason", "errors at checkout").output
    again = run("rollout", "rollback", "--reason", "support gets calls")
    assert again.exit_code == 0
    first, *_ = again.output.splitlines()
    since = f"{served.engine.rollout.state.moved_at:%Y-%m-%d %H:%M:%S}"
    assert first.startswith(f"It was rolled back already, since {since}")
    assert first.endswith("The reason given now is noted.")
    answer = served.client.post("/api/v1/rollout/rollback").json()
    assert answer["already"].startswith("It was rolled back already, since")
    assert "noted" not in answer["already"]
    assert (answer["reason"], answer["phase"]) == ("errors at checkout", "rolled_back")
    history = [(move["action"], move["by"], move["reason"]) for move in answer["history"][:2]]
    assert history == [("note", "person", "support gets calls"), ("roll_back", "person", "errors at checkout")]
    assert served.client.post("/api/v1/rollout/start").json()["already"] is None


def test_a_reason_may_be_left_out_and_may_not_be_endless(served: Served) -> None:
    tick(served)
    assert served.client.post("/api/v1/rollout/pause").status_code == 200
    assert served.client.post("/api/v1/rollout/resume", json={"reason": "x" * 2001}).status_code == 422
    assert served.client.post("/api/v1/rollout/destroy").status_code == 422


@pytest.mark.parametrize("served", [{"rollout": PLAN, "admin": {"token": "secret"}}], indirect=True)
def test_changing_needs_the_token(served: Served, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    tick(served)
    assert served.client.post("/api/v1/rollout/rollback").status_code == 401
    assert run("rollout", "rollback").exit_code == 64
    assert run("rollout", "status").exit_code == 0
    monkeypatch.setenv("PARALLELRUN_ADMIN__TOKEN", "secret")
    assert run("rollout", "rollback").exit_code == 0
    assert served.get("/api/v1/rollout")["phase"] == "rolled_back"


def test_doctor_says_what_needs_somebody(served: Served, run: Run) -> None:
    tick(served)
    run("rollout", "pause", "--reason", "the database moves tonight")
    found = run("doctor").output
    assert "the rollout is paused since" in found
    assert "the database moves tonight" in found
    run("rollout", "rollback", "--reason", "support gets calls")
    assert "the rollout was rolled back: support gets calls" in run("doctor").output


def test_the_journal_can_be_judged_again(served: Served, run: Run, tmp_path: Path) -> None:
    core: FakeCore = served.core
    core.count("GET /orders/{id}", "match", 100)
    for _ in range(3):
        tick(served)
    file = tmp_path / "journal.jsonl"
    file.write_text(run("rollout", "journal").output)
    judged = CliRunner().invoke(app, ["judge", "--replay", str(file)], catch_exceptions=False)
    verdicts = len(file.read_text().splitlines())  # one, or more where the ticks took their time
    assert verdicts
    follow = f"{verdicts} of {number(verdicts, 'verdict')} {verb(verdicts, 'follow')} from the evidence"
    assert (judged.exit_code, follow in judged.output) == (0, True)
    text = run("rollout", "status").output
    assert "mismatch" in text
    assert "not proved" in text


def test_moves_are_told_to_who_listens(served: Served) -> None:
    tick(served)
    told: list[Any] = []
    with served.client.stream("GET", "/api/v1/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == ": parallelrun"
        served.client.post("/api/v1/rollout/advance", json={"reason": "go"})
        for line in lines:
            if line.startswith("data: "):
                told.append(json.loads(line.removeprefix("data: ")))
                if told[-1]["event"] == "rollout.moved":
                    break
    assert (told[-1]["action"], told[-1]["phase"], told[-1]["weight"]) == ("step", "stepping", 100_000)
