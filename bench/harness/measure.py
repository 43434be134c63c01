"""One measured window, and the check that it measured what it says."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.build import Tools
from harness.load import Load
from harness.origin import Origin
from harness.processes import BenchError, Others, cpu_seconds
from harness.proxies.common import Running
from harness.proxies.envoy import envoy
from harness.proxies.nginx import nginx
from harness.proxies.parallelrun import ledger, parallelrun
from harness.rows import ALL_AT_ONCE, FULL_LOAD, RATES, Row
from harness.trust import problems


@dataclass(frozen=True)
class Bench:
    """What every measurement needs."""

    tools: Tools
    site: Path
    old: Origin
    new: Origin
    folder: Path

    @contextmanager
    def running(self, system: str, mode: str, databases: str = "shared") -> Iterator[Running]:
        """Runs one of the systems; `direct` is the old upstream itself."""
        context: AbstractContextManager[Running]
        match system:
            case "direct":
                context = nullcontext(Running(self.old.address, {self.old.pid}))
            case "nginx":
                context = nginx(mode, self.old, self.new, self.folder)
            case "envoy":
                context = envoy(mode, self.old, self.new, self.folder)
            case _:
                context = parallelrun(mode, self.old, self.new, self.folder, site=self.site, databases=databases)
        with context as running:
            yield running
            self.new.settled()

    def offer(self, load: Load, running: Running) -> dict[str, Any]:
        """Offers a load to a running system."""
        return load.run(self.tools.load, running.address)


def measure(bench: Bench, row: Row, running: Running, seconds: float) -> dict[str, Any]:
    """Warms a running system up for a second, then measures it for `seconds` at its rate, then at full load.

    Returns:
        `cpu_us`: CPU time of the proxy's processes per request, in µs (None for `direct`); the load's report; the
        share of the machine that others used meanwhile; what both upstreams saw; parallelrun's outcomes in its ledger.
        `full`: the same of a second window, in which all requests are due at once, unless the row has none.

    Raises:
        BenchError: a request failed, or copies are missing or too many.
    """
    rate = RATES[row.size]
    before = sum(ledger(running, 1).values()) if row.system == "parallelrun" else 0
    bench.offer(Load(row.path, rate, rate), running)
    steady = Load(row.path, rate, round(rate * seconds))
    cell = _window(bench, row, running, steady, before + rate)
    if not row.at_full_load:
        return cell
    full = Load(row.path, ALL_AT_ONCE, FULL_LOAD * steady.count)
    return {**cell, "full": _window(bench, row, running, full, before + rate + steady.count)}


def _window(bench: Bench, row: Row, running: Running, load: Load, before: int) -> dict[str, Any]:
    """One window; `before` it the system has had so many requests."""
    old, new = bench.old.settled(), bench.new.settled()
    outcomes = ledger(running, before) if row.system == "parallelrun" else {}
    others = Others(running.pids | {bench.old.pid, bench.new.pid})
    cpu = cpu_seconds(running.pids)
    report = bench.offer(load, running)
    share = others.share()
    new = bench.new.settled() - new
    cpu = cpu_seconds(running.pids) - cpu
    old = bench.old.settled() - old
    if outcomes:
        now = ledger(running, before + report["sent"])
        outcomes = {name: n - outcomes.get(name, 0) for name, n in now.items() if n != outcomes.get(name, 0)}
    cell = {
        "cpu_us": None if row.system == "direct" else cpu / report["ok"] * 1e6,
        "load": report,
        "others": share,
        "old": {"requests": old.requests, "connections": old.connections},
        "new": {"requests": new.requests, "connections": new.connections},
        "outcomes": outcomes,
    }
    if wrong := problems(row, cell):
        raise BenchError(f"{row.key}: {'; '.join(wrong)}")
    return cell


def verify_bodies(bench: Bench, system: str, mode: str) -> None:
    """Sends 300 requests with a body and checks that the new upstream got every byte that the old one got.

    Raises:
        BenchError: it did not.
    """
    load = Load("/equal/2048", rate=300, count=300, method="POST", body_bytes=5000)
    with bench.running(system, mode, databases="separate") as running:
        old, new = bench.old.settled(), bench.new.settled()
        report = bench.offer(load, running)
        old, new = bench.old.settled() - old, bench.new.settled() - new
    seen = [(counts.requests, counts.body_bytes, counts.body_sum) for counts in (old, new)]
    if report["ok"] != load.count or seen[0] != seen[1] or seen[0][:2] != (load.count, load.count * load.body_bytes):
        raise BenchError(f"{system} {mode}: {report['ok']} answers; (requests, bytes, sum) at old and new: {seen}")
