"""The breaker as whoever runs `parallelrun serve` sees it: status, doctor, metrics, log."""

import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import behaviour
from tests.support.fixtures import Upstreams
from tests.support.rawclient import RawClient
from tests.support.serving import Serving
from tests.support.wait import wait_until

CONFIG = """\
old: {{url: "{old}", health: /health}}
new: {{url: "{new}", health: /health}}
breaker: {{open: 1ms, slow_start: 1ms, probes: 1000, health: {{interval: 10ms, failures: 2}}}}
"""


@pytest.fixture
def serving(upstreams: Upstreams, tmp_path: Path) -> Iterator[Serving]:
    file = tmp_path / "p.yaml"
    file.write_text(CONFIG.format(old=upstreams.old.url, new=upstreams.new.url))
    serving = Serving("-c", str(file), directory=tmp_path)
    yield serving
    serving.close()


def metric(serving: Serving, name: str) -> float:
    host, port = serving.admin
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=20) as answer:
        found = re.search(rf"^{name} (\S+)$", answer.read().decode(), re.MULTILINE)
    assert found
    return float(found[1])


def command(serving: Serving, name: str) -> str:
    host, port = serving.admin
    arguments = [sys.executable, "-m", "parallelrun", name, "--admin", f"http://{host}:{port}"]
    return " ".join(subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False).stdout.split())


def test_a_health_check_that_fails_and_one_that_is_well_again(serving: Serving, upstreams: Upstreams) -> None:
    status = serving.get("/api/v1/status")
    assert status["breaker"] | {"since": None} == {
        "state": "closed",
        "since": None,
        "reason": None,
        "healthy": True,
        "opened": 0,
        "weight": 0.0,
        "changes": [],
    }
    assert (metric(serving, "parallelrun_breaker_open"), status["new"]["health"]["ok"]) == (0.0, True)

    upstreams.new.on("/health", behaviour.reply(503))
    opened = serving.event("breaker.opened")
    assert (opened["level"], opened["reason"], opened["after_ms"]) == ("error", "The health checks fail.", None)
    status = serving.get("/api/v1/status")
    breaker = status["breaker"]
    assert (breaker["state"], breaker["healthy"], breaker["opened"]) == ("open", False, 1)
    assert breaker["since"] == breaker["changes"][0]["at"]
    assert status["new"]["health"]["error"] == "answered 503"
    assert metric(serving, "parallelrun_breaker_open") == 1.0
    assert "breaker open: the old side serves everybody" in command(serving, "status")
    assert "the breaker is open, so the old side serves everybody: the health checks fail" in command(serving, "doctor")

    upstreams.new.on("/health", behaviour.reply(200))
    with RawClient(serving.address) as client:
        wait_until(
            lambda: client.ask("/a").status == 200 and serving.get("/api/v1/status")["breaker"]["state"] == "closed"
        )
    assert serving.event("breaker.half_open")["reason"] == "5 probes in a row worked."
    assert serving.event("breaker.closed")["reason"] == "The slow start is over."
    changes = serving.get("/api/v1/status")["breaker"]["changes"]
    assert [change["state"] for change in changes] == ["closed", "half_open", "open"], "the newest first"
    assert metric(serving, "parallelrun_breaker_open") == 0.0
    assert "was open 1 time" in command(serving, "status")
    assert "breaker" not in command(serving, "doctor")


def test_failures_that_the_data_plane_sees(serving: Serving, upstreams: Upstreams) -> None:
    upstreams.new.on("/a", behaviour.reply(500))
    with RawClient(serving.address) as client:
        for _ in range(5):
            assert client.ask("/a").status == 200
    opened = serving.event("breaker.opened")
    assert opened["reason"] == "5 failures in a row."
    assert opened["after_ms"] >= 0
    change = serving.get("/api/v1/status")["breaker"]["changes"][-1]
    assert (change["state"], change["after_s"]) == ("open", opened["after_ms"] / 1000)


def test_the_health_of_the_old_side_is_shown_and_moves_nobody(serving: Serving, upstreams: Upstreams) -> None:
    upstreams.old.on("/health", behaviour.reply(500))
    wait_until(lambda: upstreams.old.count("/health") >= 5)
    wait_until(lambda: not serving.get("/api/v1/status")["old"]["health"]["ok"])
    assert serving.get("/api/v1/status")["breaker"]["opened"] == 0
