"""The strict origin and the clients against each other, with no proxy between them: what the other tests stand on."""

import json
from collections.abc import AsyncIterator, Iterator

import h2.errors
import pytest

from tests.support import background, behaviour
from tests.support.background import Gate
from tests.support.certs import client_context, server_context
from tests.support.exchange import Behaviour
from tests.support.fixtures import MakeOrigin, MakeProcess
from tests.support.h2_client import H2Client
from tests.support.h2_origin import H2Message, H2Origin, H2Reply, plain_reply
from tests.support.load import Shot, load
from tests.support.origin import Origin
from tests.support.proxy import assert_ledger_exact, snapshot
from tests.support.rawclient import ClosedError, RawClient, request
from tests.support.wait import wait_until


@pytest.fixture
def origin() -> Iterator[Origin]:
    made = Origin()
    yield made
    made.close()


@pytest.fixture
def direct(origin: Origin) -> Iterator[RawClient]:
    with RawClient(origin.address) as client:
        yield client


def test_it_records_exact_bytes_and_counts_connections(origin: Origin, direct: RawClient) -> None:
    sent = request("/a?b=c", "POST", {"x-odd": "  spaced\t"}, b"body")
    direct.send(sent)
    assert direct.answer().body == b"POST /a?b=c"
    assert direct.ask("/two").status == 200
    assert origin.requests[0].raw == sent
    assert origin.requests[0].header("X-Odd") == "spaced"
    assert (origin.connections, origin.count(), origin.count("/a"), origin.violations) == (1, 2, 1, [])


def test_it_refuses_and_remembers_violations(origin: Origin, direct: RawClient) -> None:
    direct.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    assert direct.answer().status == 400
    assert direct.until_closed() == b""
    assert len(origin.violations) == 1
    assert "2 Host fields" in origin.violations[0]


def test_the_scripted_answers(origin: Origin, direct: RawClient) -> None:
    origin.on("/echo", behaviour.echo())
    origin.on("/chunked", behaviour.chunked([b"ab", b"c"], trailers=[("x-sum", "1")]))
    origin.on("/hints", behaviour.early_hints(behaviour.reply(200, b"x")))
    origin.on("/continue", behaviour.continue_100(behaviour.echo()))
    origin.on("/drip", behaviour.drip(b"slow", 0.001))
    origin.on("/download", behaviour.download(200_000))
    origin.on("/turns", behaviour.in_turn(behaviour.reply(500), behaviour.reply(200)))
    assert direct.ask("/echo", "POST", body=b"hello").body == b"hello"
    chunked = direct.ask("/chunked")
    assert (chunked.body, chunked.message.chunks, chunked.message.trailers) == (b"abc", [2, 1], ((b"x-sum", b"1"),))
    assert direct.ask("/chunked", "HEAD").body == b""
    assert [head.status for head in direct.ask("/hints").interim] == [103]
    assert [head.status for head in direct.ask("/continue", "POST", body=b"x").interim] == [100]
    assert direct.ask("/drip").body == b"slow"
    assert direct.ask("/download").message.length == 200_000
    assert [direct.ask("/turns").status for _ in range(3)] == [500, 200, 200]


@pytest.mark.parametrize(
    "fault",
    [
        behaviour.reset_after_head(),
        behaviour.reset_after_request(),
        behaviour.close_after_request(),
        behaviour.truncate(b"abc", 10),
        behaviour.truncate_chunked(b"abc"),
    ],
)
def test_the_scripted_faults(origin: Origin, direct: RawClient, fault: Behaviour) -> None:
    origin.on("/fault", fault)
    with pytest.raises(ClosedError):
        direct.ask("/fault")
    assert origin.count("/fault") == 1


def test_refusing_keeps_the_port_and_can_be_undone(origin: Origin, direct: RawClient) -> None:
    assert direct.ask("/").status == 200
    origin.refuse()
    with pytest.raises(ClosedError):
        direct.ask("/")
    with pytest.raises(ConnectionRefusedError):
        RawClient(origin.address)
    origin.listen()
    with RawClient(origin.address) as again:
        assert again.ask("/").status == 200


def test_resetting_at_accept(origin: Origin) -> None:
    origin.at_accept = "reset"
    # The reset may already be there when connect returns.
    with pytest.raises((ClosedError, ConnectionResetError)), RawClient(origin.address) as client:
        client.ask("/")
    assert origin.count() == 0


def test_an_abandoned_upload_is_told_from_a_whole_one(origin: Origin) -> None:
    with RawClient(origin.address) as client:
        client.send(request("/u", "POST", {"transfer-encoding": "chunked"}) + behaviour.chunk(b"half"))
        wait_until(lambda: origin.requests and origin.requests[0].message.length == 4)
        client.reset()
    wait_until(lambda: origin.requests[0].gone)
    assert not origin.requests[0].message.complete
    assert origin.violations == []


