"""Connections as a resource: whose they are, how long they are kept, and what happens when there are none left."""

import contextlib
import os
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fixtures import StartProxy, Upstreams
from tests.support.origin import Origin
from tests.support.proxy import RunningProxy
from tests.support.rawclient import RawClient
from tests.support.serving import Serving
from tests.support.wait import wait_until


def test_two_sides_behind_one_address_share_no_connection(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """The same origin is both sides: what is kept for the one is never used for the other."""
    one: Origin = upstreams.old
    proxy = start_proxy(listener={"workers": 1}, old=one.url, new=one.url)
    with RawClient(proxy.address) as client:
        for number in range(10):
            assert client.ask(f"/{'abcdefghij'[number]}").status == 200
            proxy.settled(number + 1)  # both connections are back in their pools
    copies = {seen.connection for seen in one.requests if seen.header("x-parallelrun-shadow")}
    served = {seen.connection for seen in one.requests if not seen.header("x-parallelrun-shadow")}
    assert len(one.requests) == 20
    assert (len(copies), len(served)) == (1, 1), "connections are kept"
    assert copies.isdisjoint(served)


def test_idle_connections_to_the_sides_are_closed(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    """Before a server does it, so that no request meets a connection that is being closed; also after the last one."""
    assert client.ask("/").status == 200
    proxy.settled(1)
    assert all(origin.open_connections == 1 for origin in upstreams.both)
    wait_until(lambda: all(origin.open_connections == 0 for origin in upstreams.both))
    assert client.ask("/").status == 200


@pytest.fixture
def serving(upstreams: Upstreams, tmp_path: Path) -> Iterator[Serving]:
    started = Serving("--old", upstreams.old.url, "--new", upstreams.new.url, directory=tmp_path)
    yield started
    started.close()


def test_without_file_descriptors_it_waits_and_does_not_spin(serving: Serving) -> None:
    with RawClient(serving.address) as client:
        assert client.ask("/").status == 200
    pid = serving.process.pid
    used = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 5, hard))
    clients: list[socket.socket] = []
    try:
        clients = [socket.create_connection(serving.address, 20) for _ in range(40)]  # the kernel accepts them
        wait_until(lambda: len(list(Path(f"/proc/{pid}/fd").iterdir())) >= used + 5, "descriptors are left")
        begun, busy = time.monotonic(), processor_seconds(pid)
        time.sleep(1.0)
        share = (processor_seconds(pid) - busy) / (time.monotonic() - begun)
        assert share < 0.25, f"it spins: {share:.0%} of a processor"
    finally:
        for one in clients:
            with contextlib.suppress(OSError):
                one.close()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
    with RawClient(serving.address) as client:
        assert client.ask("/").status == 200


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
