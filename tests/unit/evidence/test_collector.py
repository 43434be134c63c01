"""The collector between a core and a store."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from parallelrun.evidence import Store, open_store
from parallelrun.evidence.collector import Collector
from parallelrun.evidence.events import Events
from parallelrun.evidence.records import read_pair
from parallelrun.evidence.retention import Retention
from parallelrun.evidence.signature import signature
from tests.support.fake_core import START_MS, Clock, FakeCore, difference, pair
from tests.support.until import until

ENDPOINT = "GET /orders/{id}"
NAME = signature(ENDPOINT, "$.total", "value")
SNAPSHOT = json.dumps({"compare": {"ignore": []}, "routes": [], "templates": []})
OTHER_RULES = json.dumps({"compare": {"ignore": [{"at": "$.a"}]}, "routes": [], "templates": []})
TOTAL_IGNORED = json.dumps({"compare": {"ignore": [{"at": "$.total"}]}, "routes": []})

Start = Callable[..., Collector]


class Told:
    """Everything published, by name."""

    def __init__(self) -> None:
        self.events = Events()
        self.names: list[str] = []
        self.data: dict[str, dict[str, object]] = {}
        publish = self.events.publish

        def note(name: str, level: str = "info", **data: object) -> None:
            self.names.append(name)
            self.data[name] = data
            publish(name, level, **data)  # type: ignore[arg-type]

        self.events.publish = note  # type: ignore[method-assign]


class Read(FakeCore):
    """Knows how often its counters were read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def counters(self) -> bytes:
        self.reads += 1
        return super().counters()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'evidence.db'}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = open_store(url)
    yield opened
    await opened.close()


@pytest.fixture
async def make(store: Store) -> AsyncIterator[Start]:
    made: list[Collector] = []

    def start(core: FakeCore, **options: object) -> Collector:
        made.append(Collector(core, store, interval=0.01, **{"clock": Clock(), **options}))  # type: ignore[arg-type]
        return made[-1]

    yield start
    for collector in made:
        await collector.stop()


async def test_what_the_core_has_ends_up_in_the_store(store: Store, make: Start) -> None:
    core, told = FakeCore(), Told()
    collector = make(core, events=told.events)
    await collector.start()
    core.count(ENDPOINT, "mismatch", 2)
    core.differ(confirmed=2)
    core.record(pair("p1", difference()), {"type": "weather"}, pair("p2", difference()))
    await until(lambda: collector.evidence.judge(NAME).example if collector.evidence.current else None)
    await collector.stop()
    past = await store.past("another")
    assert past.endpoints[ENDPOINT].outcomes == {"mismatch": 2}
    assert past.differences[NAME].verdicts.confirmed == 2
    stored = await store.pair("p2")
    assert stored
    assert read_pair(stored).id == "p2"
    assert collector.held == (0, 0)
    assert collector.lost == 0
    assert told.names == ["difference.new"]
    assert told.data["difference.new"]["signature"] == NAME
    assert told.data["difference.new"]["pair_id"] in ("p1", "p2")


async def test_news_does_not_wait_for_an_example_for_ever(make: Start) -> None:
    core, told, clock = FakeCore(), Told(), Clock()
    collector = make(core, events=told.events, clock=clock)
    core.differ(confirmed=1)
    await collector.start()
    await until(lambda: collector.evidence.current)
    assert told.names == []
    clock.now += 2
    await until(lambda: told.names == ["difference.new"])
    assert told.data["difference.new"]["pair_id"] is None


async def test_stop_takes_what_came_last(store: Store, make: Start) -> None:
    core = FakeCore()
    collector = make(core)
    await collector.start()
    core.record(*(pair(f"p{i}", difference()) for i in range(700)))
    core.count(ENDPOINT, "mismatch", 700)
    await collector.stop()
    assert await store.pair("p699")
    assert (await store.past("another")).endpoints[ENDPOINT].requests == 700
    async with store.transaction() as connection:
        row = (await connection.exec_driver_sql("SELECT ended_ms, lost FROM parallelrun_runs")).one()
    assert row.ended_ms
    assert row.lost == 0


def counted(collector: Collector, requests: int) -> bool:
    return collector.evidence.ledger().requests == requests


