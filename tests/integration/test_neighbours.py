"""Who else listens on an address, with real sockets and processes."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from parallelrun.config.units import Address
from parallelrun.engine.neighbours import name_of, processes_at

LISTENS = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
with socket.create_server((sys.argv[1], 0), family=family, reuse_port=True) as listener:
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()
"""

Other = tuple["subprocess.Popen[str]", Address]


@pytest.fixture(params=["127.0.0.1", "0.0.0.0", "::1"])
def other(request: pytest.FixtureRequest) -> Iterator[Other]:
    """Another process that listens."""
    command = [sys.executable, "-c", LISTENS, request.param]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    yield process, Address(request.param, int(process.stdout.readline()))
    process.stdin.close()
    process.wait(20)
    process.stdout.close()


def test_another_process_is_seen_and_ourselves_are_not(other: Other) -> None:
    process, address = other
    assert processes_at(address) == {process.pid}
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.create_server((address.host, address.port), family=family, reuse_port=True):
        assert processes_at(address) == {process.pid}
    assert processes_at(Address("127.0.0.2", address.port)) == frozenset()
    assert name_of(process.pid) == f"process {process.pid} ({Path(f'/proc/{process.pid}/comm').read_text().strip()})"


def test_a_process_that_is_gone_still_has_a_number() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(20)
    assert name_of(gone.pid) == f"process {gone.pid}"
    assert name_of(os.getpid()).startswith(f"process {os.getpid()} (")
