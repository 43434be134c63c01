"""`parallelrun serve` as a process of its own, as a user runs it."""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.wait import wait_until

Event = dict[str, Any]


class Serving:
    """A running `parallelrun serve` and what it logs.

    Args:
        arguments: of `serve`. Where they do not say, it gets free ports and a store in `directory`.
        directory: its working directory.
        environment: further variables.
        given: options that a file or a variable stands for, so that they are left out.
    """

    def __init__(
        self,
        *arguments: str,
        directory: Path,
        environment: Mapping[str, str] | None = None,
        given: Sequence[str] = (),
    ) -> None:
        command = [sys.executable, "-m", "parallelrun", "serve", *arguments]
        for option in ("--listen", "--admin"):
            command += [] if option in (*arguments, *given) else [option, "127.0.0.1:0"]
        command += [] if "--store" in arguments else ["--store", f"sqlite:///{directory}/evidence.db"]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PARALLELRUN_")}
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env={**clean, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def events(self) -> list[Event]:
        """Everything logged so far."""
        return [json.loads(line) for line in list(self.lines)]

    def event(self, name: str, number: int = 1) -> Event:
        """Waits for the first event of that name, or a later one."""

        def found() -> list[Event]:
            events = [event for event in self.events if event["event"] == name]
            assert len(events) >= number or self.process.poll() is None, f"ended without {name}: {self.lines}"
            return events[number - 1 : number]

        return wait_until(found, lambda: f"no {name} in {self.lines}")[0]

    @property
    def address(self) -> tuple[str, int]:
        """Where clients connect; waits until it serves."""
        return _split(self.event("serving")["listen"])

    @property
    def admin(self) -> tuple[str, int]:
        """Where the admin API listens; waits until it serves."""
        return _split(self.event("serving")["admin"])

    def get(self, path: str) -> Any:
        """The JSON that the admin API answers."""
        host, port = self.admin
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=20) as answer:
            return json.load(answer)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = 40) -> int:
        """Waits for its end; returns the exit code."""
        code = self.process.wait(timeout)
        self._reader.join()
        return code

    def stop(self) -> int:
        """Ends it with SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def close(self) -> None:
        """Makes sure that it has ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)
