"""Writes what the fuzz targets start from to fuzz/corpus: what they once found, smuggling cases, HTTP/2, answers."""

import gzip
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import h2.config
import h2.connection

from tests.integration.proxy.smuggling_cases import CASES
from tests.support.rawclient import request

CORPUS, FOUND = (Path(__file__).parent / name for name in ("corpus", "found"))
PATHS = ["/a", "/differ", "/differ/chunks", "/events/chunks", "/fail", "/silent", "/early", "/cut", "/cut/chunks"]
WEBSOCKET = {"connection": "upgrade", "upgrade": "x"}


def http2() -> bytes:
    """Three requests over HTTP/2: one without a body, one with a body and trailers, one that is given up."""
    connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="latin-1"))
    connection.initiate_connection()
    pseudo = [(":method", "POST"), (":scheme", "http"), (":authority", "shop.example"), (":path", "/differ")]
    connection.send_headers(1, [(":method", "GET"), *pseudo[1:], ("cookie", "a=b"), ("cookie", "c=d")], end_stream=True)
    connection.send_headers(3, pseudo)
    connection.send_data(3, b"hello")
    connection.send_headers(3, [("x-sum", "1")], end_stream=True)
    connection.send_headers(5, pseudo)
    connection.reset_stream(5)
    return bytes(connection.data_to_send())


def clients() -> Iterator[bytes]:
    yield from (case.raw for case in CASES.values() if len(case.raw) < 4096)
    for path in PATHS:
        yield request(path) + request(path, "POST", body=b"hello") + request(path, "HEAD")
    yield request("/switch", headers=WEBSOCKET) + b"hello"
    yield http2()


def answers() -> Iterator[bytes]:
    bodies = [b"hello", b'{"a": [1, 2.0, {"password": "x"}]}', b"<p>a</p>", b"x" * 5000]
    for status, kind, body in itertools.product(
        (b"200 OK", b"204 No Content", b"304 Not Modified", b"500 Oops"),
        (b"application/json", b"text/html", b"text/event-stream"),
        bodies,
    ):
        start = b"HTTP/1.1 " + status + b"\r\nContent-Type: " + kind + b"\r\n"
        yield start + b"Content-Length: %d\r\n\r\n" % len(body) + body
        yield start + b"Transfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n%x\r\n%b\r\n0\r\nx-sum: 1\r\n\r\n" % (
            len(body),
            body,
        )
        yield start + b"Connection: close\r\n\r\n" + body
        packed = gzip.compress(body, mtime=0)
        yield start + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    yield b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    yield b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    yield b"HTTP/1.0 200 OK\r\n\r\nhello"


def write(target: str, seeds: Iterator[bytes], tails: list[bytes]) -> None:
    """One file for each seed; the bytes that choose how it is used follow in turn."""
    directory = CORPUS / target
    directory.mkdir(parents=True, exist_ok=True)
    for number, (seed, tail) in enumerate(zip(seeds, itertools.cycle(tails))):
        (directory / f"seed-{number}").write_bytes(seed + tail)
    for found in (FOUND / target).glob("*"):
        shutil.copy(found, directory)


write("client", clients(), [bytes([step, how]) for step, how in itertools.product((0, 1, 30), range(0, 8, 3))])
write("answer", answers(), [bytes([how]) for how in range(32)])
