"""parallelrun in the middle: runs it between the two services, sends the traffic, and judges what it found."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx

from shop.launch import HERE, Shop
from shop.traffic import send
from shop.verdict import Verdict, judge
from shop.visitors import Round, plan
from shop.waiting import LOOK_S, looks

PARALLELRUN = [sys.executable, "-m", "parallelrun"]
CONFIG = HERE / "parallelrun.yaml"
PLAN = HERE / "rollout.yaml"
START_S = 60.0
SETTLE_S = 60.0
STOP_S = 60.0


class MiddleError(RuntimeError):
    """The demo cannot go on; the text says why."""


@dataclass(frozen=True)
class Proxy:
    """A running `parallelrun serve`."""

    url: str
    admin_url: str
    config: Path

    def get(self, path: str) -> Any:
        """Reads from the admin API."""
        return httpx.get(self.admin_url + path, timeout=SETTLE_S, trust_env=False).raise_for_status().json()

    def add_plan(self) -> None:
        """Adds the plan of a rollout to the configuration, as an engineer would, and waits until it is in force.

        Raises:
            MiddleError: it is refused, or not read in time.
        """
        before = self.get("/api/v1/status")["config"]["generation"]
        with self.config.open("a") as file:
            file.write(PLAN.read_text())
        for _ in looks(SETTLE_S):
            config = self.get("/api/v1/status")["config"]
            if config["generation"] != before:
                return
            if config["refused"]:
                break
        raise MiddleError(f"the plan of the rollout is not in force: {config['refused']}")

    def report(self, form: str, to: IO[bytes]) -> None:
        """Runs `parallelrun report --format FORM`, which prints into the file.

        Raises:
            MiddleError: it ends with neither 0 nor 1, which stands for differences.
        """
        command = [*PARALLELRUN, "report", "--admin", self.admin_url, "--format", form]
        result = subprocess.run(command, stdout=to, timeout=SETTLE_S, check=False)
        if result.returncode not in (0, 1):
            raise MiddleError(f"parallelrun report ended with {result.returncode}")


@contextmanager
def serving(shop: Shop, directory: Path) -> Iterator[Proxy]:
    """Runs parallelrun between the two services; its configuration, log and evidence go into the directory.

    Raises:
        MiddleError: it did not start.
    """
    log_file, config = directory / "serve.log", directory / CONFIG.name
    config.write_text(CONFIG.read_text())
    environment = {
        **os.environ,
        "PARALLELRUN_LISTEN": "127.0.0.1:0",
        "PARALLELRUN_ADMIN__LISTEN": "127.0.0.1:0",
        "PARALLELRUN_OLD": shop.old_url,
        "PARALLELRUN_NEW": shop.new_url,
        "PARALLELRUN_STORE": f"sqlite:///{directory.resolve() / 'parallelrun.db'}",
    }
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [*PARALLELRUN, "serve", "--config", str(config)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # ctrl-c on the terminal is for the demo, which stops it in order
        )
    try:
        shop.watch(process.pid)
        event = _serving_event(process, log_file)
        yield Proxy(f"http://{event['listen']}", f"http://{event['admin']}", config)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        finally:
            process.kill()
            process.wait()


def run(shop: Shop, proxy: Proxy, requests: int, sent: Callable[[], None]) -> Verdict:
    """Sends the shop's traffic through parallelrun, and judges what it found once it has counted everything.

    Raises:
        MiddleError: parallelrun never came to an end with counting, or the old side did not answer.
    """
    statuses = asyncio.run(_send(plan(shop.seed, requests), proxy, sent))
    if failed := {status: count for status, count in statuses.items() if status >= 500}:
        raise MiddleError(f"the old side serves, and must not fail; it answered {failed}")
    return judge(_differences(proxy), sorted(shop.regressions))


async def _send(rounds: list[Round], proxy: Proxy, sent: Callable[[], None]) -> Counter[int]:
    async with httpx.AsyncClient(base_url=proxy.admin_url, timeout=SETTLE_S, trust_env=False) as admin:
        return await send(rounds, proxy.url, lambda so_far: settle(admin, so_far), sent)


async def settle(admin: httpx.AsyncClient, requests: int) -> None:
    """Waits until the ledger holds an outcome for each of so many requests: both sides have answered then.

    Raises:
        MiddleError: they have not in time.
    """
    deadline = time.monotonic() + SETTLE_S
    while True:
        ledger = (await admin.get("/api/v1/ledger")).raise_for_status().json()
        if sum(ledger["outcomes"].values()) == ledger["requests"] == requests:
            return
        if time.monotonic() > deadline:
            raise MiddleError(f"{requests} requests were sent, but after {SETTLE_S:g} s the ledger says {ledger}")
        await asyncio.sleep(LOOK_S)


def _differences(proxy: Proxy) -> list[dict[str, Any]]:
    """All differences, once each open one has its example: examples come a moment after the counts."""
    for _ in looks(SETTLE_S):
        items: list[dict[str, Any]] = proxy.get("/api/v1/differences")["items"]
        if all(item["pair_id"] for item in items if item["status"] == "open"):
            break
    return items


def _serving_event(process: "subprocess.Popen[bytes]", log_file: Path) -> dict[str, Any]:
    """Waits until parallelrun logs that it serves."""
    for _ in looks(START_S):
        exited = process.poll() is not None
        log = log_file.read_text(errors="replace")
        for line in log.splitlines():
            if '"serving"' in line and line.endswith("}"):
                event: dict[str, Any] = json.loads(line)
                return event
        if exited:
            break
    raise MiddleError(f"parallelrun did not start:\n{log[-2000:]}")
