"""What all proxies under test have in common."""

import http.client
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.processes import cores, started, tree, wait_until


def script(name: str) -> Path:
    """A program that came with a package, from the environment that runs the bench. Those of nginx and Envoy become the
    real binary by `exec`, so the process that was started is the proxy."""
    return Path(sys.executable).parent / name


@dataclass(frozen=True)
class Running:
    """A proxy that answers."""

    address: str
    pids: set[int]
    admin: str | None = None


@contextmanager
def proxy(
    name: str, command: Sequence[str | Path], port: int, folder: Path, env: dict[str, str] | None = None
) -> Iterator[Running]:
    """Runs a proxy on its core until it answers on `port`."""
    log = folder / f"{name}.log"
    with started(command, cores()[0], log, env) as process:
        wait_until(name, lambda: _answers(process, port), process, log)
        yield Running(f"127.0.0.1:{port}", tree(process.pid))


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/equal/100")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
