"""The load generator: bench/load's `load`."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.processes import BenchError, cores

CONNECTIONS = 32


@dataclass(frozen=True)
class Load:
    """One run's load: a constant rate of equal requests."""

    path: str
    rate: int
    count: int
    method: str = "GET"
    body_bytes: int = 0
    timeout_ms: int = 10_000

    def run(self, binary: Path, address: str) -> dict[str, Any]:
        """Offers the load to an address and returns what the generator reports (bench/load/src/report.rs)."""
        limit = self.count / self.rate + 30
        command = [binary, "--address", address, "--connections", CONNECTIONS, "--max-seconds", round(limit)]
        for name in ("path", "rate", "count", "method", "body_bytes", "timeout_ms"):
            command += [f"--{name.replace('_', '-')}", getattr(self, name)]
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            text=True,
            timeout=limit + 30,
            check=False,
            preexec_fn=lambda: os.sched_setaffinity(0, cores()[1]),
        )
        if done.returncode != 0:
            raise BenchError(done.stderr.strip())
        report: dict[str, Any] = json.loads(done.stdout)
        return report
