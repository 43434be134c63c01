"""The process `parallelrun serve` stays small while the new side hangs and ten thousand requests are offered."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import background, behaviour
from tests.support.fixtures import Upstreams
from tests.support.load import Shot, load
from tests.support.memory import resident
from tests.support.rawclient import request
from tests.support.serving import Serving

MIB = 1 << 20
OFFERED = 10_000
UPLOAD = 16 * 1024
LIMIT = 8 * MIB
ROOM = 32 * MIB
"""For all that `limits.memory` does not count: connections, tasks, the allocator's holes, and Python's own books."""

CONFIG = """\
old: {old}
new: {{url: {new}, timeout: 5m}}
databases: separate
limits: {{memory: 8MiB, shadows: {shadows}, shadow_timeout: 5m}}
breaker: {{stall: 1h, failures: 1000000, volume: 1000000}}
"""
"""The breaker would spare the process most of the copies: here it is to hold all that it may."""


@pytest.fixture
def serve(upstreams: Upstreams, tmp_path: Path) -> Iterator[Callable[[int], Serving]]:
    """Starts a process in front of the two origins with room for so many copies at once."""
    started: list[Serving] = []

    def start(shadows: int) -> Serving:
        file = tmp_path / "p.yaml"
        file.write_text(CONFIG.format(old=upstreams.old.url, new=upstreams.new.url, shadows=shadows))
        started.append(Serving("-c", str(file), directory=tmp_path))
        return started[-1]

    yield start
    for serving in started:
        serving.close()


def upload(number: int) -> Shot:
    return Shot(request(f"/up/{number}", "POST", body=b"x" * UPLOAD), b"POST", None, f"POST /up/{number}".encode())


def read(number: int) -> Shot:
    return Shot(request(f"/r/{number}"), b"GET", None, f"GET /r/{number}".encode())


@pytest.mark.parametrize(
    ("shot", "shadows"),
    # Unbounded, the copies would hold 156 MiB. Reads hold none; there the number of copies is the bound.
    [pytest.param(upload, 20_000, id="uploads"), pytest.param(read, 500, id="reads")],
)
def test_a_hung_new_side_and_ten_thousand_requests(
    serve: Callable[[int], Serving], upstreams: Upstreams, shot: Callable[[int], Shot], shadows: int
) -> None:
    serving = serve(shadows)
    warm = background.run(load(serving.address, shot, count=300, connections=16))
    assert warm.statuses == {200: 300}
    upstreams.new.default = behaviour.stop_reading()
    before = resident(serving.process.pid)
    most = before
    running = background.start(load(serving.address, shot, count=OFFERED, connections=16))
    while not running.done():
        most = max(most, resident(serving.process.pid))
    result = running.result()
    assert (result.errors, result.statuses) == ([], {200: OFFERED})
    assert upstreams.new.open_connections > 100, "the new side does not hang"
    assert most - before < LIMIT + ROOM, f"it has grown by {(most - before) / MIB:.0f} MiB"
    outcomes = serving.get("/api/v1/ledger")["outcomes"]
    assert outcomes["overload"] > OFFERED / 2, outcomes
