"""The process `parallelrun serve` stays under `limits.memory` while the new side hangs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parallelrun.config.model import SET_ASIDE
from parallelrun.evidence.collector import HOLD_BYTES
from tests.support import background, behaviour
from tests.support.fixtures import Upstreams
from tests.support.load import Shot, load
from tests.support.memory import resident
from tests.support.rawclient import request
from tests.support.serving import Serving

MIB = 1 << 20
UPLOAD = 64 * 1024
LIMIT = 256 * MIB
"""The default."""

CONFIG = """\
old: {old}
new: {{url: {new}, timeout: 5m}}
databases: separate
limits: {{shadows: 20000, shadow_timeout: 5m}}
breaker: {{stall: 1h, failures: 1000000, volume: 1000000}}
"""
"""The breaker would spare the process most of the copies: here it is to hold all that it may."""


@pytest.fixture
def serving(upstreams: Upstreams, tmp_path: Path) -> Iterator[Serving]:
    """A process in front of the two origins, with as many copies as memory has room for."""
    file = tmp_path / "p.yaml"
    file.write_text(CONFIG.format(old=upstreams.old.url, new=upstreams.new.url))
    process = Serving("-c", str(file), directory=tmp_path)
    yield process
    process.close()


def upload(number: int) -> Shot:
    return Shot(request(f"/up/{number}", "POST", body=b"x" * UPLOAD), b"POST", None, f"POST /up/{number}".encode())


def read(number: int) -> Shot:
    return Shot(request(f"/r/{number}"), b"GET", None, f"GET /r/{number}".encode())


@pytest.mark.parametrize(
    ("shot", "offered"), [pytest.param(upload, 3_000, id="uploads"), pytest.param(read, 10_000, id="reads")]
)
def test_a_hung_new_side_and_thousands_of_requests(
    serving: Serving, upstreams: Upstreams, shot: Callable[[int], Shot], offered: int
) -> None:
    """Unbounded, the copies would hold more than 256 MiB by themselves."""
    warm = background.run(load(serving.address, shot, count=300, connections=16))
    assert warm.statuses == {200: 300}
    at_rest = resident(serving.process.pid)
    assert at_rest < SET_ASIDE - HOLD_BYTES, f"{at_rest / MIB:.0f} MiB without any copies"
    upstreams.new.default = behaviour.stop_reading()
    most = 0
    running = background.start(load(serving.address, shot, count=offered, connections=16))
    while not running.done():
        most = max(most, resident(serving.process.pid))
    result = running.result()
    assert (result.errors, result.statuses) == ([], {200: offered})
    assert most < LIMIT, f"{most / MIB:.0f} MiB"
    memory = serving.get("/api/v1/status")["memory"]
    assert memory["used"] > 0.9 * memory["limit"], "the new side does not hang"
    assert serving.get("/api/v1/ledger")["outcomes"]["overload"] > offered / 2
