"""parallelrun itself, as a user runs it: the data plane, the evidence store and the admin API in one process."""

import http.client
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.origin import Origin
from harness.processes import BenchError, free_port
from harness.proxies.common import Running, proxy

# A breaker that opened would withhold copies and make comparing look cheap, but nothing here may keep it from opening:
# the rows check the ledger instead.
CONFIG = """
listen: 127.0.0.1:{port}
admin: {{listen: "127.0.0.1:{admin}"}}
workers: 1
old: {{url: "http://{old}"}}
new: {{url: "http://{new}"}}
sample: {sample}
databases: {databases}
store: sqlite:///{folder}/evidence.db
"""
# The new side serves everybody, and each client waits until its answer has proved equal. Nothing is asked again at
# random, so that both upstreams see each request once.
VERIFY = """
verify: true
rollout: {steps: [100%], hold: 1h}
limits: {samples: 0}
"""


@contextmanager
def parallelrun(
    mode: str, old: Origin, new: Origin, folder: Path, *, site: Path, databases: str = "shared"
) -> Iterator[Running]:
    """Runs parallelrun with one worker and otherwise its defaults.

    Args:
        mode: `pass` (sample 0 %), `compare` (sample 100 %), or `verify` (the new side serves all, verified).
        site: where the release build is unpacked.
        databases: `separate` also copies requests that write.
    """
    port, admin = free_port(), free_port()
    file = folder / "parallelrun.yaml"
    sample = "0%" if mode == "pass" else "100%"
    file.write_text(
        CONFIG.format(
            port=port,
            admin=admin,
            old=old.address,
            new=new.address,
            sample=sample,
            databases=databases,
            folder=folder,
        )
        + (VERIFY if mode == "verify" else "")
    )
    for leftover in folder.glob("evidence.db*"):
        leftover.unlink()
    command: list[str | Path] = [sys.executable, "-c", "from parallelrun.cli import main; main()", "serve", "-c", file]
    with proxy("parallelrun", command, port, folder, {"PYTHONPATH": str(site)}) as started:
        running = replace(started, admin=f"127.0.0.1:{admin}")
        ledger(running, at_least=1)  # the request that found it answering
        if mode == "verify":
            _advance(running)
        yield running


def _advance(running: Running) -> None:
    """Has the new side serve everybody.

    Raises:
        BenchError: it does not.
    """
    answer = _ask(running, "POST", "/api/v1/rollout/advance", {"reason": "bench"})
    if answer.get("weight") != 1:
        raise BenchError(f"the new side was to serve everybody, but the rollout says {answer}")


def ledger(running: Running, at_least: int) -> dict[str, int]:
    """How many requests ended in each outcome, once at least so many have: the counters are read once a second.

    Raises:
        BenchError: they have not within 15 s.
    """
    deadline = time.monotonic() + 15
    while True:
        try:
            outcomes = _outcomes(running)
        except ConnectionRefusedError:  # the admin address comes a moment after the one for clients
            outcomes = {}
        if sum(outcomes.values()) >= at_least:
            return outcomes
        if time.monotonic() > deadline:
            raise BenchError(f"the ledger has {outcomes}, expected {at_least} requests in it")
        time.sleep(0.1)


def _outcomes(running: Running) -> dict[str, int]:
    outcomes: dict[str, int] = _ask(running, "GET", "/api/v1/ledger")["outcomes"]
    return outcomes


def _ask(running: Running, method: str, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    if running.admin is None:
        raise BenchError("only parallelrun has an admin API")
    connection = http.client.HTTPConnection(running.admin, timeout=10)
    try:
        headers = {"content-type": "application/json"} if body else {}
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return answer
