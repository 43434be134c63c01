"""The process `parallelrun serve` stays under `limits.memory` while the new side hangs."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import background, behaviour
from tests.support.fixtures import Upstreams
from tests.support.load import Shot, load
from tests.support.memory import resident
from tests.support.rawclient import RawClient, request
from tests.support.serving import Serving
from tests.support.wait import wait_until

MIB = 1 << 20
LIMIT = 256 * MIB
"""The default."""
CLIENT = 32 * 1024
"""What a client's connection may take on top."""

CONFIG = """\
old: {{url: {old}, timeout: 5m}}
new: {{url: {new}, timeout: 5m}}
databases: {databases}
limits: {{shadows: 20000, shadow_timeout: 5m}}
breaker: {{stall: 1h, failures: 1000000, volume: 1000000}}
"""
"""The breaker would spare the process most of the copies: here it is to hold all that it may."""


@pytest.fixture
def serve(upstreams: Upstreams, tmp_path: Path) -> Iterator[Callable[[str], Serving]]:
    """Starts a process in front of the two origins, with as many copies as memory has room for."""
    started: list[Serving] = []

    def start(databases: str) -> Serving:
        file = tmp_path / "p.yaml"
        file.write_text(CONFIG.format(old=upstreams.old.url, new=upstreams.new.url, databases=databases))
        started.append(Serving("-c", str(file), directory=tmp_path))
        return started[-1]

    yield start
    for serving in started:
        serving.close()


def read(number: int) -> Shot:
    return Shot(request(f"/r/{number}"), b"GET", None, f"GET /r/{number}".encode())


def upload(number: int, size: int = 64 * 1024) -> Shot:
    return Shot(request(f"/up/{number}", "POST", body=b"x" * size), b"POST", None, f"POST /up/{number}".encode())


def either(number: int) -> Shot:
    """On a connection whose read buffer has grown with the upload before, which no copy is sent of."""
    return read(number) if number % 2 else upload(number, 128 * 1024)


@pytest.mark.parametrize(
    ("shot", "offered", "connections", "databases"),
    [
        pytest.param(upload, 3_000, 16, "separate", id="uploads"),
        pytest.param(read, 10_000, 16, "separate", id="reads"),
        pytest.param(either, 6_000, 1, "shared", id="reads after uploads"),
    ],
)
def test_a_hung_new_side_and_thousands_of_requests(
    serve: Callable[[str], Serving],
    upstreams: Upstreams,
    shot: Callable[[int], Shot],
    offered: int,
    connections: int,
    databases: str,
) -> None:
    """Unbounded, the copies would hold more than 256 MiB by themselves."""
    serving = serve(databases)
    warm = background.run(load(serving.address, shot, count=300, connections=connections))
    assert warm.statuses == {200: 300}
    upstreams.new.default = behaviour.stop_reading()
    most = 0
    running = background.start(load(serving.address, shot, count=offered, connections=connections))
    while not running.done():
        most = max(most, resident(serving.process.pid))
    result = running.result()
    assert (result.errors, result.statuses) == ([], {200: offered})
    assert most < LIMIT, f"{most / MIB:.0f} MiB"
    memory = serving.get("/api/v1/status")["memory"]
    assert memory["used"] > 0.5 * memory["limit"], "the new side does not hang"
    if databases == "separate":
        assert serving.get("/api/v1/ledger")["outcomes"]["overload"] > offered / 2


def test_answers_that_wait_unread(serve: Callable[[str], Serving], upstreams: Upstreams) -> None:
    """The old side hangs; the new one has answered much on connections that carried much before, so that each has a
    large read buffer, and that is full."""
    count, much = 600, behaviour.reply(body=b"y" * MIB)
    upstreams.new.on("/before", much)
    upstreams.new.on("/slow", much)
    upstreams.old.on("/slow", behaviour.hang())
    serving = serve("shared")
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(RawClient(serving.address))
            assert client.ask("/before").status == 200
            client.send(request("/slow"))
        counted = lambda: serving.get("/api/v1/status")["in_flight"] == count  # noqa: E731
        wait_until(counted, "not all requests are under way")
        assert resident(serving.process.pid) < LIMIT + count * CLIENT
        assert upstreams.new.to("/slow"), "none was copied"
        assert serving.get("/api/v1/status")["memory"]["used"] > 100 * 32 * 1024
