"""Newer settings: taken over, or refused."""

import asyncio
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from parallelrun._core import ConfigError, Proxy
from parallelrun.config import Source
from parallelrun.config.active import today
from parallelrun.config.snapshot import listener, snapshot
from parallelrun.engine import settings as module
from parallelrun.engine.settings import Settings
from parallelrun.evidence import open_store
from parallelrun.evidence.collector import Collector
from parallelrun.evidence.events import Events
from parallelrun.evidence.retention import Retention

BASE = "old: http://a\nnew: http://b\n"


class World:
    """Settings of a core that does not run, and what they said."""

    def __init__(self, tmp_path: Path, text: str = BASE, **options: Any) -> None:
        self.file = tmp_path / "p.yaml"
        self.file.write_text(text)
        source = Source(self.file, options, {})
        loaded = source.load()
        self.core = Proxy(listener(loaded), snapshot(loaded, 1, today()))
        self.collector = Collector(self.core, open_store(f"sqlite:///{tmp_path}/e.db"))
        self.settings = Settings(source, loaded, self.core, self.collector, Events())

    @property
    def generation(self) -> int:
        """The generation that the core has."""
        return int(json.loads(self.core.counters())["generation"])

    async def reload(self, text: str | None = None, cause: module.Cause = "SIGHUP") -> list[dict[str, Any]]:
        """Writes the file, if there is a text, and reloads; returns what was logged."""
        if text is not None:
            self.file.write_text(text)
        with capture_logs() as logs:
            await self.settings.reload(cause)
        return [dict(entry) for entry in logs]


