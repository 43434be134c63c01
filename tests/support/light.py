"""An origin in a process of its own that costs little, fails on command, and keeps a list of writes that outlives it.

The strict origins check each byte; this one answers well-formed requests with a length, many of them, so that a test
can offer thousands of them in a second.
"""

import asyncio
import os
import socket
import struct
import sys
from collections import Counter
from pathlib import Path
from typing import Literal

from .process import OriginProcess
from .rawclient import RawClient

Fault = Literal["none", "reset", "truncate", "500", "hang"]
"""`reset`: once it has the request. `truncate`: in the middle of its answer. `hang`: never answers."""

ProcessFault = Fault | Literal["kill -9", "SIGSTOP"]

FAULTS: tuple[ProcessFault, ...] = ("kill -9", "SIGSTOP", "reset", "truncate", "500", "hang")

LONG = 100_000
"""The length of an answer under `/long`: more than the proxy reads before it passes an answer on."""


class LightProcess(OriginProcess):
    """Answers with what `body_of` says; `x-from` names the side.

    Each write, named by its `x-write`, is in the file `writes` before it is answered, also if the process is killed.
    """

    MODULE = "tests.support.light"

    def __init__(self, name: str, writes: Path) -> None:
        self._writes = writes
        super().__init__(name)

    def arguments(self) -> list[str]:
        return [str(self._writes)]

    def fail(self, fault: Fault) -> None:
        """Fails in this way from now on, also on connections that are open; `none` ends it."""
        with RawClient(self.address) as client:
            assert client.ask(f"{COMMAND}{fault}").status == 200

    def begin(self, fault: ProcessFault) -> None:
        """From now on it is gone, stopped, or fails in this way."""
        match fault:
            case "kill -9":
                self.kill()
            case "SIGSTOP":
                self.pause()
            case _:
                self.fail(fault)

    def end(self, fault: ProcessFault) -> None:
        """It is well again."""
        match fault:
            case "kill -9":
                self.start()
            case "SIGSTOP":
                self.resume()
            case _:
                self.fail("none")

    def writes(self) -> Counter[str]:
        """How often each write has arrived, whole."""
        return Counter(self._writes.read_text().split()) if self._writes.exists() else Counter()


COMMAND = "/_fail/"


def body_of(method: str, target: str) -> bytes:
    """What both sides answer."""
    text = f"{method} {target}".encode()
    return text.ljust(LONG, b".") if target.startswith("/long") else text


class _Origin:
    def __init__(self, name: str, writes: str) -> None:
        self.name = name
        self.fault = "none"
        self.writes = os.open(writes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


class _Connection(asyncio.Protocol):
    def __init__(self, origin: _Origin) -> None:
        self.origin = origin
        self.buffer = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while not self.transport.is_closing():
            head, blank, rest = self.buffer.partition(b"\r\n\r\n")
            if not blank:
                return
            line, *fields = head.decode("latin-1").split("\r\n")
            named = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
            length = int(named.get("content-length", "0"))
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            method, target, _ = line.split()
            self.answer(method, target, named.get("x-write"))

    def answer(self, method: str, target: str, write: str | None) -> None:
        if target.startswith(COMMAND):
            self.origin.fault = target.removeprefix(COMMAND)
            self.transport.write(b"HTTP/1.1 200 -\r\ncontent-length: 0\r\n\r\n")
            return
        if write is not None:
            os.write(self.origin.writes, write.encode() + b"\n")
        fault = self.origin.fault
        if fault == "hang":
            return
        if fault == "reset":
            self.reset()
            return
        body = body_of(method, target)
        status = 500 if fault == "500" else 200
        head = f"HTTP/1.1 {status} -\r\nx-from: {self.origin.name}\r\ncontent-length: {len(body)}\r\n\r\n"
        if fault == "truncate":
            self.transport.write(head.encode() + body[: len(body) // 2])
            # The kernel drops what it has not sent yet when it resets: this much has to be on its way before.
            asyncio.get_running_loop().call_later(0.01, self.reset)
            return
        self.transport.write(head.encode() + body)

    def reset(self) -> None:
        sock: socket.socket = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


async def _main(name: str, port: int, writes: str) -> None:
    origin = _Origin(name, writes)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(origin), "127.0.0.1", port, backlog=4096, reuse_address=True
    )
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
