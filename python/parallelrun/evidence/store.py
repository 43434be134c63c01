"""The store: writes batches of evidence, reads them back. It holds nothing itself and may fail at any time; the
collector copes.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from parallelrun.evidence import queries
from parallelrun.evidence.counters import EndpointCounts
from parallelrun.evidence.database import create_private, file_of, make_engine, parse_url
from parallelrun.evidence.migrate import StoreTooNewError, migrate
from parallelrun.evidence.model import Difference, Past, Run
from parallelrun.evidence.records import Record
from parallelrun.evidence.retention import Retention, retain, shrink


class StoreError(Exception):
    """The store did not do what was asked. The message is one line for people and holds no secret."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written in one transaction. All but the records are cumulative values, written over what is there."""

    run: Run
    endpoints: list[EndpointCounts] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    """With this run's counts."""
    records: list[Record] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)


def open_store(url: str) -> "Store":
    """The store at `sqlite:///FILE` or `postgresql://USER@HOST/DATABASE`. Touches nothing yet.

    Raises:
        ValueError: the URL names no database that can hold evidence, or its driver is not installed.
    """
    return Store(parse_url(url))


class Store:
    """Evidence in a database. Safe to use from several tasks of one event loop."""

    def __init__(self, url: sa.URL) -> None:
        self.place = url.render_as_string(hide_password=True).replace("+aiosqlite", "").replace("+asyncpg", "")
        """The URL for people, without its password."""
        self.epoch = 0
        """Grows each time a database is found that may lack what was written before: at first, and when the file was
        replaced.
        """
        self._url = url
        self._file = file_of(url)
        self._identity: tuple[int, int] | None = None
        self._engine: AsyncEngine | None = None
        self._preparing = asyncio.Lock()
        self._faults = _faults(url)

    async def prepare(self) -> None:
        """Connects and brings the tables up to date. Every other call does so by itself; at the start it gives the
        clear error.

        Raises:
            StoreTooNewError: a newer version of parallelrun has written this database.
            StoreError: the database does not answer, or refuses.
        """
        async with self.transaction():
            pass

    async def write(self, batch: Batch) -> None:
        """Writes all of the batch or nothing of it. Writing the same batch again changes nothing.

        Raises:
            StoreTooNewError, StoreError: as `prepare`.
        """
        async with self.transaction(write=True) as connection:
            await queries.write_run(connection, batch.run)
            await queries.write_endpoints(connection, batch.run.id, batch.endpoints)
            await queries.write_differences(connection, batch.run.id, batch.differences)
            await queries.write_records(connection, batch.records)
            await queries.write_facts(connection, batch.facts)

    async def runs(self) -> dict[str, int]:
        """When each run was last written, in ms since the epoch.

        Raises:
            StoreTooNewError, StoreError: as `prepare`.
        """
        async with self.transaction() as connection:
            return await queries.read_runs(connection)

    async def past(self, run: str) -> Past:
        """What the runs other than `run` left behind, and the best example of each difference.

        Raises:
            StoreTooNewError, StoreError: as `prepare`.
        """
        async with self.transaction() as connection:
            return await queries.read_past(connection, run)

    async def fact(self, name: str) -> str | None:
        """A single value; None where it was never written.

        Raises:
            StoreTooNewError, StoreError: as `prepare`.
        """
        async with self.transaction() as connection:
            return await queries.read_fact(connection, name)

    async def pair(self, pair: str) -> bytes | None:
        """The deflated record of a pair (`records.read_pair`); None where there is no such pair.

        Raises:
            StoreTooNewError, StoreError: as `prepare`.
        """
        async with self.transaction() as connection:
            return await queries.read_record(connection, pair)

    async def records(self, limit: int) -> list[bytes]:
        """The deflated records of the newest pairs.

        Raises:
            StoreTooNewError, StoreError: as `prepare`.
        """
        async with self.transaction() as connection:
            return await queries.read_newest(connection, limit)

    async def retain(self, retention: Retention, run: str, now_ms: int) -> int:
        """Lets go of what is too old or too much; never of the run `run`.

        Returns:
            How many pairs went.

        Raises:
            StoreTooNewError, StoreError: as `prepare`.
        """
        async with self.transaction(write=True) as connection:
            gone = await retain(connection, retention, run, now_ms)
        if gone and self._file:
            with self._told():
                async with (await self._ready()).connect() as connection:
                    await shrink(connection)
        return gone

    async def close(self) -> None:
        """Closes every connection. The store may be used again; it connects anew then."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.dispose()

    @contextlib.asynccontextmanager
    async def transaction(self, *, write: bool = False) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction, which an exception within undoes; for the queries of this room.

        Raises:
            StoreTooNewError, StoreError: as `prepare`.
        """
        with self._told():
            async with (await self._ready()).connect() as plain:
                connection = await plain.execution_options(write=write)
                async with connection.begin():
                    yield connection

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self._faults as error:
            raise StoreError(describe(error)) from error

    async def _ready(self) -> AsyncEngine:
        async with self._preparing:
            if self._engine is not None and self._replaced():
                # The open connections still write into the file that somebody deleted.
                await self.close()
            if self._engine is None:
                if self._file:
                    create_private(self._file)
                engine = make_engine(self._url)
                try:
                    async with engine.connect() as plain:
                        connection = await plain.execution_options(write=True)
                        async with connection.begin():
                            await connection.run_sync(migrate)
                except BaseException:
                    await engine.dispose()
                    raise
                self._engine = engine
                self._identity = self._inode()
                self.epoch += 1
            return self._engine

    def _replaced(self) -> bool:
        return self._file is not None and self._inode() != self._identity

    def _inode(self) -> tuple[int, int] | None:
        if self._file is None:
            return None
        try:
            found = os.stat(self._file)
        except OSError:
            return None
        return (found.st_dev, found.st_ino)


def describe(error: BaseException) -> str:
    """The error in one line, without the statement and its values."""
    origin = getattr(error, "orig", None) or error
    while getattr(origin, "__cause__", None) is not None and type(origin).__module__.startswith("sqlalchemy"):
        origin = origin.__cause__
    text = " ".join(str(origin).split()) or type(origin).__name__
    return text.removeprefix("<class 'asyncpg.exceptions.").partition(" [SQL:")[0][:300]


def _faults(url: sa.URL) -> tuple[type[Exception], ...]:
    general: tuple[type[Exception], ...] = (sa.exc.SQLAlchemyError, OSError, TimeoutError, sqlite3.Error)
    if url.get_backend_name() != "postgresql":
        return general
    import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415 - optional, for this kind of store only

    return (*general, asyncpg.PostgresError, asyncpg.InterfaceError)


__all__ = ["Batch", "Store", "StoreError", "StoreTooNewError", "describe", "open_store"]
