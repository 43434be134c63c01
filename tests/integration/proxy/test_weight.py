"""Who is served by which side: shares, stickiness, and the direction in which clients move."""

import pytest

from tests.support import behaviour
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.proxy import Json, RunningProxy
from tests.support.rawclient import RawClient, request
from tests.support.wait import wait_until

CLIENTS = 400


@pytest.fixture(autouse=True)
def told_apart(upstreams: Upstreams) -> None:
    """Each side says who it is; bodies do not matter here."""
    upstreams.old.default = behaviour.reply(200, b"old")
    upstreams.new.default = behaviour.reply(200, b"new")


def served(client: RawClient, headers: list[dict[str, str]]) -> list[bytes]:
    """Who serves each of these requests, pipelined in batches."""
    result = []
    for start in range(0, len(headers), 100):
        batch = headers[start : start + 100]
        client.send(b"".join(request("/w", headers=fields) for fields in batch))
        result += [client.answer().body for _ in batch]
    return result


def start(start_proxy: StartProxy, upstreams: Upstreams, **changes: object) -> RunningProxy:
    # Nothing is copied: who serves does not depend on it, and the test has less to wait for.
    return start_proxy(old=upstreams.old.url, new=upstreams.new.url, sample_ppm=0, **changes)


STICKY: dict[str, tuple[Json, str, str]] = {
    "cookie": ({"by": "cookie", "name": "session"}, "cookie", "theme=dark; session={}; x=1"),
    "header": ({"by": "header", "name": "x-user-id"}, "x-user-id", "{}"),
}


@pytest.mark.parametrize(("sticky", "name", "form"), STICKY.values(), ids=STICKY.keys())
def test_shares_stickiness_and_direction(
    upstreams: Upstreams, start_proxy: StartProxy, sticky: Json, name: str, form: str
) -> None:
    proxy = start(start_proxy, upstreams, sticky=sticky)
    headers = [{name: form.format(f"client-{number}")} for number in range(CLIENTS)]
    before = [b"old"] * CLIENTS
    with RawClient(proxy.address) as client:
        for percent in (0, 1, 10, 25, 50, 90, 100):
            proxy.set_weight(percent)
            now = served(client, headers)
            assert now == served(client, headers), "a client was moved between two requests"
            assert not [1 for was, is_ in zip(before, now, strict=True) if (was, is_) == (b"new", b"old")]
            share = percent / 100
            sigma = (CLIENTS * share * (1 - share)) ** 0.5
            assert abs(now.count(b"new") - CLIENTS * share) <= 3 * sigma, percent
            before = now
        proxy.set_weight(0)
        assert set(served(client, headers)) == {b"old"}, "a rollback left somebody behind"


def test_by_address(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams)
    addresses = [f"127.0.{number // 200}.{number % 200 + 2}" for number in range(150)]
    before: dict[str, bytes] = {}
    for percent in (20, 60):
        proxy.set_weight(percent)
        now = {}
        for address in addresses:
            with RawClient(proxy.address, source=address) as client:
                now[address] = client.ask("/w").body
                assert client.ask("/w").body == now[address]
        share = percent / 100
        sigma = (len(addresses) * share * (1 - share)) ** 0.5
        assert abs(list(now.values()).count(b"new") - len(addresses) * share) <= 3 * sigma
        assert not [address for address, side in before.items() if side == b"new" and now[address] == b"old"]
        before = now


def test_one_address_stays_on_one_side(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams)
    proxy.set_weight(50)
    seen = set()
    for _ in range(10):
        with RawClient(proxy.address) as client:
            seen |= set(served(client, [{}] * 10))
    assert len(seen) == 1


def test_a_client_without_its_key_is_known_by_address(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams, sticky={"by": "cookie", "name": "session"})
    proxy.set_weight(50)
    with RawClient(proxy.address) as client:
        assert len(set(served(client, [{"cookie": f"other={n}"} for n in range(50)]))) == 1


def test_the_assignment_key_decides(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """The same key assigns alike in another process; another key assigns anew."""
    sticky = {"by": "header", "name": "x-user-id"}
    headers = [{"x-user-id": str(number)} for number in range(200)]
    seen = []
    for key in ("one", "one", "two"):
        proxy = start(start_proxy, upstreams, sticky=sticky, assignment_key=key)
        proxy.set_weight(50)
        with RawClient(proxy.address) as client:
            seen.append(served(client, headers))
    assert seen[0] == seen[1]
    assert sum(a != b for a, b in zip(seen[0], seen[2], strict=True)) > 50


def test_small_weights_are_exact(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """0.01 % is the smallest step: 1 in 10,000 clients, and none at 0."""
    proxy = start(start_proxy, upstreams, sticky={"by": "header", "name": "x-user-id"})
    headers = [{"x-user-id": f"u{number}"} for number in range(1000)]
    with RawClient(proxy.address) as client:
        proxy.core.set_weight(100)
        assert served(client, headers).count(b"new") <= 3
        proxy.core.set_weight(0)
        assert served(client, headers).count(b"new") == 0
        proxy.core.set_weight(1_000_000)
        assert served(client, headers).count(b"old") == 0


@pytest.mark.parametrize("ppm", [-1, 1_000_001, 2**40])
def test_a_weight_out_of_range_is_an_error(proxy: RunningProxy, ppm: int) -> None:
    from parallelrun._core import ConfigError  # noqa: PLC0415

    with pytest.raises((ConfigError, OverflowError)):
        proxy.core.set_weight(ppm)
    assert proxy.counters()["weight_ppm"] == 0


def test_the_weight_survives_a_reload(proxy: RunningProxy, client: RawClient) -> None:
    proxy.set_weight(100)
    proxy.configure(sample_ppm=0)
    counters = proxy.counters()
    assert (counters["weight_ppm"], counters["generation"]) == (1_000_000, 2)
    assert client.ask("/w").body == b"new"


def test_a_request_keeps_the_snapshot_it_began_with(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    client.send(request("/up", "POST", {"content-length": "6"}) + b"abc")
    wait_until(lambda: upstreams.old.requests)
    proxy.set_weight(100)
    proxy.configure(databases="separate", sample_ppm=0)
    client.send(b"def")
    assert client.answer().body == b"old"
    assert proxy.settled(1).outcomes == {"method_not_mirrored": 1}
    assert client.ask("/up", "POST", body=b"x").body == b"new"
