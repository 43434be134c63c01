"""What the demo promises: every planted mistake is found, each at its place, and nothing else."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from shop.launch import Shop
from shop.middle import run, serving
from shop.regressions import REGRESSIONS
from shop.verdict import judge
from shop.visitors import LEAST
from tests.support.shop import alive, processes_of
from tests.support.wait import wait_until

ROOT = Path(__file__).parents[2]
SEEDS = [2, 3, 4]


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Shop() as running:
        yield running


@pytest.mark.parametrize("seed", SEEDS)
def test_every_planted_mistake_is_found_and_nothing_else(shop: Shop, seed: int, tmp_path: Path) -> None:
    shop.restart_new(REGRESSIONS)
    shop.reset(seed)
    with serving(shop, tmp_path) as proxy:
        verdict = run(shop, proxy, LEAST, lambda: None)
        assert (verdict.missed, verdict.false_alarms) == ({}, []), str(verdict)
        assert set(verdict.found) == set(REGRESSIONS)
        for shown in verdict.found.values():
            for difference in shown:
                pair = proxy.get(f"/api/v1/pairs/{difference['pair_id']}")
                places = [(one["location"], one["kind"]) for one in pair["differences"]]
                assert (difference["location"], difference["kind"]) in places
                assert (pair["old"]["status"], pair["new"]["status"]) != (0, 0)


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_nothing_is_open_where_the_versions_answer_alike(shop: Shop, seed: int, tmp_path: Path) -> None:
    shop.restart_new(())
    shop.reset(seed)
    with serving(shop, tmp_path) as proxy:
        verdict = run(shop, proxy, LEAST, lambda: None)
        assert verdict.false_alarms == []
        outcomes = proxy.get("/api/v1/ledger")["outcomes"]
        assert sum(outcomes.values()) == LEAST
        # Now and then old happens to draw the same lot twice: then the pair is a mismatch, and the place noise still.
        assert {name for name, count in outcomes.items() if count} <= {"match", "ignored", "noise", "race", "mismatch"}
        seen = proxy.get("/api/v1/differences")["items"]
        assert {"noise", "ignored"} <= {one["status"] for one in seen}, "it has looked, and it has met noise"


@pytest.fixture
def scratch() -> Iterator[Path]:
    """For the temporary files of a process, near enough to the root for the sockets in it."""
    with TemporaryDirectory(prefix="demo-") as directory:
        yield Path(directory)


@pytest.mark.timeout(200)  # two minutes of traffic where others use the machine too
def test_the_command_ends_well_and_leaves_nothing_behind(tmp_path: Path, scratch: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "parallelrun", "demo", "--no-browser", "--requests", str(LEAST), "--seed", "1"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "200", "TMPDIR": str(scratch)},
        timeout=170,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    first_half, _, second_half = result.stdout.partition("the mistakes are fixed")
    assert len(first_half.splitlines()) < 45, "what a newcomer reads to the end"
    assert "12 open differences at 9 endpoints. " in first_half
    for half in (first_half, second_half):
        assert re.search(r"requests ━+ (\d+)/\1 ", half), "the bar ends on its total"
    assert f"planted {len(REGRESSIONS)}, found {len(REGRESSIONS)}, false alarms 0" in result.stdout
    for regression in REGRESSIONS.values():
        assert regression.name in first_half
        assert regression.endpoint in first_half
    assert re.search(r"rolled out to everybody, and back: \d+ requests, \d+ rescued, 0 failed", result.stdout)
    told = result.stdout[result.stdout.index("new serves") :]
    story = ["│ 10% ", "│ 25% ", "│ 50% ", "kill -9", "to the old one", "has closed", "│ 100% ", "a new build"]
    places = [*(told.index(each) for each in story), told.rindex("│ 0% ")]
    assert places == sorted(places), told
    page = Path(re.findall(r"side by side, for each difference, and the rollout: (\S+)", result.stdout)[0])
    assert page == ROOT / ".demo" / "report.html"
    assert "Open differences" in (page.parent / "report.txt").read_text()
    html = page.read_text()
    for regression in REGRESSIONS.values():
        for location, _ in regression.places:
            assert location in html
    assert processes_of(scratch) == []
    assert list(scratch.glob("shop-*")) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_the_demo_is_cut_short(how: signal.Signals, scratch: Path) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-u", "-m", "parallelrun", "demo", "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    try:
        assert demo.stdout is not None
        seen: list[str] = []
        while "sending 2000 requests" not in (line := demo.stdout.readline()):
            assert line, "".join(seen)
            seen.append(line)
        running = processes_of(scratch)
        assert any("serve" in process.cmdline() for process in running)
    finally:
        demo.send_signal(how)
        output, _ = demo.communicate(timeout=60)
    assert demo.returncode != 0
    assert "Traceback" not in output
    wait_until(lambda: not any(alive(process) for process in running), "processes are left", patience=60)
    wait_until(lambda: not list(scratch.glob("shop-*")), "data is left", patience=60)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--requests", "10"], "at least 500 requests are needed"), (["--requests", "many"], "--requests")],
)
def test_bad_arguments_end_with_64(arguments: list[str], message: str) -> None:
    command = [sys.executable, "-m", "parallelrun", "demo", "--no-browser", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 64
    assert message in result.stderr


def test_the_verdict_tells_found_missed_and_false_apart() -> None:
    def seen(endpoint: str, location: str, kind: str, status: str = "open") -> dict[str, Any]:
        return {"endpoint": endpoint, "location": location, "kind": kind, "status": status}

    tax = seen("GET /products/{id}/quote", "$.tax", "value")
    total = seen("GET /products/{id}/quote", "$.total", "value")
    stranger = seen("GET /basket", "$.total", "value")
    learned = seen("GET /basket", "$.generated_at", "value", "noise")

    verdict = judge([tax, total, learned], ["rounding"])
    assert verdict.right
    assert str(verdict) == "planted 1, found 1, false alarms 0"

    verdict = judge([tax, stranger], ["rounding", "time_zone"])
    assert not verdict.right
    assert verdict.missed == {"rounding": [tax], "time_zone": []}, "one place of two is not enough"
    assert verdict.false_alarms == [stranger]

    verdict = judge([tax, total], [])
    assert verdict.false_alarms == [tax, total], "what was not planted is false, even where it could have been"
