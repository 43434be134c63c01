"""Ends what the launcher started, however the launcher itself ends: `python reaper.py DIRECTORY`.

It hears of each process in a line of stdin: {"pid": 1, "started": 1.5, "signal": 15}. When stdin closes (the launcher
asked for the end, was interrupted, or was killed) the processes get their signal, the last one first; those that are
not gone in time are killed; then the directory is removed.
"""

import json
import shutil
import signal
import sys
import time
from pathlib import Path

import psutil

PATIENCE_S = 10.0
SAME_START_S = 0.5


def main(directory: Path) -> None:
    """Waits for the end of stdin, then cleans up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    processes: list[tuple[psutil.Process, int]] = []
    for line in sys.stdin:
        entry = json.loads(line)
        if (process := find(entry["pid"], entry["started"])) is not None:
            processes.append((process, entry["signal"]))
    # A launcher that was killed while PostgreSQL came up had no time to tell of it.
    if (server := postmaster(directory / "postgres")) is not None:
        processes.append((server, signal.SIGQUIT))
    end(processes)
    shutil.rmtree(directory, ignore_errors=True)


def find(pid: int, started: float) -> psutil.Process | None:
    """Finds the process with this id, unless the id belongs to another one by now."""
    try:
        process = psutil.Process(pid)
        return process if abs(process.create_time() - started) < SAME_START_S else None
    except psutil.NoSuchProcess:
        return None


def postmaster(data: Path) -> psutil.Process | None:
    """Finds the PostgreSQL server of a data directory."""
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
        return process if str(data) in process.cmdline() else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def end(processes: list[tuple[psutil.Process, int]]) -> None:
    """Sends each process its signal and waits for all; kills what is left."""
    for process, number in reversed(processes):
        send(process, number)
    deadline = time.monotonic() + PATIENCE_S
    while any(running(process) for process, _ in processes):
        if time.monotonic() > deadline:
            for process, _ in processes:
                send(process, signal.SIGKILL)
            return
        time.sleep(0.02)


def send(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def running(process: psutil.Process) -> bool:
    """A process that its parent has yet to wait for (a zombie) runs no more."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    main(Path(sys.argv[1]))
