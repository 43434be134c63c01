"""The example shop without parallelrun: both versions answer alike, but for the mistakes that are switched on."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import Any, cast

import httpx
import psutil
import pytest
from valkey import Valkey

from shop.launch import Shop, StartError
from shop.regressions import REGRESSIONS, parse
from shop.seed import catalogue
from shop.visitors import LEAST, Request, Round, plan
from tests.support.shop import alive, processes_of
from tests.support.wait import wait_until

LAUNCH = Path(__file__).parents[2] / "examples" / "shop" / "launch.py"
PATIENCE_S = 60

Found = tuple[str, str, str]  # endpoint, location, kind


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Shop() as running:
        yield running


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_fixed_version_answers_like_the_old_one(shop: Shop, seed: int) -> None:
    shop.restart_new(())
    shop.reset(seed)
    assert await compare_sides(shop, plan(seed, LEAST)) == set()


@pytest.mark.parametrize("name", REGRESSIONS)
async def test_each_mistake_shows_where_the_list_says_and_nowhere_else(shop: Shop, name: str) -> None:
    regression = REGRESSIONS[name]
    shop.restart_new([name])
    shop.reset(1)
    expected = {(regression.endpoint, location, kind) for location, kind in regression.places}
    assert await compare_sides(shop, [[tour(1)]]) == expected


async def test_all_mistakes_together_show_where_the_list_says(shop: Shop) -> None:
    shop.restart_new(REGRESSIONS)
    shop.reset(2)
    expected = {(one.endpoint, location, kind) for one in REGRESSIONS.values() for location, kind in one.places}
    assert await compare_sides(shop, plan(2, LEAST)) == expected


async def test_a_page_of_two_products_may_feature_any(shop: Shop) -> None:
    """Out of two, the same one would come up twice in a row every other time, and not look like chance."""
    shop.restart_new(())
    shop.reset(1)
    async with httpx.AsyncClient() as client:
        answers = [await ask_both(client, shop, Request("GET", "/products?category=tea&page=2")) for _ in range(20)]
    for side in zip(*answers, strict=True):
        assert len(side[0].json()["products"]) == 2
        assert len({answer.json()["featured"] for answer in side}) > 5


async def test_both_sides_refuse_bad_input_alike(shop: Shop) -> None:
    shop.restart_new(())
    shop.reset(1)
    bad = [
        Request("GET", "/nothing/here"),
        Request("PUT", "/products/1"),
        Request("GET", "/products/x"),
        Request("GET", "/products/1/quote?quantity=1.5"),
        Request("GET", "/products/1/quote?quantity=10001"),
        Request("GET", "/products?page=0"),
        Request("GET", "/products?page=99"),
        Request("GET", "/search"),
        Request("GET", "/search?q=" + "x" * 101),
        Request("GET", "/basket"),
        Request("POST", "/basket/items", "s", {"product": 1}),
        Request("POST", "/basket/items", "s", {"product": True, "quantity": 1}),
        Request("POST", "/basket/items", "s", {"product": 9999, "quantity": 1}),
        Request("POST", "/basket/items", "s", {"product": 1, "quantity": 0}),
        Request("POST", "/basket/items", None, {"product": 1, "quantity": 1}),
        Request("POST", "/orders", "s", {"reference": "no"}),
        Request("POST", "/orders", "s"),
        Request("DELETE", "/basket/items/1", "s"),
        Request("PATCH", "/products/1", None, {"price": 12}),
        Request("PATCH", "/products/1", None, {"price": "12.5"}),
        Request("PATCH", "/products/9999", None, {"price": "12.50"}),
    ]
    async with httpx.AsyncClient() as client:
        for request in bad:
            old, new = await ask_both(client, shop, request)
            assert old.status_code in (400, 404, 405), request
            assert differences(request, old, new) == set(), request


async def test_a_reference_is_taken_only_once(shop: Shop) -> None:
    shop.restart_new(())
    shop.reset(1)
    put = Request("POST", "/basket/items", "s", {"product": 7, "quantity": 2})
    order = Request("POST", "/orders", "s", {"reference": "PO-77"})
    statuses = []
    async with httpx.AsyncClient() as client:
        for request in (put, order, put, order, Request("GET", "/basket", "s")):
            old, new = await ask_both(client, shop, request)
            assert differences(request, old, new) == set(), request
            statuses.append(old.status_code)
        assert statuses == [201, 201, 201, 409, 200]
        assert len(old.json()["items"]) == 1, "the refused order leaves the basket as it was"


async def test_the_versions_keep_apart_in_the_cache(shop: Shop) -> None:
    shop.restart_new(())
    shop.reset(1)
    async with httpx.AsyncClient() as client:
        await ask_both(client, shop, Request("GET", "/products/5"))
        with closing(Valkey.from_url(shop.cache_url)) as cache:
            assert sorted(cast(list[bytes], cache.keys())) == [b"shop:new:product:5", b"shop:old:product:5"]
            # Even where it lies about a product, one side's entry does not reach the other.
            cache.set("shop:old:product:5", json.dumps({"name": "poison", "tags": []}))
        old, new = await ask_both(client, shop, Request("GET", "/products/5"))
        assert old.json()["name"] == "poison"
        assert new.json()["name"] != "poison"


async def test_a_price_read_while_it_changes_is_never_cached(shop: Shop) -> None:
    shop.restart_new(())
    shop.reset(1)
    async with httpx.AsyncClient() as client:
        for cents in range(10, 60):
            price = f"{cents}.01"
            change = Request("PATCH", "/products/9", None, {"price": price})
            look = Request("GET", "/products/9")
            await asyncio.gather(*(ask_both(client, shop, request) for request in (look, look, change, look, look)))
            for answer in await ask_both(client, shop, look):
                assert answer.json()["price"] == price


def test_the_catalogue_and_the_traffic_follow_from_the_seed() -> None:
    assert catalogue(1) == catalogue(1)
    assert catalogue(1) != catalogue(2)
    assert plan(1, LEAST) == plan(1, LEAST)
    assert plan(1, LEAST) != plan(2, LEAST)
    for requests in (LEAST, LEAST + 1, 1234):
        assert sum(len(party) for parties in plan(1, requests) for party in parties) == requests
    with pytest.raises(ValueError, match=f"at least {LEAST} requests"):
        plan(1, LEAST - 1)


def test_nobody_needs_in_a_round_what_is_written_in_it() -> None:
    """The promise of visitors.py, by which a copy that is late cannot look like a difference."""
    for seed in range(20):
        for parties in plan(seed, 2000):
            requests = [request for party in parties for request in party]
            if any(request.method == "PATCH" for request in requests):
                assert len(requests) == 1
            for party in parties:
                written: set[str] = set()
                for request in party:
                    needs = request.session or ""
                    key = f"{needs} {(request.body or {}).get('product')}"
                    if request.method == "POST" and request.path == "/basket/items":
                        assert key not in written, "two writes of the same line would depend on their order"
                        written.add(key)
                    else:
                        assert not any(earlier.startswith(f"{needs} ") for earlier in written)
                        if request.method != "GET" and not empty_handed(party):
                            assert len(party) == 1


def empty_handed(party: tuple[Request, ...]) -> bool:
    """An order that is refused since there was never anything in the basket writes nothing."""
    return party[0].path == "/basket" and party[1].method == "POST" and party[1].path == "/orders"


def test_an_unknown_mistake_is_refused_by_name() -> None:
    assert parse(" rounding, time_zone,") == {"rounding", "time_zone"}
    with pytest.raises(ValueError, match="unknown regression speling"):
        parse("rounding,speling")


def test_a_service_that_does_not_start_is_shown_with_its_log_and_nothing_is_left() -> None:
    shop = Shop(regressions=["speling"])
    with pytest.raises(StartError, match=r"the new service did not start.*(?s:.)*unknown regression speling"):
        shop.__enter__()
    assert not shop.directory.exists()
    assert processes_of(shop.directory) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_however_the_launcher_ends(how: signal.Signals) -> None:
    launcher = subprocess.Popen(
        [sys.executable, str(LAUNCH)], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": ""}
    )
    try:
        assert launcher.stdout is not None
        output = "".join(launcher.stdout.readline() for _ in range(3))
        directory = Path(re.findall(r"logs: (.*)", output)[0])
        urls = re.findall(r"http://\S+", output)
        assert [httpx.get(f"{url}/healthz").status_code for url in urls] == [200, 200]
        running = processes_of(directory)
        assert {"postgres", "valkey-server", "shop.old", "shop.new", "reaper"} <= {kind(process) for process in running}
    finally:
        launcher.send_signal(how)
        launcher.communicate(timeout=PATIENCE_S)
    assert launcher.returncode == (0 if how != signal.SIGKILL else -signal.SIGKILL)

    def left() -> list[psutil.Process]:
        return [process for process in running if alive(process)]

    wait_until(lambda: not left() and not directory.exists(), left, patience=PATIENCE_S)


def kind(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    return next((name for name in ("shop.old", "shop.new", "reaper", "valkey-server") if name in line), process.name())


def tour(seed: int) -> tuple[Request, ...]:
    """Comes by every endpoint, and once by what brings each mistake out."""
    goods = catalogue(seed).products
    half_a_cent = next(p.id for p in goods if int(p.price * 100) * p.tax_percent % 200 == 50)
    order = Request("POST", "/orders", "s", {"reference": "PO-TOUR"})
    basket = Request("GET", "/basket", "s")
    return (
        Request("GET", "/healthz"),
        Request("GET", "/categories"),
        *(Request("GET", f"/products?page={page}") for page in range(1, 9)),
        *(Request("GET", f"/products?category=tea&page={page}") for page in (1, 2)),
        *(Request("GET", f"/search?q={words}") for words in ("usb", "tea", "zither", "usb+%28c", "100%25")),
        *(Request("GET", f"/products/{product.id}/quote?quantity=12") for product in goods[::6]),
        Request("GET", f"/products/{half_a_cent}/quote?quantity=1"),
        basket,
        order,
        Request("POST", "/basket/items", "s", {"product": half_a_cent, "quantity": 1}),
        Request("POST", "/basket/items", "s", {"product": 40, "quantity": 3}),
        Request("POST", "/basket/items", "s", {"product": 41, "quantity": 10}),
        basket,
        Request("DELETE", "/basket/items/41", "s"),
        basket,
        order,
        order,
        basket,
        Request("GET", "/orders", "s"),
        Request("GET", "/orders/PO-TOUR", "s"),
        Request("GET", "/products/9"),
        Request("PATCH", "/products/9", None, {"price": "1.01"}),
        *(Request("GET", f"/products/{product.id}") for product in goods[::8]),
        Request("GET", "/products/9999"),
    )


async def compare_sides(shop: Shop, rounds: list[Round]) -> set[Found]:
    """Sends the traffic to both sides directly, and returns where they differ."""
    found: set[Found] = set()

    async def act(client: httpx.AsyncClient, party: tuple[Request, ...]) -> None:
        for request in party:
            found.update(differences(request, *await ask_both(client, shop, request)))

    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        for parties in rounds:
            async with asyncio.TaskGroup() as group:
                for party in parties:
                    group.create_task(act(client, party))
    return found


async def ask_both(client: httpx.AsyncClient, shop: Shop, request: Request) -> list[httpx.Response]:
    return await asyncio.gather(
        *(
            client.request(request.method, url + request.path, headers=request.headers, json=request.body)
            for url in (shop.old_url, shop.new_url)
        )
    )


def differences(request: Request, old: httpx.Response, new: httpx.Response) -> set[Found]:
    """A second opinion on what parallelrun should find: everything but the noise that the README lists."""
    path = re.sub(r"/orders/.+", "/orders/{reference}", re.sub(r"/\d+", "/{id}", request.path.partition("?")[0]))
    endpoint = f"{request.method} {path}"
    if old.status_code != new.status_code:
        return {(endpoint, "status", "value")}
    found = set(walk("$", document(endpoint, old), document(endpoint, new)))
    for name in ("content-type", "location", "cache-control"):
        if old.headers.get(name) != new.headers.get(name):
            found.add((f"header:{name}", "value"))
    return {(endpoint, location, kind) for location, kind in found}


def document(endpoint: str, answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    content = answer.json()
    for name in ("generated_at", "request_id", "featured", "also_bought"):
        content.pop(name, None)
    if "tags" in content:
        content["tags"].sort()
    if "/orders" in endpoint:
        content.pop("id", None)
    if "placed_at" in content:
        content["placed_at"] = re.sub(r"^[-0-9]{10}T[:0-9]{8}", "moment ", content["placed_at"])
    return content


def walk(location: str, old: Any, new: Any) -> Iterator[tuple[str, str]]:
    if type(old) is not type(new):
        yield location, "type"
    elif isinstance(old, dict):
        for name in old.keys() | new.keys():
            if name not in new or name not in old:
                yield f"{location}.{name}", "missing" if name in old else "extra"
            else:
                yield from walk(f"{location}.{name}", old[name], new[name])
    elif isinstance(old, list):
        if unordered(old) == unordered(new):
            if old != new:
                yield location, "order"
        else:
            for one, other in zip_longest(old, new):
                yield from walk(f"{location}[*]", one, other)
    elif old != new:
        yield location, "value"


def unordered(items: list[Any]) -> list[Any]:
    return sorted(items, key=repr)
