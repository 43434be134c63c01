"""Finds what a running shop consists of."""

from pathlib import Path

import psutil


def processes_of(directory: Path) -> list[psutil.Process]:
    """All processes that have the directory in their command line or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(directory) in text for text in (*process.cmdline(), *process.environ().values())):
                found.append(process)
        except psutil.Error:
            continue  # ended meanwhile, or somebody else's
    return found


def alive(process: psutil.Process) -> bool:
    """Whether it still runs; one that its parent has yet to wait for does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
