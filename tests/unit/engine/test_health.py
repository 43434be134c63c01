"""How the health of the sides is asked, and when the core is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from parallelrun.engine.health import HealthChecks
from tests.support import behaviour
from tests.support.fake_engine import FakeEngine
from tests.support.fixtures import MakeOrigin
from tests.support.until import until

Make = Callable[..., FakeEngine]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[FakeEngine] = []

    def make(**settings: Any) -> FakeEngine:
        made.append(FakeEngine(f"sqlite:///{tmp_path}/x.db", **settings))
        return made[-1]

    yield make
    for engine in made:
        await engine.close()


def quick(**changes: Any) -> dict[str, Any]:
    return {"health": {"interval": "1ms", "timeout": "5s", "failures": 3, **changes}}


async def test_what_it_says(make: Make, make_origin: MakeOrigin) -> None:
    old, new = make_origin("old"), make_origin("new")
    old.on("/base/well", behaviour.reply(204))
    new.on("/ill", behaviour.reply(503))
    headers = {"set": {"x-key": "1"}}
    engine = make(
        old={"url": f"{old.url}/base", "health": "/well", "headers": headers}, new={"url": new.url, "health": "/ill"}
    )
    found = await engine.health.both()
    assert [(one.url, one.error) for one in found if one] == [
        (f"{old.url}/base/well", None),
        (f"{new.url}/ill", "answered 503"),
    ]
    assert old.requests[0].header("x-key") == "1"


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (behaviour.hang(), "no answer within 0.1 s"),
        (behaviour.drip(b"slow", 3600.0), None),
        (behaviour.reply(301, b"", {"location": "/well"}), "answered 301"),
        (behaviour.reset_after_request(), "ReadError"),
        (behaviour.raw(b"nonsense\r\n\r\n", close=True), "illegal status line: bytearray(b'nonsense')"),
    ],
    ids=["hangs", "drips", "leads elsewhere", "resets", "is no HTTP"],
)
async def test_an_answer_that_is_none(make: Make, make_origin: MakeOrigin, script: Any, error: str | None) -> None:
    new = make_origin("new")
    new.on("/health", script)
    engine = make(new={"url": new.url, "health": "/health"}, breaker=quick(timeout="100ms"))
    found = (await engine.health.both())[1]
    assert found
    assert found.error == error, "its head is all that counts"


async def test_what_does_not_answer(make: Make) -> None:
    sides = {
        "old": {"url": "http://127.0.0.1:1", "health": "/h"},
        "new": {"url": "https://127.0.0.1:1", "health": "/h"},
    }
    old, new = await make(**sides).health.both()
    assert old
    assert new
    assert old.error
    assert new.error


async def test_a_side_without_a_health_url_is_not_asked(make: Make) -> None:
    engine = make()
    assert await engine.health.both() == (None, None)
    assert engine.core.health == []


async def test_it_is_asked_again_and_again(make: Make, make_origin: MakeOrigin) -> None:
    new = make_origin("new")
    engine = make(new={"url": new.url, "health": "/health"}, breaker=quick())
    following = asyncio.create_task(engine.health.follow())
    await until(lambda: new.count("/health") >= 5)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    before = new.count("/health")
    assert (await engine.health.both())[1]
    assert new.count("/health") == before, "whoever wants to know is told what is known"


async def test_some_failures_in_a_row_take_it_out_and_one_answer_brings_it_back(
    make: Make, make_origin: MakeOrigin
) -> None:
    new = make_origin("new")
    ill, well = behaviour.reply(500), behaviour.reply(200)
    new.on("/health", behaviour.in_turn(ill, ill, well, ill, ill, ill, ill, well))
    engine = make(new={"url": new.url, "health": "/health"}, breaker=quick())
    checks = HealthChecks(engine, engine.core)
    told = []
    for _ in range(8):
        await checks._check()
        told.append(list(engine.core.health))
    assert told == [[]] * 5 + [[False]] * 2 + [[False, True]]


async def test_the_old_side_takes_nobody_out(make: Make) -> None:
    engine = make(old={"url": "http://127.0.0.1:1", "health": "/h"}, breaker=quick(failures=1))
    await engine.health.both()
    assert engine.core.health == []


async def test_another_new_side_begins_anew(make: Make, make_origin: MakeOrigin) -> None:
    ill = {"url": "http://127.0.0.1:1", "health": "/h"}
    engine = make(new=ill, breaker=quick(failures=1))
    await engine.health.both()
    assert engine.core.health == [False]
    engine.loaded = make(new={"url": make_origin("new").url, "health": "/h"}, breaker=quick(failures=1)).loaded
    assert (await engine.health.both())[1]
    assert engine.core.health == [False, True], "other settings are asked for at once"
    engine.loaded = make(new=ill, breaker=quick(failures=1)).loaded
    await engine.health.both()
    engine.loaded = make(breaker=quick(failures=1)).loaded
    assert (await engine.health.both())[1] is None
    assert engine.core.health == [False, True, False, True], "what is not asked is not ill"
