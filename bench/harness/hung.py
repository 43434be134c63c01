"""The new side hangs: what that does to the old side's answers, and to parallelrun's memory."""

from typing import Any

from harness.load import Load
from harness.measure import Bench
from harness.processes import BenchError, peak_memory

OFFERED = Load("/equal/2048", rate=1000, count=10_000)
"""What the tables call 10,000 requests."""
UPLOADS = Load("/equal/2048", rate=500, count=10_000, method="POST", body_bytes=64 * 1024)
"""The same with bodies that a copy has to hold: 640 MiB of them in all."""
MEMORY_LIMIT = 256 << 20
"""parallelrun's default `limits.memory`."""
SYSTEMS = (
    ("parallelrun", "pass", False),
    ("parallelrun", "compare", False),
    ("parallelrun", "compare", True),
    ("nginx", "mirror", False),
    ("nginx", "mirror", True),
    ("envoy", "mirror", False),
    ("envoy", "mirror", True),
)
"""System, mode, and whether the new upstream hangs."""


def measure_hung(bench: Bench, system: str, mode: str, hangs: bool) -> dict[str, Any]:
    """Offers 10,000 reads and reports their times and what failed of them, with the new upstream stopped or not."""
    with bench.running(system, mode) as running:
        bench.offer(Load(OFFERED.path, OFFERED.rate, OFFERED.rate), running)
        bench.new.settled()
        if not hangs:
            return bench.offer(OFFERED, running)
        with bench.new.hung():
            return bench.offer(OFFERED, running)


def measure_memory(bench: Bench) -> dict[str, Any]:
    """Offers 10,000 uploads, each to be copied, while the new upstream hangs.

    Returns:
        The peak of parallelrun's resident memory before the uploads and after them, in bytes, and the load's report.

    Raises:
        BenchError: uploads failed.
    """
    with bench.running("parallelrun", "compare", databases="separate") as running:
        bench.offer(Load(OFFERED.path, OFFERED.rate, OFFERED.rate), running)
        (pid,) = running.pids
        before = peak_memory(pid)
        with bench.new.hung():
            report = bench.offer(UPLOADS, running)
            after = peak_memory(pid)
    if report["ok"] != UPLOADS.count:
        raise BenchError(f"uploads with the new side hung: {report['errors']} of {UPLOADS.count} failed")
    return {"before_bytes": before, "peak_bytes": after, "limit_bytes": MEMORY_LIMIT, "load": report}