async def test_a_restart_loses_nothing_and_counts_nothing_twice(url: str) -> None:
    for process in range(1, 4):
        store = open_store(url)
        core = FakeCore()
        core.count(ENDPOINT, "match", 10)
        core.differ(noise=1)
        collector = Collector(core, store, interval=0.01, clock=Clock())
        await collector.start()
        expected = 10 * process
        await until(partial(counted, collector, expected))
        assert collector.evidence.judge(NAME).difference.verdicts.noise == process
        await collector.stop()
        await store.close()


async def test_two_processes_at_once_see_each_other(url: str, make: Start) -> None:
    clock = Clock()
    core, other_core = FakeCore(), FakeCore()
    collector = make(core, clock=clock)
    await collector.start()
    other_store = open_store(url)
    other = Collector(other_core, other_store, interval=0.01, clock=clock)
    await other.start()
    other_core.count(ENDPOINT, "match", 5)
    await other.stop()
    await other_store.close()
    clock.now += 60
    await until(lambda: collector.evidence.ledger().requests == 5)


async def test_an_idle_collector_writes_only_a_sign_of_life(store: Store, make: Start) -> None:
    clock = Clock()
    core = FakeCore()
    core.count(ENDPOINT)
    collector = make(core, clock=clock)
    await collector.start()
    await until(lambda: collector.health.written_ms)
    assert await store.runs() == {collector.run.id: START_MS}
    clock.now += 30
    await until(lambda: collector.health.written_ms == START_MS + 30_000)
    assert await store.runs() == {collector.run.id: START_MS}
    clock.now += 30
    await until(lambda: collector.health.written_ms == START_MS + 60_000)
    assert await store.runs() == {collector.run.id: START_MS + 60_000}


async def test_retention_runs_before_the_store_holds_much_more_than_it_may(store: Store, make: Start) -> None:
    core = FakeCore()
    collector = make(core, retention=Retention(pairs=20))
    await collector.start()
    core.record(*(pair(f"p{i}", difference(), at_ms=START_MS + i) for i in range(100)))
    await until(lambda: collector.evidence.past.examples)
    await until(lambda: collector.held == (0, 0))
    await collector.stop()
    async with store.transaction() as connection:
        count = (await connection.exec_driver_sql("SELECT count(*) FROM parallelrun_pairs")).scalar_one()
    assert count <= 22


async def test_rules_hold_since_they_first_did_whatever_restarts(url: str) -> None:
    clock = Clock()

    async def process(*snapshots: str) -> list[int]:
        store = open_store(url)
        collector = Collector(FakeCore(), store, interval=0.01, clock=clock)
        for snapshot in snapshots:
            collector.configured(snapshot)
            clock.now += 10
        await collector.start()
        await until(lambda: collector.health.written_ms)
        await collector.stop()
        await store.close()
        assert collector.evidence.rules
        return [change.at_ms - START_MS for change in collector.evidence.rules.changes]

    assert await process(SNAPSHOT) == [0]
    assert await process(SNAPSHOT) == [0]
    assert await process(OTHER_RULES) == [0, 20_000]
    assert await process(OTHER_RULES) == [0, 20_000]
    assert await process(OTHER_RULES, SNAPSHOT) == [0, 20_000, 50_000]


async def test_what_is_hidden_stays_hidden_over_a_restart_with_one_rule_more(url: str) -> None:
    clock = Clock()

    async def status(snapshot: str, **verdicts: int) -> str:
        store, core = open_store(url), FakeCore()
        collector = Collector(core, store, interval=0.01, clock=clock)
        collector.configured(snapshot)
        clock.now += 100
        core.differ("$.total", "value", endpoint=ENDPOINT, **verdicts)
        await collector.start()
        await until(lambda: collector.evidence.differences() and collector.health.written_ms)
        found = collector.evidence.judge(NAME).status
        await collector.stop()
        await store.close()
        return found

    def ignore(*places: str) -> str:
        return json.dumps({"compare": {"ignore": [{"at": at} for at in places]}, "routes": []})

    assert await status(SNAPSHOT, confirmed=5) == "open"
    assert await status(ignore("$.total"), ignored=1) == "ignored"
    assert await status(ignore("$.total", "$.b")) == "ignored"
    assert await status(ignore("$.total")) == "ignored"
    assert await status(SNAPSHOT) == "open"


