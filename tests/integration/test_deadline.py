"""The hard deadline."""

import json
import subprocess
import sys

PROGRAM = """
import time
from parallelrun.cli import log
from parallelrun.engine.deadline import Deadline

log.json_lines()
deadline = Deadline({seconds})
{then}
"""


def run(seconds: float, then: str) -> "subprocess.CompletedProcess[str]":
    program = PROGRAM.format(seconds=seconds, then=then)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


def test_it_ends_a_process_that_hangs() -> None:
    ended = run(0.1, "time.sleep(1000)")
    assert ended.returncode == 0
    entry = json.loads(ended.stderr)
    assert (entry["event"], entry["clock"], entry["level"]) == ("stopped", "deadline", "error")


def test_it_does_not_end_one_that_was_done_in_time() -> None:
    ended = run(0.1, "deadline.cancel()\ntime.sleep(0.3)\nprint(deadline.left, deadline.passed > 0.3)")
    assert (ended.stdout, ended.stderr) == ("0.0 True\n", "")