def test_an_early_answer_leaves_the_upload_readable(origin: Origin, direct: RawClient) -> None:
    origin.on("/early", behaviour.early_reply(413, b"no"))
    direct.send(request("/early", "POST", {"content-length": "10"}))
    assert direct.answer().status == 413
    direct.send(b"0123456789")
    assert direct.ask("/next").status == 200
    assert origin.to("/early")[0].body == b"0123456789"


def test_events_come_one_by_one(origin: Origin, direct: RawClient) -> None:
    gate = Gate()

    async def feed() -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        await gate.wait()
        yield b"data: 2\n\n"

    origin.on("/events", behaviour.events(feed))
    direct.send(request("/events"))
    assert direct.head().status == 200
    assert direct.piece() == b"data: 1\n\n"
    gate.open()
    assert direct.rest().body == b"data: 1\n\ndata: 2\n\n"


def test_an_upgrade_echoes_bytes_sent_at_once(origin: Origin, direct: RawClient) -> None:
    origin.on("/up", behaviour.upgrade_echo(greeting=b"hi"))
    direct.send(request("/up", headers={"connection": "upgrade", "upgrade": "echo"}) + b"early")
    assert direct.head().status == 101
    assert direct.exactly(7) == b"hiearly"


def test_tls(make_origin: MakeOrigin) -> None:
    origin = make_origin(tls=server_context("http/1.1"))
    with RawClient(origin.address, tls=client_context("http/1.1")) as client:
        assert client.ask("/secret").body == b"GET /secret"


@pytest.mark.parametrize("secure", [False, True])
def test_http2(secure: bool) -> None:
    def handler(message: H2Message) -> H2Reply:
        if message.path == "/reset":
            return H2Reply(reset=h2.errors.ErrorCodes.INTERNAL_ERROR)
        if message.path == "/echo":
            return H2Reply(200, [], bytes(message.body), [("x-sum", "1")])
        return plain_reply(message)

    origin = H2Origin(handler, tls=server_context("h2") if secure else None)
    try:
        with H2Client(origin.address, tls=client_context("h2") if secure else None) as client:
            big = behaviour.pattern(300_000)
            answer = client.ask("/echo", "POST", body=big)
            assert (answer.status, bytes(answer.body), answer.trailers) == (200, big, [("x-sum", "1")])
            assert client.ask("/reset").reset == h2.errors.ErrorCodes.INTERNAL_ERROR
            assert bytes(client.ask("/plain").body) == b"GET /plain"
        assert origin.violations == []
    finally:
        origin.close()


def test_load_counts_every_request_once(origin: Origin) -> None:
    origin.on("/bad", behaviour.reset_after_request())

    def shot(number: int) -> Shot:
        if number % 10 == 0:
            return Shot(request("/bad"))
        return Shot(request("/x", "POST", body=b"0123"), b"POST", "in_upload" if number % 10 == 1 else None, b"POST /x")

    result = background.run(load(origin.address, shot, count=200, connections=4))
    assert (result.statuses[200], result.aborted, len(result.errors)) == (160, 20, 20)
    assert result.offered == 200


def test_a_process_is_killed_stopped_and_started_again(make_process: MakeProcess) -> None:
    process = make_process()
    with RawClient(process.address) as client:
        assert client.ask("/a").body == b"GET /a"
        assert client.ask("/status/503").status == 503
        assert process.count() == 2
        process.pause()
        client.send(request("/b"))
        client.sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.answer()
        process.resume()
        client.sock.settimeout(20)
        assert client.answer().body == b"GET /b"
        process.kill()
        with pytest.raises(ClosedError):
            client.ask("/c")
    with pytest.raises(ConnectionRefusedError):
        RawClient(process.address)
    process.start()
    assert process.count() == 0


def test_a_ledger_that_does_not_add_up_is_noticed() -> None:
    latency = {"count": 1, "sum_us": 5, "buckets": [[10, 1]]}
    side = {"status_5xx": 0, "latency": latency}
    endpoint = {"endpoint": "GET /", "requests": 2, "outcomes": {"match": 1}, "rescued": 0, "old": side, "new": side}
    counters = {
        "requests": 2, "rescued": 0, "in_flight": 0, "shadows": {"in_flight": 0}, "panics": 0, "endpoints": [endpoint],
        "sides": {"old": {"status_5xx": 0}, "new": {"status_5xx": 0}},
    }  # fmt: skip
    with pytest.raises(AssertionError):
        assert_ledger_exact(counters)
    endpoint["outcomes"] = {"match": 2}
    assert_ledger_exact(counters)
    with pytest.raises(AssertionError):
        assert_ledger_exact(json.loads(json.dumps(counters)) | {"requests": 3})


def test_snapshots_are_built_without_sharing() -> None:
    first = snapshot(old="http://a", new="http://b", limits={"shadows": 3}, sticky={"by": "cookie", "name": "s"})
    assert first["old"]["url"] == "http://a"
    assert first["new"]["timeout_ms"] == 10_000
    assert (first["limits"]["shadows"], first["limits"]["endpoints"]) == (3, 500)
    assert first["sticky"] == {"by": "cookie", "name": "s"}
    assert snapshot()["old"]["url"] == ""
