"""Which route's settings and which name a request gets."""

import pytest

from tests.support.fixtures import StartProxy, Upstreams
from tests.support.proxy import RunningProxy, route
from tests.support.rawclient import RawClient, request


def ask(proxy: RunningProxy, *targets: str, method: str = "GET") -> None:
    with RawClient(proxy.address) as client:
        for target in targets:
            client.send(request(target, method))
            assert client.answer(method).status == 200


def named(proxy: RunningProxy, requests: int) -> dict[str, dict[str, int]]:
    """The outcomes of each endpoint once `requests` have ended."""
    proxy.settled(requests)
    return {endpoint["endpoint"]: endpoint["outcomes"] for endpoint in proxy.counters()["endpoints"]}


def test_another_methods_line_hides_nothing(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    routes = [route("/a/b", method="POST"), route("/a/{*rest}", mirror=False)]
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, routes=routes)
    ask(proxy, "/a/b")
    assert named(proxy, 1) == {"GET /a/{*rest}": {"route_not_mirrored": 1}}


def test_a_template_names_and_keeps_the_broader_routes_settings(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    routes = [route("/a/{*rest}", mirror=False)]
    proxy = start_proxy(
        old=upstreams.old.url, new=upstreams.new.url, routes=routes, templates=["/a/{word}", "/b/{word}"]
    )
    ask(proxy, "/a/one", "/a/two", "/a/one/two", "/b/x")
    assert named(proxy, 4) == {
        "GET /a/{word}": {"route_not_mirrored": 2},
        "GET /a/{*rest}": {"route_not_mirrored": 1},
        "GET /b/{word}": {"match": 1},
    }


@pytest.mark.parametrize("turned", [False, True])
def test_the_line_for_the_method_alone_wins_over_the_one_for_all(
    upstreams: Upstreams, start_proxy: StartProxy, turned: bool
) -> None:
    routes = [route("/a/{x}", mirror=False), route("/a/{y}", method="GET")]
    if turned:
        routes.reverse()
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, routes=routes)
    ask(proxy, "/a/1")
    ask(proxy, "/a/1", method="OPTIONS")
    assert named(proxy, 2) == {"GET /a/{y}": {"match": 1}, "OPTIONS /a/{x}": {"route_not_mirrored": 1}}


def test_the_more_specific_path_wins(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    routes = [route("/{*all}"), route("/a/{x}", mirror=False), route("/a/b")]
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, routes=routes)
    ask(proxy, "/a/b", "/a/c", "/z")
    assert named(proxy, 3) == {
        "GET /a/b": {"match": 1},
        "GET /a/{x}": {"route_not_mirrored": 1},
        "GET /{*all}": {"match": 1},
    }


def test_what_the_config_names_has_its_place_whatever_clients_ask_for(
    upstreams: Upstreams, start_proxy: StartProxy
) -> None:
    routes = [route("/named/{x}")]
    limits = {"endpoints": 3}
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, routes=routes, templates=["/t"], limits=limits)
    ask(proxy, *(f"/scan-{letter}" for letter in "abcdef"))
    ask(proxy, "/named/1", "/t")
    outcomes = named(proxy, 8)
    assert len(outcomes) == 3 + 1 + 2
    assert outcomes["(other)"] == {"match": 3}
    assert outcomes["GET /named/{x}"] == outcomes["GET /t"] == {"match": 1}
    assert proxy.counters()["caps"]["endpoints"] == 3


def test_methods_that_a_client_makes_up_share_a_name(proxy: RunningProxy) -> None:
    for method in ("FOO", "BAR", "PROPFIND"):
        ask(proxy, "/a", method=method)
    assert named(proxy, 3) == {"(other) /a": {"method_not_mirrored": 3}}


def test_an_ending_makes_another_endpoint(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    routes = [
        route("/{*all}"),
        route("/a/{x}"),
        route("/a/{x}.json", mirror=False),
        route("/a/{x}.csv/b"),
    ]
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, routes=routes)
    ask(proxy, "/a/1", "/a/1.json", "/a/1.jsonx", "/a/1.csv/b", "/a/1.csv/c")
    assert named(proxy, 5) == {
        "GET /a/{x}": {"match": 2},
        "GET /a/{x}.json": {"route_not_mirrored": 1},
        "GET /a/{x}.csv/b": {"match": 1},
        "GET /{*all}": {"match": 1},
    }
