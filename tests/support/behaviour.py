"""What a scripted origin can do with a request. Each function returns a behaviour for `Origin.on`."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from .background import Gate
from .exchange import Behaviour, Exchange, render

Headers = list[tuple[str, str]] | dict[str, str]


def reply(
    status: int = 200, body: bytes = b"", headers: Headers | None = None, content_type: str | None = None
) -> Behaviour:
    """Reads the whole request, then answers."""
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
    if content_type is not None:
        pairs.append(("content-type", content_type))

    async def behave(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.answer(status, pairs, body)

    return behave


def json(text: str, status: int = 200, headers: Headers | None = None) -> Behaviour:
    """Answers with a JSON text."""
    return reply(status, text.encode(), headers, "application/json")


def echo(status: int = 200) -> Behaviour:
    """Answers with the request's body."""

    async def behave(exchange: Exchange) -> None:
        body = await exchange.body()
        await exchange.answer(status, {"content-type": "application/octet-stream"}, body)

    return behave


def raw(data: bytes, *, close: bool = False) -> Behaviour:
    """Reads the whole request, then sends exact bytes, whatever they are."""

    async def behave(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.send(data)
        if close:
            await exchange.close()

    return behave


def chunk(data: bytes) -> bytes:
    """One chunk of the chunked coding; of no data, the last one, without the final empty line."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b"0\r\n"


def chunked(
    pieces: Iterable[bytes], headers: Headers | None = None, trailers: Sequence[tuple[str, str]] = ()
) -> Behaviour:
    """Answers with a chunked body, one chunk per piece, and trailers."""
    pieces = list(pieces)

    async def behave(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.send(_chunked_head(headers))
        if exchange.head.method == b"HEAD":
            return
        for piece in pieces:
            await exchange.send(chunk(piece))
        lines = "".join(f"{name}: {value}\r\n" for name, value in trailers).encode()
        await exchange.send(chunk(b"") + lines + b"\r\n")

    return behave


def download(size: int, *, framed: bool = True, piece: int = 1 << 16) -> Behaviour:
    """Answers with `size` bytes of a known pattern, made as they are sent."""
    block = pattern(piece)

    async def behave(exchange: Exchange) -> None:
        await exchange.body()
        headers = {"content-type": "application/octet-stream"}
        if framed:
            await exchange.send(render(200, headers | {"content-length": str(size)}))
            for length in _pieces(size, piece):
                await exchange.send(block[:length])
        else:
            await exchange.send(_chunked_head(headers))
            for length in _pieces(size, piece):
                await exchange.send(chunk(block[:length]))
            await exchange.send(chunk(b"") + b"\r\n")

    return behave


def early_hints(then: Behaviour, link: str = "</style.css>; rel=preload") -> Behaviour:
    """Sends a 103 before the answer."""

    async def behave(exchange: Exchange) -> None:
        await exchange.send(render(103, {"link": link}))
        await then(exchange)

    return behave


def continue_100(then: Behaviour) -> Behaviour:
    """Sends a 100 before it reads the body."""

    async def behave(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await then(exchange)

    return behave


def early_reply(status: int, body: bytes = b"", *, close: bool = False, after: int = 0) -> Behaviour:
    """Answers before the upload ends, after at least `after` bytes of it; then closes, or goes on reading."""

    async def behave(exchange: Exchange) -> None:
        while exchange.record.message.length < after and await exchange.some() is not None:
            pass
        await exchange.answer(status, {"connection": "close"} if close else None, body)
        if close:
            await exchange.close()

    return behave


def reset_after_head() -> Behaviour:
    """Reads the head (and what came with it), then resets."""

    async def behave(exchange: Exchange) -> None:
        exchange.reset()

    return behave


def reset_after_request() -> Behaviour:
    """Reads the whole request, then resets instead of answering."""

    async def behave(exchange: Exchange) -> None:
        await exchange.body()
        exchange.reset()

    return behave


def close_after_request() -> Behaviour:
    """Reads the whole request, then closes in order instead of answering."""

    async def behave(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.close()

    return behave


def reset_mid_upload(after: int) -> Behaviour:
    """Resets once `after` bytes of the request's body have arrived."""

    async def behave(exchange: Exchange) -> None:
        while exchange.record.message.length < after and await exchange.some() is not None:
            pass
        exchange.reset()

    return behave


def truncate(body: bytes, promised: int, *, gate: Gate | None = None, reset: bool = True) -> Behaviour:
    """Promises `promised` bytes, sends fewer, then resets or closes; waits for `gate` between the bytes and the end."""

    async def behave(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.send(render(200, {"content-type": "text/plain", "content-length": str(promised)}, body))
        if gate is not None:
            await gate.wait()
        if reset:
            exchange.reset()
        else:
            await exchange.close()

    return behave


def truncate_chunked(body: bytes, *, reset: bool = False) -> Behaviour:
    """Sends a chunk and goes away before the last one."""

    async def behave(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.send(_chunked_head({"content-type": "text/plain"}) + chunk(body))
        if reset:
            exchange.reset()
        else:
            await exchange.close()

    return behave


def hang() -> Behaviour:
    """Reads everything and never answers; ends when the peer goes away."""

    async def behave(exchange: Exchange) -> None:
        await exchange.until_gone()
        exchange.record.gone = True
        await exchange.close()

    return behave


def stop_reading() -> Behaviour:
    """Never reads the body and never answers, until the connection is reset from outside."""

    async def behave(exchange: Exchange) -> None:
        await asyncio.Event().wait()

    return behave


def drip(body: bytes, period: float = 0.02, status: int = 200) -> Behaviour:
    """Answers one byte at a time."""

    async def behave(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.send(render(status, {"content-type": "text/plain", "content-length": str(len(body))}))
        for index in range(len(body)):
            await exchange.send(body[index : index + 1])
            await asyncio.sleep(period)

    return behave


def after(delay: float, then: Behaviour) -> Behaviour:
    """Waits before it does anything."""

    async def behave(exchange: Exchange) -> None:
        await asyncio.sleep(delay)
        await then(exchange)

    return behave


def gated(gate: Gate, then: Behaviour) -> Behaviour:
    """Reads the request, then waits at the gate before it answers."""

    async def behave(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.unless_gone(gate.wait())
        await then(exchange)

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """The first request gets the first behaviour, and so on; the last one repeats."""
    turn = itertools.count()

    async def behave(exchange: Exchange) -> None:
        await behaviours[min(next(turn), len(behaviours) - 1)](exchange)

    return behave


def choose(pick: Callable[[Exchange], Behaviour]) -> Behaviour:
    """Picks a behaviour by the request."""

    async def behave(exchange: Exchange) -> None:
        await pick(exchange)(exchange)

    return behave


def events(feed: Callable[[], AsyncIterator[bytes]], content_type: str = "text/event-stream") -> Behaviour:
    """Answers with a chunked stream: one chunk per item of the feed, each sent when the feed yields it."""

    async def behave(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.send(_chunked_head({"content-type": content_type, "cache-control": "no-store"}))
        stream = feed()
        with contextlib.suppress(StopAsyncIteration):
            while True:
                await exchange.send(chunk(await exchange.unless_gone(anext(stream))))
        await exchange.send(chunk(b"") + b"\r\n")

    return behave


def upgrade_echo(protocol: str = "echo", greeting: bytes = b"") -> Behaviour:
    """Answers 101 with a greeting in the same segment, then echoes every byte."""

    async def behave(exchange: Exchange) -> None:
        await exchange.send(render(101, {"connection": "upgrade", "upgrade": protocol}) + greeting)
        while True:
            await exchange.send(await exchange.read_raw())

    return behave


def pattern(size: int) -> bytes:
    """Bytes that differ by position, so that a lost or doubled piece shows."""
    return bytes(itertools.islice(itertools.cycle(range(251)), size))


def _chunked_head(headers: Headers | None) -> bytes:
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
    return render(200, [*pairs, ("transfer-encoding", "chunked")])


def _pieces(size: int, piece: int) -> Iterable[int]:
    while size > 0:
        yield min(size, piece)
        size -= piece