async def test_what_a_rule_hid_just_before_it_was_removed_is_open(make: Start) -> None:
    core = FakeCore()
    collector = make(core)
    collector.configured(SNAPSHOT)
    core.differ(confirmed=1)
    collector.configured(TOTAL_IGNORED)
    core.differ(ignored=1)
    collector.configured(SNAPSHOT)  # before anybody has looked at the counters
    collector.refresh()
    assert collector.evidence.judge(NAME).status == "open"


async def test_a_core_that_breaks_keeps_no_rules_out_of_force(make: Start) -> None:
    core, told = FakeCore(), Told()
    collector = make(core, events=told.events)
    core.broken = RuntimeError("no core")
    collector.configured(OTHER_RULES)
    assert collector.evidence.rules
    assert told.names == ["collector.failing"]


async def test_what_is_to_be_remembered_is_written_once_for_each_change(store: Store, make: Start) -> None:
    collector = make(FakeCore())
    assert await collector.recall("x") is None
    collector.remember("x", "1")
    await collector.start()
    await collector.stop()
    assert await collector.recall("x") == "1"
    written = []
    for value in ("2", "2", "3"):
        collector.remember("x", value)
        for batch in collector._writer._batches(always=True):
            written.append(batch.facts)
            collector._writer._wrote(batch)
    assert written == [{"x": "2"}, {}, {"x": "3"}]


async def test_a_record_that_cannot_be_read_is_lost_and_told(make: Start) -> None:
    core, told = FakeCore(), Told()
    collector = make(core, events=told.events)
    await collector.start()
    core.record(b"rubbish", pair("p1", difference()), b'{"type": "pair"}')
    await until(lambda: collector.lost == 2)
    await until(lambda: "evidence.lost" in told.names)


async def test_what_the_core_dropped_counts_as_lost(make: Start) -> None:
    core = FakeCore()
    core.extra = {"records": {"queued": 0, "lost": 7}}
    collector = make(core)
    await collector.start()
    await until(lambda: collector.lost == 7)


async def test_counters_that_somebody_has_just_read_are_not_read_again(store: Store) -> None:
    core = Read()
    collector = Collector(core, store, interval=3600, clock=Clock())
    collector.refresh()
    await collector.start()
    await until(lambda: collector.health.written_ms is not None)  # its loops have had their turn
    assert core.reads == 1
    await collector.stop()
    assert core.reads == 2, "at the end what is newest counts"


async def test_counters_that_nobody_else_reads_are_read_once_per_interval(make: Start) -> None:
    core = Read()
    await make(core).start()
    await until(lambda: core.reads >= 3)


async def test_a_core_that_breaks_is_told_and_does_not_end_anything(store: Store, make: Start) -> None:
    core, told = FakeCore(), Told()
    collector = make(core, events=told.events)
    core.broken = RuntimeError("no core")
    await collector.start()
    await until(lambda: "collector.failing" in told.names)
    assert told.data["collector.failing"] == {"error": "RuntimeError: no core"}
    core.broken = None
    core.record(pair("p1", difference()))
    await until(lambda: collector.evidence.current or collector.held_pair("p1") or collector.health.written_ms)
    await collector.stop()
    assert await store.pair("p1")


async def test_a_store_that_hangs_holds_up_neither_the_core_nor_the_end(store: Store) -> None:
    core, told = FakeCore(), Told()
    collector = Collector(core, store, interval=0.01, events=told.events)
    await store.prepare()
    never = asyncio.Event()

    async def hang(*_: object) -> None:
        await never.wait()

    store.write = hang  # type: ignore[method-assign, assignment]
    await collector.start()
    core.count(ENDPOINT, "mismatch", 3)
    core.record(*(pair(f"p{i}", difference()) for i in range(3)))
    await until(lambda: collector.held[0] == 3 and collector.evidence.ledger().requests == 3)
    assert collector.held_pair("p2")
    await collector.stop(grace=0.2)
    assert collector.lost == 3
    assert told.data["evidence.lost"] == {"pairs": 3, "total": 3}
    assert told.data["store.failing"]["error"] == "no answer within 0.2 s at the end"
