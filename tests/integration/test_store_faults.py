"""What a store can do to us, done for real: evidence is held, then counted as lost, and flows again afterwards."""

import asyncio
import contextlib
import json
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from parallelrun.evidence import database, open_store
from parallelrun.evidence.collector import Collector
from tests.support.fake_core import Clock, FakeCore, answer, difference, pair
from tests.support.postgres import Postgres
from tests.support.until import until

ENDPOINT = "GET /orders/{id}"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    monkeypatch.setattr(database, "CONNECT_S", 1.0)
    monkeypatch.setattr(database, "COMMAND_S", 0.5)


class Rig:
    """A collector between a fake core and a store, with a steady supply of evidence."""

    def __init__(self, url: str, hold_bytes: int = 2**20) -> None:
        self.url = url
        self.core = FakeCore()
        self.store = open_store(url)
        self.collector = Collector(self.core, self.store, interval=0.01, hold_bytes=hold_bytes, clock=Clock())
        self.fed = 0

    def feed(self, pairs: int = 5) -> None:
        """So many pairs and requests more; the bodies do not deflate."""
        for _ in range(pairs):
            text = os.urandom(2000).hex()
            self.core.record(pair(f"p{self.fed}", difference(), old=answer(text=text)))
            self.fed += 1
        self.core.count(ENDPOINT, "mismatch", pairs)
        self.core.differ(confirmed=pairs)

    async def fails(self, words: str) -> None:
        await until(lambda: words in (self.collector.health.error or ""), f"{words}, not {self.collector.health.error}")

    async def recovers(self) -> None:
        await until(lambda: self.collector.health.error is None and self.collector.held == (0, 0), "recovery")

    async def all_there(self, *, lost: int = 0) -> None:
        """Every count is in the store, and every pair that was not lost."""
        await self.collector.stop()
        assert self.collector.lost == lost
        past = await self.store.past("another")
        assert past.endpoints[ENDPOINT].requests == self.fed
        (only,) = past.differences.values()
        assert only.verdicts.confirmed == self.fed
        assert await self.count() == self.fed - lost

    async def count(self) -> int:
        stored = [await self.store.pair(f"p{number}") for number in range(self.fed)]
        return sum(one is not None for one in stored)


@contextlib.asynccontextmanager
async def rig(url: str, **options: int) -> AsyncIterator[Rig]:
    made = Rig(url, **options)
    await made.collector.start()
    made.feed()
    await until(lambda: made.collector.health.written_ms)
    await made.recovers()
    try:
        yield made
    finally:
        await made.collector.stop(grace=1)
        await made.store.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "evidence.db"


@contextlib.asynccontextmanager
async def locked(file: Path) -> AsyncIterator[None]:
    """Another process writes, and takes its time."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")  # perhaps the collector has to finish first
        yield
        other.execute("ROLLBACK")


async def test_a_locked_file(file: Path) -> None:
    async with rig(f"sqlite:///{file}") as it:
        async with locked(file):
            it.feed()
            await it.fails("locked")
            assert it.collector.held[0] == 5
            assert it.collector.evidence.ledger().requests == 10, "what is shown does not need the store"
        await it.recovers()
        await it.all_there()


async def test_more_than_memory_holds_is_lost_and_counted(file: Path) -> None:
    async with rig(f"sqlite:///{file}", hold_bytes=100_000) as it:
        async with locked(file):
            it.feed(300)
            await until(lambda: it.collector.lost > 200)
            assert it.collector.held[1] <= 100_000
        await it.recovers()
        lost = it.collector.lost
        assert await it.count() == it.fed - lost
        await it.all_there(lost=lost)


async def test_a_deleted_file(file: Path) -> None:
    async with rig(f"sqlite:///{file}") as it:
        for name in list(os.listdir(file.parent)):
            (file.parent / name).unlink()
        it.feed()
        await until(file.exists)
        await it.recovers()
        await it.collector.stop()
        past = await it.store.past("another")
        assert past.endpoints[ENDPOINT].requests == 10, "the counters of this run are written again"
        assert await it.count() == 5, "the pairs that were in the file are gone with it"


async def test_a_deleted_directory(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    async with rig(f"sqlite:///{directory / 'evidence.db'}") as it:
        for name in list(os.listdir(directory)):
            (directory / name).unlink()
        directory.rmdir()
        it.feed()
        await it.fails("No such file or directory")
        assert it.collector.held[0] == 5
        directory.mkdir()
        await it.recovers()
        await it.collector.stop()
        assert (await it.store.past("another")).endpoints[ENDPOINT].requests == 10


async def test_a_file_that_is_no_database(file: Path) -> None:
    async with rig(f"sqlite:///{file}") as it:
        replacement = file.parent / "other"
        await asyncio.to_thread(replacement.write_bytes, b"this is not a database" * 1000)
        for name in ("evidence.db-wal", "evidence.db-shm"):
            (file.parent / name).unlink(missing_ok=True)
        os.replace(replacement, file)
        it.feed()
        await it.fails("not a database")
        os.unlink(file)
        await it.recovers()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=False, capture_output=True
        ).returncode
    )
    if not mounted:
        pytest.skip("mounting a file system needs root; the test with a limit on the file's size runs everywhere")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


async def test_a_full_disk(small_disk: Path) -> None:
    async with rig(f"sqlite:///{small_disk / 'evidence.db'}") as it:
        ballast = small_disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        it.feed(50)
        await it.fails("full")
        assert it.collector.held[0] == 50
        ballast.unlink()
        await it.recovers()
        await it.all_there()


def test_a_file_that_may_not_grow(file: Path) -> None:
    """The same without root: the system refuses to let files grow: for a whole process, so in another one."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.integration.test_store_faults", str(file)],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout.splitlines()[-1])
    assert report == {"failed": True, "held": 50, "lost": 0}


async def _under_a_limit(file: str) -> dict[str, object]:
    async with rig(f"sqlite:///{file}") as it:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = max(os.stat(path).st_size for path in (file, f"{file}-wal"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        it.feed(50)
        await until(lambda: it.collector.health.error)
        report: dict[str, object] = {"failed": True, "held": it.collector.held[0]}
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await it.recovers()
        await it.all_there()
        return {**report, "lost": it.collector.lost}


@pytest.fixture
def mortal() -> Iterator[Postgres]:
    """A PostgreSQL of this test's own."""
    server = Postgres()
    yield server
    server.close()


async def test_a_postgresql_that_is_killed_and_comes_back(mortal: Postgres) -> None:
    async with rig(mortal.database()) as it:
        mortal.kill()
        it.feed()
        await until(lambda: it.collector.health.error)
        assert it.collector.held[0] == 5
        mortal.restart()
        await it.recovers()
        await it.all_there()


async def test_a_postgresql_that_no_longer_answers(mortal: Postgres) -> None:
    async with rig(mortal.database()) as it:
        mortal.freeze()
        it.feed()
        await until(lambda: it.collector.health.error)
        assert it.collector.held[0] == 5
        mortal.thaw()
        await it.recovers()
        await it.all_there()


async def test_a_postgresql_that_was_never_there(tmp_path: Path) -> None:
    store = open_store(f"postgresql://postgres@/x?host={tmp_path}")
    core = FakeCore()
    collector = Collector(core, store, interval=0.01, hold_bytes=2**20)
    await collector.start()
    core.record(pair("p1", difference()))
    await until(lambda: collector.health.error)
    await until(lambda: collector.held[0])
    await collector.stop(grace=1)
    assert collector.lost == 1
    await store.close()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_under_a_limit(sys.argv[1]))))
