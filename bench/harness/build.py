"""Builds what is measured: the load tools with cargo, parallelrun as the wheel that a user would install."""

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from harness.processes import BenchError

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Tools:
    """The programs of bench/load."""

    load: Path
    upstream: Path


def build_tools() -> Tools:
    """Builds the load generator and the upstream."""
    run(["cargo", "build", "--locked", "--release", "-p", "parallelrun-bench"])
    text = run(["cargo", "metadata", "--locked", "--format-version", "1", "--no-deps"])
    target = Path(json.loads(text)["target_directory"]) / "release"
    return Tools(target / "load", target / "upstream")


def build_parallelrun(profile: str, folder: Path) -> Path:
    """Builds parallelrun's wheel, its core by this cargo profile, and unpacks it below `folder`, so that no installed
    build, of whatever profile, is touched or measured by accident.

    Returns:
        The folder for PYTHONPATH.
    """
    run(["maturin", "build", "--locked", "--profile", profile, "--out", str(folder)])
    (wheel,) = folder.glob("parallelrun-*.whl")
    site = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def run(command: list[str]) -> str:
    """Runs a command in the project's folder and returns what it prints.

    Raises:
        BenchError: it fails.
    """
    # The tools of the environment that runs the bench, also when it is not activated.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)} failed:\n{done.stderr[-4000:]}")
    return done.stdout
