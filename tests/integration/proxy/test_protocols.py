"""Every protocol of a client with every protocol of the sides: answers, uploads, trailers, streams, HEAD and errors."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import h2.errors
import pytest

from tests.support import behaviour
from tests.support.background import Gate
from tests.support.certs import ca_pem, client_context, server_context, write_pair
from tests.support.exchange import Exchange
from tests.support.fixtures import StartProxy
from tests.support.h2_client import H2Client
from tests.support.h2_origin import H2Message, H2Origin, H2Reply, HeaderList
from tests.support.origin import Origin
from tests.support.proxy import RunningProxy
from tests.support.rawclient import RawClient, request

CLIENTS = {
    "HTTP/1.1": (1, None),
    "HTTP/1.1 over TLS": (1, ("http/1.1",)),
    "HTTP/2 by prior knowledge": (2, None),
    "HTTP/2 over TLS": (2, ("h2", "http/1.1")),
}
SIDES = {
    "HTTP/1.1": (1, None, "auto"),
    "HTTP/1.1 over TLS": (1, ("http/1.1",), "auto"),
    "HTTP/2 by prior knowledge": (2, None, "http2"),
    "HTTP/2 over TLS": (2, ("h2", "http/1.1"), "auto"),
}


@dataclass(frozen=True)
class Script:
    """What a side answers to any request, whichever protocol it speaks."""

    status: int = 200
    body: bytes = b"hello"
    trailers: HeaderList = field(default_factory=list)
    gate: Gate | None = None
    """Holds the end of the answer back."""
    fails: bool = False
    """Gives the request up instead of answering."""


@dataclass(frozen=True)
class Got:
    """A message, whichever protocol it came by."""

    status: int
    body: bytes
    trailers: HeaderList = field(default_factory=list)
    length: str | None = None


class Side:
    """An origin of one of the protocols; `script` is what it answers."""

    def __init__(self, version: int, tls: ssl.SSLContext | None) -> None:
        self.script = Script()
        self.h1 = Origin(tls=tls) if version == 1 else None
        self.h2 = H2Origin(self._reply, tls=tls) if version == 2 else None
        if self.h1 is not None:
            self.h1.default = self._behave

    @property
    def origin(self) -> Origin | H2Origin:
        origin = self.h1 or self.h2
        assert origin is not None
        return origin

    def seen(self) -> list[Got]:
        """The requests, with 0 for a status."""
        if self.h1 is not None:
            return [Got(0, seen.body, _texts(seen.message.trailers)) for seen in self.h1.requests]
        assert self.h2 is not None
        return [Got(0, bytes(seen.body), seen.trailers) for seen in self.h2.requests]

    def _reply(self, message: H2Message) -> H2Reply:
        script = self.script
        if script.fails:
            return H2Reply(reset=h2.errors.ErrorCodes.INTERNAL_ERROR)
        headers = [("trailer", "x-sum")] if script.trailers else []
        if not script.trailers and not script.gate:
            headers = [("content-length", str(len(script.body)))]
        body = b"" if message.get(":method") == "HEAD" else script.body
        return H2Reply(script.status, headers, body, script.trailers, gate=script.gate)

    async def _behave(self, exchange: Exchange) -> None:
        script = self.script
        if script.fails:
            await behaviour.reset_after_request()(exchange)
        elif script.gate is not None:
            await exchange.body()
            await exchange.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + behaviour.chunk(script.body))
            await script.gate.wait()
            await exchange.send(b"0\r\n\r\n")
        elif script.trailers:
            await behaviour.chunked([script.body], {"trailer": "x-sum"}, script.trailers)(exchange)
        else:
            await behaviour.reply(script.status, script.body)(exchange)


@dataclass(frozen=True)
class Stand:
    """A proxy between two sides of one protocol, and what its clients speak."""

    proxy: RunningProxy
    old: Side
    new: Side
    version: int
    tls: ssl.SSLContext | None

    def answer_with(self, script: Script) -> None:
        self.old.script = self.new.script = script

    def ask(self, method: str = "GET", body: bytes | None = None, trailers: HeaderList | None = None) -> Got:
        if self.version == 1:
            with RawClient(self.proxy.address, tls=self.tls) as client:
                client.send(_http1(method, body, trailers))
                answer = client.answer(method)
                return Got(answer.status, answer.body, _texts(answer.message.trailers), answer.header("content-length"))
        with H2Client(self.proxy.address, tls=self.tls) as h2_client:
            stream = h2_client.start(_pseudo(method), end=body is None)
            if body is not None:
                h2_client.data(stream, body, end=trailers is None)
            if trailers is not None:
                h2_client.trailers(stream, trailers)
            message = h2_client.answer(stream)
            return Got(message.status, bytes(message.body), message.trailers, message.get("content-length"))

    def first_piece(self, then: Callable[[], None]) -> tuple[bytes, bytes]:
        """Reads five bytes of an answer, calls `then`, reads the rest."""
        if self.version == 1:
            with RawClient(self.proxy.address, tls=self.tls) as client:
                client.send(request("/a"))
                piece = client.piece_after_head()
                assert piece is not None
                then()
                return piece, client.rest().body
        with H2Client(self.proxy.address, tls=self.tls) as h2_client:
            stream = h2_client.start(_pseudo("GET"))
            piece = h2_client.until_body(stream, 5)
            assert not h2_client.streams[stream].complete
            then()
            return piece, bytes(h2_client.answer(stream).body)


def _pseudo(method: str) -> HeaderList:
    pseudo = [(":method", method), (":scheme", "http"), (":authority", "shop.example"), (":path", "/a")]
    return [*pseudo, ("te", "trailers"), ("trailer", "x-up")]


def _http1(method: str, body: bytes | None, trailers: HeaderList | None) -> bytes:
    headers = {"te": "trailers", "connection": "te"}
    if trailers is None:
        return request("/a", method, headers, body)
    lines = "".join(f"{name}: {value}\r\n" for name, value in trailers).encode()
    data = request("/a", method, headers | {"transfer-encoding": "chunked", "trailer": "x-up"})
    return data + behaviour.chunk(body or b"") + b"0\r\n" + lines + b"\r\n"


def _texts(fields: tuple[tuple[bytes, bytes], ...]) -> HeaderList:
    return [(name.decode(), value.decode()) for name, value in fields]


@pytest.fixture(params=SIDES.values(), ids=[f"{name} to the sides" for name in SIDES])
def sides(request: pytest.FixtureRequest) -> Iterator[tuple[Side, Side, str]]:
    version, alpn, protocol = request.param
    made = [Side(version, server_context(*alpn) if alpn else None) for _ in range(2)]
    yield made[0], made[1], protocol
    for side in made:
        side.origin.close()
        assert side.origin.violations == []


@pytest.fixture(params=CLIENTS.values(), ids=[f"{name} from the client" for name in CLIENTS])
def stand(
    request: pytest.FixtureRequest, sides: tuple[Side, Side, str], start_proxy: StartProxy, tmp_path: Path
) -> Stand:
    version, alpn = request.param
    old, new, protocol = sides
    listener = {}
    if alpn:
        cert, key = write_pair(tmp_path)
        listener = {"tls": {"cert": str(cert), "key": str(key)}}
    of = {"ca": ca_pem(), "protocol": protocol}
    proxy = start_proxy(
        listener=listener,
        old={"url": old.origin.url, **of},
        new={"url": new.origin.url, **of},
        databases="separate",
    )
    return Stand(proxy, old, new, version, client_context(*alpn) if alpn else None)


def test_an_answer(stand: Stand) -> None:
    assert stand.ask() == Got(200, b"hello", [], "5")
    assert stand.proxy.settled(1).outcomes == {"match": 1}


def test_an_upload(stand: Stand) -> None:
    body = behaviour.pattern(200_000)
    assert stand.ask("POST", body).status == 200
    assert stand.proxy.settled(1).outcomes == {"match": 1}
    assert [seen.body for side in (stand.old, stand.new) for seen in side.seen()] == [body, body]


def test_trailers_both_ways(stand: Stand) -> None:
    """Declared by a `Trailer` field, as HTTP/1.1 asks for on either end."""
    stand.answer_with(Script(trailers=[("x-sum", "1")]))
    assert stand.ask("POST", b"abc", [("x-up", "2")]) == Got(200, b"hello", [("x-sum", "1")])
    assert stand.proxy.settled(1).outcomes == {"match": 1}
    for side in (stand.old, stand.new):
        assert side.seen() == [Got(0, b"abc", [("x-up", "2")])]


def test_a_stream(stand: Stand) -> None:
    gate = Gate()
    stand.answer_with(Script(gate=gate))
    assert stand.first_piece(gate.open) == (b"hello", b"hello")
    assert stand.proxy.settled(1).outcomes == {"match": 1}


def test_head(stand: Stand) -> None:
    assert stand.ask("HEAD") == Got(200, b"", [], "5")
    assert stand.proxy.settled(1).outcomes == {"match": 1}


def test_an_error_that_is_an_answer(stand: Stand) -> None:
    stand.answer_with(Script(status=503, body=b"sorry"))
    assert stand.ask() == Got(503, b"sorry", [], "5")
    assert stand.proxy.settled(1).outcomes == {"match": 1}


@pytest.mark.parametrize("weight", [0, 100])
def test_a_side_that_gives_the_request_up(stand: Stand, weight: int) -> None:
    stand.proxy.set_weight(weight)
    stand.old.script = Script(fails=True)
    assert stand.ask("POST", b"x").status == (502 if weight == 0 else 200)
    assert stand.proxy.settled(1).outcomes == {"old_failed": 1}
    stand.old.script, stand.new.script = Script(), Script(fails=True)
    assert stand.ask("POST", b"x").status == 200  # rescued, where the new side serves
    assert stand.proxy.settled(2).rescued == (weight > 0)
