"""A strict origin in a process of its own, to be killed, stopped and started again on the same port."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from .rawclient import RawClient
from .wait import wait_until

ROOT = Path(__file__).resolve().parents[2]


FAULTS = ("reset", "truncate", "drip", "500", "nonsense")
"""`reset`: once it has the request. `truncate`: in its answer. `drip`: one byte a second. `nonsense`: no HTTP."""


class OriginProcess:
    """Runs `python -m tests.support.process` and answers like `Origin` does by default.

    Paths of its own: `/count` answers with the number of requests so far; `/status/N` with status N; `/hang` never
    answers. A query such as `new=reset` has the process of that name, and no other, fail in a way of `FAULTS`.
    """

    MODULE = "tests.support.process"

    def __init__(self, name: str = "new") -> None:
        self.name = name
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def start(self) -> None:
        """Starts (again), on the port it had before, and waits until it listens."""
        assert self._process is None
        command = [sys.executable, "-m", self.MODULE, self.name, str(self.port), *self.arguments()]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith(b"port "), f"the origin process did not start: {line!r}"
        self.port = int(line.split()[1])

    def arguments(self) -> list[str]:
        """What its process is told beside its name and port."""
        return []

    def count(self) -> int:
        """How many requests it has got since it was started, other than for its own paths."""
        with RawClient(self.address) as client:
            return int(client.ask("/count").body)

    def kill(self) -> None:
        """Kills it with SIGKILL and waits for its end."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def pause(self) -> None:
        """Stops it with SIGSTOP: its port still accepts, in the kernel, and nothing answers."""
        assert self._process is not None
        pid = self._process.pid
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: _state(pid) == "T", "the origin process has not stopped")

    def resume(self) -> None:
        """Lets it go on with SIGCONT; nothing to do if it has been killed."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        if self._process is not None:
            self.kill()


def _state(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def _main(name: str, port: int) -> None:
    # Imported here, so that importing this module in a test starts no background loop.
    from . import behaviour  # noqa: PLC0415
    from .exchange import Exchange  # noqa: PLC0415
    from .origin import Origin, default_behaviour  # noqa: PLC0415

    origin = Origin(name, port=port)
    own = ("/count",)
    ways = (
        behaviour.reset_after_request(),
        behaviour.truncate(b"ha", 9),
        behaviour.drip(b"slow", 1.0),
        behaviour.reply(500, b"oops"),
        behaviour.raw(b"nonsense\r\n\r\n", close=True),
    )
    faults = dict(zip((f"{name}={fault}" for fault in FAULTS), ways, strict=True))

    async def count(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.answer(200, None, str(origin.count() - sum(origin.count(path) for path in own)).encode())

    async def default(exchange: Exchange) -> None:
        origin.requests.clear()  # only the counts are of use here
        fault = faults.get(exchange.record.target.partition("?")[2])
        if fault is not None:
            await fault(exchange)
        elif exchange.record.target.startswith("/status/"):
            await behaviour.reply(int(exchange.record.target.removeprefix("/status/")))(exchange)
        else:
            await default_behaviour(exchange)

    origin.on("/count", count)
    origin.on("/hang", behaviour.hang())
    origin.default = default
    print(f"port {origin.port}", flush=True)
    signal.pause()


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]))
