"""What the core counts for the judge: which side failed, was slow, and what one side was asked alone."""

import itertools
import json
from typing import Any

import pytest

from tests.support import behaviour
from tests.support.exchange import Behaviour, Exchange
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.proxy import RunningProxy, route
from tests.support.rawclient import RawClient


def counts(proxy: RunningProxy, endpoint: str) -> Any:
    """The counters of one endpoint once all is quiet."""
    proxy.settled()
    return next(each for each in proxy.counters()["endpoints"] if each["endpoint"] == endpoint)


@pytest.mark.parametrize("weight", [0, 100])
def test_requests_without_a_copy_count_for_the_side_that_the_weight_chose(
    upstreams: Upstreams, start_proxy: StartProxy, weight: int
) -> None:
    routes = [route("/only", writes="old-only"), route("/sure", verify=True, mirror=False)]
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, routes=routes)
    proxy.set_weight(weight)
    upstreams.on("/fails", behaviour.reply(503))
    with RawClient(proxy.address) as client:
        for path in ("/only", "/plain", "/fails"):
            client.ask(path, method="POST", body=b"x")
        client.ask("/sure")
    serving, other = ("new", "old") if weight else ("old", "new")
    assert counts(proxy, "POST /plain")["alone"] == {
        serving: {"requests": 1, "failures": 0},
        other: {"requests": 0, "failures": 0},
    }
    assert counts(proxy, "POST /fails")["alone"][serving] == {"requests": 1, "failures": 1}
    for endpoint in ("POST /only", "GET /sure"):
        assert not any(side["requests"] for side in counts(proxy, endpoint)["alone"].values())


def test_limits_of_what_is_slow_count_from_when_they_are_set(upstreams: Upstreams, proxy: RunningProxy) -> None:
    with RawClient(proxy.address) as client:
        client.ask("/a")
        assert counts(proxy, "GET /a")["slow"] is None
        proxy.core.set_slow(
            json.dumps({"GET /a": {"old_us": 1, "new_us": 60_000_000}, "GET /b": {"old_us": 1, "new_us": 1}})
        )
        client.ask("/a")
        cells = {"new_only": 0, "old_only": 1, "both": 0, "neither": 0}
        assert counts(proxy, "GET /a")["slow"] == {"old_us": 1, "new_us": 60_000_000, **cells}
        proxy.core.set_slow(json.dumps({"GET /a": {"old_us": 1, "new_us": 60_000_000}}))
        client.ask("/a")
        assert counts(proxy, "GET /a")["slow"]["old_only"] == 2
        proxy.core.set_slow(json.dumps({"GET /a": {"old_us": 1, "new_us": 1}}))
        client.ask("/a")
        assert counts(proxy, "GET /a")["slow"]["both"] == 1


def numbered(template: str) -> Behaviour:
    """Answers with a JSON text in which `N` is a number that never comes twice."""
    numbers = itertools.count(1)

    async def behave(exchange: Exchange) -> None:
        await exchange.body()
        body = template.replace("N", str(next(numbers))).encode()
        await exchange.answer(200, {"content-type": "application/json"}, body)

    return behave


@pytest.mark.parametrize(
    ("old", "new", "cell"),
    [
        ('{"at": N, "total": 1}', '{"at": -N, "total": 1}', "both"),
        ('{"at": N, "total": 1}', '{"at": -N, "total": 2}', "new_only"),
        ('{"at": N, "total": 1}', '{"at": 0, "total": 1}', "both"),
        ('{"total": 1}', '{"total": 1}', "neither"),
        ('{"total": 1}', '{"total": 2}', "new_only"),
        ('{"tags": [N, 0]}', '{"tags": [-N, 0], "more": 1}', "new_only"),
    ],
)
def test_noise_hides_nothing_else_in_the_sample(
    upstreams: Upstreams, start_proxy: StartProxy, old: str, new: str, cell: str
) -> None:
    """What differs where old differs from itself too says nothing; what differs beside it does."""
    upstreams.old.on("/a", numbered(old))
    upstreams.new.on("/a", numbered(new))
    limits = {"sampled_per_s": 1000}
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits=limits)
    with RawClient(proxy.address) as client:
        for _ in range(100):  # one in four is drawn
            client.ask("/a")
    sampled = counts(proxy, "GET /a")["sampled"]
    assert [name for name, count in sampled.items() if count] == [cell]
