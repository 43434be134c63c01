"""The two upstreams: bench/load's `upstream`, once as the old and once as the new version."""

import http.client
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.processes import cores, started, wait_until


@dataclass(frozen=True)
class Counts:
    """What an upstream has seen so far; subtract two to get what it saw in between."""

    connections: int
    requests: int
    body_bytes: int
    body_sum: int

    def __sub__(self, earlier: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) - getattr(earlier, name) for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Origin:
    """A running upstream."""

    address: str
    pid: int

    def counts(self) -> Counts:
        """Its counters now, over a connection of its own that is not counted."""
        connection = http.client.HTTPConnection(self.address, timeout=10)
        try:
            connection.request("GET", "/_counters")
            return Counts(**json.loads(connection.getresponse().read()))
        finally:
            connection.close()

    def settled(self) -> Counts:
        """Its counters once no request has come for a quarter of a second: late copies are then in."""
        counts, quiet_since = self.counts(), time.monotonic()
        while time.monotonic() - quiet_since < 0.25:
            time.sleep(0.05)
            now = self.counts()
            if now != counts:
                counts, quiet_since = now, time.monotonic()
        return counts

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Stopped as by SIGSTOP: connections are taken by the kernel, nothing is ever answered."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


@contextmanager
def origin(binary: Path, version: int, folder: Path) -> Iterator[Origin]:
    """Runs an upstream that answers as this version."""
    log = folder / f"upstream-{version}.log"
    with started([binary, "--version", str(version)], cores()[1], log) as process:
        wait_until(f"upstream {version}", lambda: log.read_text().endswith("\n"), process, log)
        yield Origin(json.loads(log.read_text())["address"], process.pid)
