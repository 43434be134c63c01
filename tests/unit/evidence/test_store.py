"""The store, on SQLite and on PostgreSQL."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from parallelrun.evidence import Store, StoreError, StoreTooNewError, open_store
from parallelrun.evidence.counters import EndpointCounts
from parallelrun.evidence.migrate import VERSION_TABLE
from parallelrun.evidence.model import Difference, Example, Run, Times
from parallelrun.evidence.records import Record, read_pair, read_record
from parallelrun.evidence.retention import EXAMPLES, Retention
from parallelrun.evidence.schema import METADATA
from parallelrun.evidence.signature import signature
from parallelrun.evidence.status import Verdicts
from parallelrun.evidence.store import Batch
from tests.support.fake_core import difference, pair

ENDPOINT = "GET /orders/{id}"
NAME = signature(ENDPOINT, "$.total", "value")
DAY = 86_400_000


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = open_store(store_url)
    yield opened
    await opened.close()


def run(name: str = "run", *, written_ms: int = 1) -> Run:
    return Run(name, "1.0", 1, written_ms)


def counts(requests: int, endpoint: str = ENDPOINT) -> EndpointCounts:
    return EndpointCounts(endpoint=endpoint, requests=requests, outcomes={"match": requests})


def seen(verdicts: Verdicts, times: Times, location: str = "$.total") -> Difference:
    return Difference(signature(ENDPOINT, location, "value"), ENDPOINT, location, "value", verdicts, times)


def record(name: str, *differences: dict[str, object], at_ms: int = 0, outcome: str = "mismatch") -> Record:
    made = read_record(json.dumps(pair(name, *differences, at_ms=at_ms, outcome=outcome)).encode())
    assert made
    return made


async def test_every_run_counts_once_however_often_it_is_written(store: Store) -> None:
    for requests in (3, 5, 5):
        await store.write(Batch(run("a"), [counts(requests)], [seen(Verdicts(confirmed=requests), Times(7, 9, 0))]))
    await store.write(Batch(run("b"), [counts(10), counts(1, "GET /")], [seen(Verdicts(noise=2), Times(8, 8, 20))]))
    past = await store.past("none")
    assert {name: one.requests for name, one in past.endpoints.items()} == {ENDPOINT: 15, "GET /": 1}
    assert past.differences == {NAME: seen(Verdicts(confirmed=5, noise=2), Times(7, 9, 20))}
    assert past.since_ms == 1
    assert (await store.past("b")).endpoints == {ENDPOINT: counts(5)}
    assert await store.runs() == {"a": 1, "b": 1}


async def test_an_empty_store_has_no_past(store: Store) -> None:
    past = await store.past("run")
    assert (past.since_ms, past.endpoints, past.differences, past.examples, past.lost) == (None, {}, {}, {}, 0)
    assert await store.pair("nothing") is None
    assert await store.fact("nothing") is None


async def test_pairs_come_back_as_they_went_in(store: Store) -> None:
    text = "nul \0, emoji \N{SNOWMAN}, </script>"
    raw = json.dumps(pair("p", difference("$['\0']", old=text, new=None), endpoint="GET /\0")).encode()
    made = read_record(raw)
    assert made
    await store.write(Batch(run(), records=[made]))
    await store.write(Batch(run(), records=[made]))
    stored = await store.pair("p")
    assert stored == made.deflated
    assert read_pair(stored).differences[0].old == text
    assert (await store.past("run")).examples[made.signatures[0]].old == text.replace("\0", "\N{SYMBOL FOR NULL}")


async def test_the_best_example_of_each_difference(store: Store) -> None:
    await store.write(
        Batch(
            run(),
            records=[
                record("old", difference(verdict="confirmed"), at_ms=1),
                record("best", difference(verdict="confirmed", old="1", new="2"), difference(verdict="noise"), at_ms=2),
                record("noisy", difference(verdict="noise"), at_ms=3),
            ],
        )
    )
    assert (await store.past("run")).examples == {NAME: Example("best", 2, "confirmed", "1", "2")}


async def test_facts(store: Store) -> None:
    await store.write(Batch(run(), facts={"a": "1"}))
    await store.write(Batch(run(), facts={"a": "2", "b": "3"}))
    assert (await store.fact("a"), await store.fact("b")) == ("2", "3")


async def test_a_batch_is_written_whole_or_not_at_all(store: Store) -> None:
    await store.prepare()
    broken = Record("p", 1, ENDPOINT, "mismatch", (), (), None)  # type: ignore[arg-type]
    with pytest.raises(StoreError):
        await store.write(Batch(run(), [counts(1)], records=[broken]))
    assert await store.runs() == {}


async def test_retention_by_age_spares_the_present_run(store: Store) -> None:
    now = 100 * DAY
    old, young = now - 31 * DAY, now - 29 * DAY
    await store.write(Batch(run("old", written_ms=old), [counts(1)], [seen(Verdicts(noise=1), Times(1, old), "$.old")]))
    await store.write(Batch(run("me", written_ms=old), [counts(2)], [seen(Verdicts(noise=1), Times(1, old, young))]))
    await store.write(Batch(run("young", written_ms=young), [counts(4)], []))
    await store.write(Batch(run("me", written_ms=old), records=[record("1", at_ms=old), record("2", at_ms=young)]))
    assert await store.retain(Retention(10, timedelta(days=30)), "me", now) == 1
    past = await store.past("none")
    assert past.endpoints[ENDPOINT].requests == 6
    assert set(past.differences) == {NAME}
    assert await store.pair("1") is None
    assert await store.pair("2")


async def test_retention_by_number_keeps_examples_of_every_difference(store: Store) -> None:
    rare = [record(f"rare{i}", difference("$.rare"), at_ms=i) for i in range(3)]
    failed = [record(f"failed{i}", at_ms=10 + i, outcome="new_failed") for i in range(10)]
    flood = [record(f"flood{i}", difference("$.flood"), at_ms=100 + i) for i in range(200)]
    await store.write(Batch(run(), records=rare + failed + flood))
    gone = await store.retain(Retention(pairs=50), "run", 1000)
    assert gone == 163
    kept = {name for name in (one.id for one in rare + failed + flood) if await store.pair(name)}
    assert {"rare0", "rare1", "rare2"} <= kept
    assert {f"failed{i}" for i in range(10 - EXAMPLES, 10)} <= kept
    assert {f"flood{i}" for i in range(200 - 42, 200)} <= kept
    assert len(kept) == 50
    assert await store.retain(Retention(pairs=50), "run", 1000) == 0


async def test_retention_by_number_holds_even_with_more_differences_than_pairs(store: Store) -> None:
    records = [record(f"{i}-{j}", difference(f"$.f{i}"), at_ms=10 * i + j) for i in range(20) for j in range(7)]
    await store.write(Batch(run(), records=records))
    await store.retain(Retention(pairs=30), "run", 1000)
    kept = [one for one in records if await store.pair(one.id)]
    assert len(kept) == 30
    assert {one.signatures for one in kept} == {one.signatures for one in records}, "one of each at least"
    await store.retain(Retention(pairs=7), "run", 1000)
    assert len([one for one in records if await store.pair(one.id)]) == 7


async def test_the_migrations_make_the_tables_that_the_code_uses(store: Store) -> None:
    await store.prepare()

    def differences(connection: sa.Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        return list(compare_metadata(context, METADATA))

    async with store.transaction() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(store: Store, store_url: str) -> None:
    await store.write(Batch(run(), [counts(1)]))
    async with store.transaction(write=True) as connection:
        await connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    other = open_store(store_url)
    with pytest.raises(StoreTooNewError, match=r"revision 9999.*knows only up to 0002.*newer version"):
        await other.prepare()
    with pytest.raises(StoreTooNewError):
        await other.write(Batch(run("b")))
    await other.close()
    assert await store.runs() == {"run": 1}


async def test_two_processes_may_begin_at_once(store_url: str) -> None:
    stores = [open_store(store_url) for _ in range(4)]
    await asyncio.gather(*(one.prepare() for one in stores))
    await asyncio.gather(*(one.write(Batch(run(str(i)), [counts(1)])) for i, one in enumerate(stores)))
    assert len(await stores[0].runs()) == 4
    for one in stores:
        await one.close()


async def test_a_table_of_somebody_else_is_not_touched(store: Store) -> None:
    async with store.transaction(write=True) as connection:
        await connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        await connection.execute(sa.text("INSERT INTO alembic_version VALUES ('theirs')"))
    await store.close()
    await store.prepare()
    async with store.transaction() as connection:
        assert (await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalar_one() == "theirs"


async def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'x.db'}")
    await store.write(Batch(run(), [counts(1)]))
    modes = {name: stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in os.listdir(tmp_path)}
    await store.close()
    assert set(modes) == {"x.db", "x.db-shm", "x.db-wal"}
    assert set(modes.values()) == {0o600}


async def test_the_file_gives_back_what_retention_freed(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'x.db'}")
    noise = [json.dumps(pair(f"p{i}", difference(old=str(i) * 40), at_ms=1)).encode() for i in range(3000)]
    await store.write(Batch(run(), records=[made for raw in noise if (made := read_record(raw))]))
    await store.close()
    before = os.stat(tmp_path / "x.db").st_size
    await store.retain(Retention(keep=timedelta(days=1)), "run", 10 * DAY)
    await store.close()
    assert os.stat(tmp_path / "x.db").st_size < before / 5


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("parallelrun.db", "expected sqlite:///FILE"),
        ("mysql://x", "not mysql://"),
        ("sqlite://", "SQLite needs a file"),
        ("sqlite:///:memory:", "SQLite needs a file"),
        ("sqlite:///file:x?mode=memory", "SQLite needs a file"),
        ("postgresql://u:hunter2@h:port/x", "expected sqlite:///FILE"),
        ("", "expected sqlite:///FILE"),
    ],
)
def test_a_url_that_names_no_store_is_refused(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        open_store(url)
    assert "hunter2" not in str(caught.value)


def test_the_password_is_never_shown() -> None:
    assert open_store("postgresql://u:hunter2@h/x").place == "postgresql://u:***@h/x"
    assert open_store("sqlite:////var/x.db").place == "sqlite:////var/x.db"
