"""`parallelrun serve` on a terminal: a real one, from the kernel's point of view."""

import contextlib
import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.support import behaviour
from tests.support.fixtures import Upstreams
from tests.support.rawclient import RawClient
from tests.support.wait import wait_until

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]")


class Terminal:
    """A process on a pseudo-terminal of so many columns and lines; its stderr may go to a file."""

    def __init__(
        self, command: list[str], directory: Path, columns: int, lines: int, stderr: BinaryIO | None = None
    ) -> None:
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color"}
        for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            environment.pop(name, None)
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=stderr or slave,
            start_new_session=True,
        )
        os.close(slave)
        self.raw = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        """Everything written so far, without colours and cursor movements."""
        return _ESCAPES.sub("", self.raw)

    def wait(self) -> int:
        code = self.process.wait(40)
        self._reader.join()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        os.close(self._master)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # EIO: nobody has the other end open any more
            while data := os.read(self._master, 1 << 16):
                self.raw += data.decode()


@pytest.fixture
def terminal(upstreams: Upstreams, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    """`serve` on a terminal; the width may be a parameter."""
    both = ["--old", upstreams.old.url, "--new", upstreams.new.url]
    ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    command = [sys.executable, "-m", "parallelrun", "serve", *both, *ports]
    started = Terminal(command, tmp_path, getattr(request, "param", 100), 40)
    yield started
    started.close()


def clients(terminal: Terminal) -> tuple[str, int]:
    """Where clients connect, as the screen says."""
    found = wait_until(lambda: re.search(r"clients\s+http://(127\.0\.0\.1):([0-9]+)\s", terminal.text))
    assert found
    return found[1], int(found[2])


def test_it_shows_what_goes_on_and_sums_up(terminal: Terminal, upstreams: Upstreams) -> None:
    upstreams.old.on("/orders/1", behaviour.json('{"total": 10.5}'))
    upstreams.new.on("/orders/1", behaviour.json('{"total": "\\u001b[2Jx"}'))
    with RawClient(clients(terminal)) as client:
        for _ in range(3):
            client.ask("/orders/1")
        client.ask("/same")
    wait_until(lambda: "25 % alike of 100 % compared" in terminal.text, lambda: terminal.text)
    assert "admin http://127.0.0.1:" in terminal.text
    assert re.search(r"mismatch +3 +75 %", terminal.text)
    assert re.search(r"GET /orders/\{id\} +\$\.total", terminal.text)
    assert "difference.new" in terminal.text, "events scroll by above the view"
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.wait() == 0
    last = " ".join(terminal.text.rpartition("stopped")[2].split())
    assert "4 requests in" in last
    assert "25 % alike of 100 % compared. 1 open difference, most often $.total of GET /orders/{id}" in last
    assert last.endswith("The evidence is in sqlite:///parallelrun.db.")
    assert terminal.raw.rindex("\x1b[?25h") > terminal.raw.rindex("\x1b[?25l"), "the cursor is back"
    assert "\x1b[2Jx" not in terminal.raw
    assert "Traceback" not in terminal.text


def test_a_second_process_on_the_same_ports_says_what_that_means(
    terminal: Terminal, upstreams: Upstreams, tmp_path: Path
) -> None:
    listen = "{}:{}".format(*clients(terminal))
    (admin,) = wait_until(lambda: re.findall(r"admin http://(127\.0\.0\.1:[0-9]+)", terminal.text)[:1])
    sides = ["--old", upstreams.old.url, "--new", upstreams.new.url]
    command = [sys.executable, "-m", "parallelrun", "serve", *sides, "--listen", listen, "--admin", admin]
    second = Terminal(command, tmp_path, 100, 40)
    try:
        clients(second)
        said = " ".join(second.text.partition("listen.shared")[2].split())
        pid = terminal.process.pid
        assert re.search(rf"to this process and to process {pid} \([^)]+\), until one of them ends\.", said)
        assert f"To let this one take over: `kill -TERM {pid}`. If a second one was not meant: end this one" in said
        second.process.send_signal(signal.SIGINT)
        assert second.wait() == 0
    finally:
        second.close()


def test_events_go_where_stderr_goes(upstreams: Upstreams, tmp_path: Path) -> None:
    upstreams.new.on("/a", behaviour.reply(500))
    sides = ["--old", upstreams.old.url, "--new", upstreams.new.url]
    ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    log = tmp_path / "log.json"
    with log.open("wb") as file:
        command = [sys.executable, "-m", "parallelrun", "serve", *sides, *ports]
        started = Terminal(command, tmp_path, 100, 40, file)
        try:
            with RawClient(clients(started)) as client:
                client.ask("/a")
            wait_until(lambda: "0 % alike of 100 % compared" in started.text, lambda: started.text)
            started.process.send_signal(signal.SIGINT)
            assert started.wait() == 0
        finally:
            started.close()
    names = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert (names[0], names[-1]) == ("serving", "stopped")
    assert "difference.new" in names
    assert "difference.new" not in started.text
    assert "1 request in" in started.text


@pytest.mark.parametrize("terminal", [30], indirect=True)
def test_a_narrow_terminal(terminal: Terminal) -> None:
    wait_until(lambda: "no requests yet" in terminal.text, lambda: terminal.text)
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.wait() == 0
    assert "Traceback" not in terminal.text