@pytest.fixture
async def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def until(condition: Callable[[], object]) -> None:
    """Waits until it holds, while the event loop goes on."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.001)


async def test_the_core_gets_the_newer_settings(world: World) -> None:
    (entry,) = await world.reload(f"{BASE}sample: 1%\nlimits: {{pairs_kept: 5, keep: 1d}}\n")
    assert entry == {
        "event": "config.reloaded",
        "log_level": "info",
        "cause": "SIGHUP",
        "generation": 2,
        "changed": ["sample", "limits.pairs_kept", "limits.keep"],
        "needs_restart": [],
        "warnings": [],
    }
    assert world.generation == world.settings.status.generation == 2
    assert world.settings.config.sample == 10_000
    assert world.collector.retention == Retention(5, timedelta(days=1))


async def test_a_bad_one_leaves_the_old_one_in_force(world: World) -> None:
    (entry,) = await world.reload(f"{BASE}sampel: 1%\nlisten: x\n")
    problems = [
        f"{world.file}:3: sampel: unknown key; did you mean `sample`?",
        f"{world.file}:4: listen: expected ADDRESS:PORT, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080, got `x`",
    ]
    assert (entry["event"], entry["log_level"], entry["problems"]) == ("config.refused", "error", problems)
    status = world.settings.status
    assert (status.refused, status.generation, world.generation) == (tuple(problems), 1, 1)
    assert status.refused_ms is not None
    assert world.settings.config.sample == 1_000_000


async def test_the_refusal_is_over_with_the_next_good_one(world: World) -> None:
    await world.reload("nonsense")
    (entry,) = await world.reload(BASE, "change")
    assert (entry["event"], entry["changed"], entry["generation"]) == ("config.reloaded", [], 1)
    assert (world.settings.status.refused, world.settings.status.refused_ms) == ((), None)


async def test_the_same_refusal_is_told_once(world: World) -> None:
    assert await world.reload("nonsense", "change")
    assert not await world.reload("nonsense", "change")
    assert await world.reload("nonsense", "SIGHUP"), "somebody asked"


async def test_a_file_that_was_only_touched_is_no_news(world: World) -> None:
    assert not await world.reload(f"# comment\n{BASE}", "change")
    assert world.generation == 1


async def test_what_needs_a_restart_is_said_until_it_is_taken_back(world: World) -> None:
    (entry,) = await world.reload(f"{BASE}listen: 127.0.0.1:1\nlimits: {{uri: 1KiB}}\n")
    assert entry["needs_restart"] == ["listen", "limits.uri"]
    (entry,) = await world.reload(f"{BASE}listen: 127.0.0.1:1\nsample: 1%\n")
    assert entry["needs_restart"] == list(world.settings.status.needs_restart) == ["listen"]
    await world.reload(BASE)
    assert world.settings.status.needs_restart == ()


async def test_options_still_beat_the_file(tmp_path: Path) -> None:
    world = World(tmp_path, f"{BASE}sample: 1%\n", new="http://c")
    await world.reload(f"{BASE}sample: 2%\n")
    assert (world.settings.config.new.url, world.settings.config.sample) == ("http://c", 20_000)


async def test_the_token_stays_while_the_socket_is_open_to_others(tmp_path: Path) -> None:
    world = World(tmp_path, f"{BASE}admin: {{listen: '0.0.0.0:0', token: t}}\n")
    (entry,) = await world.reload(f"{BASE}admin: {{listen: '127.0.0.1:0'}}\n")
    assert entry["problems"] == [
        f"{world.file}: admin.token: cannot be removed while the admin API listens on 0.0.0.0:0"
    ]
    assert world.settings.config.admin.token is not None


async def test_rules_that_end_while_the_process_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, f"{BASE}compare: {{ignore: [{{at: $.a, until: 2099-01-01, id: a}}, $.b]}}\n")
    with capture_logs() as logs:
        for day in (date(2099, 1, 1), date(2099, 1, 2), date(2099, 1, 3)):
            monkeypatch.setattr(module, "today", lambda day=day: day)
            world.settings._drop_expired()
    assert [(entry["event"], entry["rules"]) for entry in logs] == [("rules.expired", ["a"])]
    assert world.generation == 2


async def test_a_change_of_the_file_is_followed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.001)
    following = asyncio.create_task(world.settings.follow())
    new = world.file.with_suffix(".new")
    new.write_text(f"{BASE}sample: 3%\n")
    new.replace(world.file)
    await until(lambda: world.generation == 2)
    world.file.write_text("half-wri")
    await until(lambda: world.settings.status.refused)
    world.file.write_text(f"{BASE}sample: 4%\n")
    await until(lambda: world.generation == 3)
    following.cancel()
    assert world.settings.config.sample == 40_000
    assert not world.settings.status.refused


async def test_a_file_that_is_named_can_mend_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.001)
    await world.reload(f"{BASE}openapi: api.json\n")
    assert world.settings.status.refused
    following = asyncio.create_task(world.settings.follow())
    (world.file.parent / "api.json").write_text('{"paths": {"/a": {}}}')
    await until(lambda: world.generation == 2)
    following.cancel()
    assert not world.settings.status.refused


async def test_a_change_is_told_before_it_is_in_force_and_taken_back_if_it_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int]] = []
    world.settings.on_change = lambda loaded, _: told.append((loaded.config.new.url, world.generation))
    await world.reload("old: http://a\nnew: http://c\n")
    assert told == [("http://c", 1)]

    def refuse(*_: object, **__: object) -> str:
        return "{}"

    monkeypatch.setattr(module, "snapshot", refuse)
    (entry,) = await world.reload("old: http://a\nnew: http://d\n")
    assert entry["event"] == "config.refused"
    assert told[1:] == [("http://d", 2), ("http://c", 2)]


async def test_sampling_is_switched_in_the_core_and_stays_through_a_reload(world: World) -> None:
    seen: list[int] = []
    configure = world.core.configure

    class Core:
        def configure(self, text: str) -> None:
            seen.append(json.loads(text)["limits"]["sampled_per_s"])
            configure(text)

    world.settings._core = Core()  # type: ignore[assignment]
    world.settings.sample(True)
    world.settings.sample(True)
    await world.reload(f"{BASE}limits: {{samples: 9}}\n")
    world.settings.sample(False)
    assert seen == [5, 9, 0]


async def test_sampling_that_the_core_refuses_is_tried_again(world: World) -> None:
    configure = world.core.configure
    refused: list[str] = []

    class Core:
        def configure(self, text: str) -> None:
            if not refused:
                refused.append(text)
                raise ConfigError("refused")
            configure(text)

    world.settings._core = Core()  # type: ignore[assignment]
    with pytest.raises(ConfigError):
        world.settings.sample(True)
    before = world.generation
    world.settings.sample(True)
    assert world.generation == before + 1
