"""A journal, judged again by `parallelrun judge --replay`."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from parallelrun.cli import app
from parallelrun.config.rollout import Gate
from parallelrun.judge import Entry, JournalError, JudgeState, Look, judge, replay
from tests.unit.judge.given import counts, look, some_looks

GATE = Gate.model_validate({"mismatch": "0.2%", "slower": {"quantile": "95%", "ratio": 2.0}})
RUN = [
    look(after_s=1),
    look(counts("GET /a", 400), after_s=60),
    look(counts("GET /a", 900), counts("GET /b", 100), after_s=120),
    look(counts("GET /a", 900), counts("GET /b", 300, mismatches=9), after_s=180),
    look(counts("GET /a", 9000), counts("GET /b", 300, mismatches=9), after_s=600),
]


def journal(looks: list[Look], state: JudgeState | None = None) -> list[str]:
    """The lines for these looks."""
    lines = []
    first, state = state, state or JudgeState()
    for each in looks:
        verdict, after = judge(each, state, GATE)
        lines.append(Entry(look=each, gate=GATE, verdict=verdict, state=first).line())
        first, state = None, after
    return lines


def run(file: Path) -> tuple[int, str]:
    """Exit code and output of the command."""
    ended = CliRunner().invoke(app, ["judge", "--replay", str(file)])
    return ended.exit_code, ended.output


@given(st.lists(some_looks(), max_size=4))
@settings(max_examples=20, deadline=None)
def test_every_verdict_follows_again(looks: list[Look]) -> None:
    again = replay(journal(looks))
    assert (again.verdicts, again.differing) == (len(looks), ())


def test_a_true_journal(tmp_path: Path) -> None:
    lines = journal(RUN)
    assert [Entry.model_validate_json(line).verdict.kind for line in lines] == ["hold"] * 3 + ["roll_back"] * 2
    file = tmp_path / "journal.jsonl"
    file.write_text("".join(lines))
    assert run(file) == (0, "5 of 5 verdicts follow from the evidence.\n")


def test_a_journal_that_begins_in_the_middle_needs_the_state(tmp_path: Path) -> None:
    """The last look alone would not roll back: what had been proved before is in the state."""
    state = JudgeState()
    for each in RUN[:4]:
        _, state = judge(each, state, GATE)
    whole = journal(RUN[4:], state)
    assert not replay(whole).differing
    without = json.loads(whole[0])
    del without["state"]
    assert [each.what for each in replay([json.dumps(without)]).differing]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda entry: entry["verdict"].update(kind="advance"), "said advance, is roll_back"),
        (lambda entry: entry["look"]["endpoints"][1].update(mismatches=1), "said roll_back, is hold"),
        (lambda entry: entry["verdict"]["proofs"][0].update(events=1), "proof of mismatch: said 1 of 1200"),
        (lambda entry: entry["verdict"].update(log_e=3.5), "log_e: said 3.5, is"),
        (lambda entry: entry["verdict"].update(culprits=[]), "culprits: said none, is mismatch at GET /b"),
    ],
)
def test_a_journal_that_was_changed(tmp_path: Path, change: object, what: str) -> None:
    lines = journal(RUN)
    entry = json.loads(lines[3])
    change(entry)  # type: ignore[operator]
    file = tmp_path / "journal.jsonl"
    file.write_text("".join((*lines[:3], json.dumps(entry) + "\n", *lines[4:])))
    code, output = run(file)
    assert code == 1
    assert f"{file}:4: r1 at 2026-03-01 10:03:00 UTC: {what}" in output


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "expected a JSON object: EOF while parsing an object at column 1"),
        ('{"v": 2}', "v: input should be 1"),
        ("", "expected a JSON object: EOF while parsing a value at column 0"),
    ],
)
def test_what_is_no_journal(tmp_path: Path, line: str, expected: str) -> None:
    file = tmp_path / "journal.jsonl"
    file.write_text("".join(journal(RUN)[:2]) + line + "\n")
    assert run(file) == (64, f"{file}:3: {expected}\n")
    with pytest.raises(JournalError, match="line 3"):
        replay(file.read_text().splitlines())


def test_counts_that_cannot_be(tmp_path: Path) -> None:
    entry = json.loads(journal(RUN)[1])
    entry["look"]["endpoints"][0]["mismatches"] = 10**6
    file = tmp_path / "journal.jsonl"
    file.write_text(json.dumps(entry))
    code, output = run(file)
    assert code == 64
    assert output == f"{file}:1: look.endpoints.0: expected no more mismatches than compared\n"


def test_no_file_and_no_verdicts(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    assert run(file) == (64, f"{file}: No such file or directory\n")
    file.write_bytes(b"\xff\xfe\n")
    assert run(file) == (64, f"{file}: expected UTF-8\n")
    file.write_text("")
    assert run(file) == (1, "0 of 0 verdicts follow from the evidence.\n")
