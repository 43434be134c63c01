"""What takes long to look at leaves the worker's thread. A comparing thread is born with the first work for it."""

import gzip
from pathlib import Path

import pytest

from tests.support import behaviour
from tests.support.exchange import Behaviour
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.rawclient import RawClient
from tests.support.wait import wait_until

SHORT = b'{"a": 1, "b": "%s"}' % (b"x" * 1000)
OTHER = SHORT.replace(b"1", b"2", 1)
LONG = b'{"a": 1, "b": "%s"}' % (b"x" * 100_000)


def offloaded() -> bool:
    """Whether a comparing thread has been needed."""
    names = []
    for comm in Path("/proc/self/task").glob("*/comm"):
        try:
            names.append(comm.read_text().strip())
        except OSError:
            continue  # it has just ended
    return "parallelrun-cmp" in names


def json(body: bytes, coding: str | None = None) -> Behaviour:
    return behaviour.reply(200, body, {"content-encoding": coding} if coding else None, "application/json")


@pytest.fixture(autouse=True)
def none_left() -> None:
    """Those of an earlier proxy are gone."""
    wait_until(lambda: not offloaded())


def test_short_pairs_stay(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    upstreams.old.on("/a", json(SHORT))
    upstreams.new.on("/a", json(OTHER))
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").status == 200
    assert proxy.settled(1).outcomes == {"mismatch": 1}
    assert proxy.wait_records()
    assert not offloaded()


def test_equal_long_pairs_stay(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    upstreams.on("/a", json(gzip.compress(LONG, mtime=0), "gzip"))
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").status == 200
    assert proxy.settled(1).outcomes == {"match": 1}
    assert not offloaded()


def test_the_length_of_an_encoded_body_is_unknown(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """A few bytes of gzip may be megabytes of JSON."""
    upstreams.old.on("/a", json(gzip.compress(SHORT, mtime=0), "gzip"))
    upstreams.new.on("/a", json(gzip.compress(OTHER, mtime=0), "gzip"))
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits={"second_opinions_per_s": 0})
    with RawClient(proxy.address) as client:
        assert client.ask("/a").status == 200
    assert proxy.settled(1).outcomes == {"mismatch": 1}
    (record,) = proxy.wait_records()
    assert [difference["location"] for difference in record["differences"]] == ["$.a"]
    assert offloaded()


def test_long_second_answers(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Short at first: what the second opinion brings is what is long."""
    upstreams.old.on("/a", behaviour.in_turn(json(SHORT), json(LONG)))
    upstreams.new.on("/a", json(OTHER))
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").status == 200
    assert proxy.settled(1).requests == 1
    assert proxy.counters()["second_opinions"]["asked"] == 1
    assert offloaded()


def test_a_record_of_a_long_request(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Short answers: what is long is the request that the record shows."""
    upstreams.old.on("/a", json(SHORT))
    upstreams.new.on("/a", json(OTHER))
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    with RawClient(proxy.address) as client:
        assert client.ask("/a", "POST", body=LONG).status == 200
    assert proxy.settled(1).outcomes == {"mismatch": 1}
    (record,) = proxy.wait_records()
    assert record["request"]["body"]["bytes"] == len(LONG)
    assert offloaded()


def test_a_record_of_a_failure(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    upstreams.old.on("/a", json(LONG))
    upstreams.new.on("/a", behaviour.reset_after_request())
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").status == 200
    assert proxy.settled(1).outcomes == {"new_failed": 1}
    (record,) = proxy.wait_records()
    assert (record["old"]["body"]["bytes"], record["new"]["failure"]) == (len(LONG), "reset")
    assert offloaded()
