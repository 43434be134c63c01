"""What the bench reads from the kernel about a process."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.processes import cpu_seconds, peak_memory, tree


@contextmanager
def python(code: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process that runs `code`, which ends with a line of output, and then waits."""
    command = [sys.executable, "-c", f"{code}\nprint('ready', flush=True)\ninput()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def test_cpu_time_is_that_of_proc_stat() -> None:
    busy = "import time, threading\ndef spin():\n while time.process_time() < 0.3: pass\n"
    with python(busy + "t = threading.Thread(target=spin); t.start(); t.join()") as process:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        stat = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        clock = cpu_seconds({process.pid})
        assert clock >= 0.3, "the time of a thread that has ended counts"
        assert abs(clock - stat) <= 0.03


def test_cpu_time_stands_still_while_a_process_waits() -> None:
    with python("") as process:
        first = cpu_seconds({process.pid})
        while (second := cpu_seconds({process.pid})) != first:
            first = second
            time.sleep(0.01)


def test_the_tree_holds_children_of_children() -> None:
    child = "subprocess.Popen([sys.executable, '-c', {code!r}], stdin=0, stdout=subprocess.PIPE)"
    inner = "import subprocess, sys\np = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"
    code = f"import subprocess, sys\np = {child.format(code=inner)}\nq = int(p.stdout.readline())"
    with python(code) as process:
        family = tree(process.pid)
        try:
            assert len(family) == 3
            assert process.pid in family
        finally:
            for pid in family - {process.pid}:
                os.kill(pid, 9)


def test_peak_memory_stays_after_the_memory_is_given_back() -> None:
    with python("b = bytearray(50 << 20); b[::4096] = b'x' * len(b[::4096]); del b") as process:
        assert 50 << 20 < peak_memory(process.pid) < 120 << 20
