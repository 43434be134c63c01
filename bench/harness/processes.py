"""Processes under measurement: on chosen cores, their CPU time and memory read from the kernel, ended by pid."""

import os
import re
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class BenchError(Exception):
    """The bench cannot go on, or its figures could not be trusted. The message says why."""


def cores() -> tuple[set[int], set[int]]:
    """The core of the proxy under test, and the cores of everything else (the same one where there is only one)."""
    first, *others = sorted(os.sched_getaffinity(0))
    return {first}, set(others) or {first}


@contextmanager
def started(
    command: Sequence[str | Path], on: set[int], log: Path, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a command on the given cores, its output in `log`, and ends it and its children."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            preexec_fn=lambda: os.sched_setaffinity(0, on),  # noqa: PLW1509  (the bench has one thread)
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    family = tree(process.pid)
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
    for pid in family - {process.pid}:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def tree(pid: int) -> set[int]:
    """A process and all that descend from it."""
    found = {pid}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            found |= tree(int(child))
    return found


def cpu_seconds(pids: set[int]) -> float:
    """User and system time that these processes have used so far, all threads, also those that have ended.

    This is the sum of `utime` and `stime` in /proc/PID/stat, read from the process's CPU clock, which is exact to
    nanoseconds where the file counts hundredths of a second.
    """
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)  # clock_getcpuclockid(3) makes this id


class Others:
    """How busy everything else keeps the machine from now on: other programs, and other machines on the same host."""

    def __init__(self, ours: set[int]) -> None:
        self._ours = ours
        self._begin = self._read()

    def share(self) -> float:
        """The share of all cores' time, 0 to 1, that went to others since the start."""
        now = self._read()
        busy, ours, wall = (after - before for after, before in zip(now, self._begin, strict=True))
        return max(0.0, busy - ours) / (wall * (os.cpu_count() or 1))

    def _read(self) -> tuple[float, float, float]:
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        user, nice, system, _idle, _iowait, irq, softirq, steal = fields
        busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
        # The load generator has ended by the second reading, so it is among the children that were waited for.
        waited = resource.getrusage(resource.RUSAGE_CHILDREN)
        ours = cpu_seconds(self._ours) + time.process_time() + waited.ru_utime + waited.ru_stime
        return busy, ours, time.monotonic()


def peak_memory(pid: int) -> int:
    """The most resident memory that a process has had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    if match is None:
        raise BenchError(f"process {pid} has no VmHWM: it has ended")
    return int(match[1]) * 1024


def free_port() -> int:
    """A port on the loopback address that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(what: str, condition: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits for a condition, at most 30 s, as long as the process lives."""
    deadline = time.monotonic() + 30
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            state = "has ended" if process.poll() is not None else "did not come to it within 30 s"
            raise BenchError(f"{what}: the process {state}; its output:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)
