"""Where a rollout is kept: its state, its counts, what it has done, and the journal of its verdicts. What they hold is
the rollout's business; here they are texts and bytes.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from parallelrun.evidence.queries import insert, upsert
from parallelrun.evidence.schema import JOURNAL, MOVES, ROLLOUT, ROLLOUT_COUNTS
from parallelrun.evidence.store import Store

MOST_MOVES = 1000
"""Older ones go."""
MOST_JOURNAL_BYTES = 64 * 1024 * 1024
"""Of deflated entries; the oldest go."""
_ROW = 1
_READ = 200
"""Entries that are read at a time."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A rollout as it was found."""

    revision: int
    state: str
    memory: bytes
    others: tuple[bytes, ...]
    """What other runs have counted of its epoch."""


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A line of the journal. `whole`: no earlier one is needed to understand it."""

    at_ms: int
    whole: bool
    entry: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """What is written in one transaction."""

    known: int
    """The revision that it follows; 0 where there is none yet."""
    epoch: int
    state: str
    memory: bytes
    run: str
    counts: bytes
    """What this run has counted of the epoch."""
    moves: Sequence[tuple[int, str]] = ()
    """When, in ms since the epoch, and what."""
    entries: Sequence[StoredEntry] = ()


class Rollouts:
    """The rollout of a store. Every method raises `StoreTooNewError` and `StoreError` as the store does."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def revision(self) -> int:
        """Of the last write; 0 where there has never been one."""
        async with self._store.transaction() as connection:
            return (await connection.execute(sa.select(ROLLOUT.c.revision))).scalar_one_or_none() or 0

    async def read(self, run: str) -> Stored | None:
        """The rollout, with the counts of the runs other than `run`; None where there has never been one."""
        async with self._store.transaction() as connection:
            row = (await connection.execute(sa.select(ROLLOUT))).one_or_none()
            if row is None:
                return None
            of_others = sa.select(ROLLOUT_COUNTS.c.counts).where(
                ROLLOUT_COUNTS.c.epoch == row.epoch, ROLLOUT_COUNTS.c.run != run
            )
            others = tuple((await connection.execute(of_others)).scalars())
            return Stored(row.revision, row.state, row.memory, others)

    async def write(self, change: Change) -> bool:
        """Writes all of it, or nothing of it because somebody else has written since it was read: False."""
        try:
            async with self._store.transaction(write=True) as connection:
                await _write_row(connection, change)
                await _write_rest(connection, change)
        except _OvertakenError:
            return False
        return True

    async def write_counts(self, epoch: int, run: str, counts: bytes) -> None:
        """Writes what a run has counted, and nothing else, if the epoch is still that one."""
        async with self._store.transaction(write=True) as connection:
            present = (await connection.execute(sa.select(ROLLOUT.c.epoch))).scalar_one_or_none()
            if present == epoch:
                await upsert(connection, ROLLOUT_COUNTS, [{"epoch": epoch, "run": run, "counts": counts}])

    async def moves(self, limit: int) -> list[str]:
        """The last moves, the newest first."""
        async with self._store.transaction() as connection:
            statement = sa.select(MOVES.c.move).order_by(MOVES.c.number.desc()).limit(limit)
            return list((await connection.execute(statement)).scalars())

    async def journal(self) -> AsyncIterator[bytes]:
        """The entries, the oldest first."""
        after = -1
        while True:
            async with self._store.transaction() as connection:
                statement = sa.select(JOURNAL.c.number, JOURNAL.c.entry).where(JOURNAL.c.number > after)
                rows = (await connection.execute(statement.order_by(JOURNAL.c.number).limit(_READ))).all()
            for row in rows:
                yield row.entry
                after = row.number
            if len(rows) < _READ:
                return

    async def trim(self, most_bytes: int = MOST_JOURNAL_BYTES, most_moves: int = MOST_MOVES) -> None:
        """Lets go of the oldest moves, and of the oldest entries up to one that is whole."""
        async with self._store.transaction(write=True) as connection:
            kept = sa.select(MOVES.c.number).order_by(MOVES.c.number.desc()).limit(1).offset(most_moves)
            await connection.execute(sa.delete(MOVES).where(MOVES.c.number <= kept.scalar_subquery()))
            newer = sa.func.sum(JOURNAL.c.bytes).over(order_by=JOURNAL.c.number.desc())
            summed = sa.select(JOURNAL.c.number, JOURNAL.c.whole, newer.label("newer")).subquery()
            first = sa.select(sa.func.min(summed.c.number)).where(summed.c.whole, summed.c.newer <= most_bytes)
            overfull = (await connection.execute(sa.select(sa.func.sum(JOURNAL.c.bytes)))).scalar_one() or 0
            if overfull > most_bytes:
                begin = (await connection.execute(first)).scalar_one_or_none()
                gone = sa.delete(JOURNAL) if begin is None else sa.delete(JOURNAL).where(JOURNAL.c.number < begin)
                await connection.execute(gone)


class _OvertakenError(Exception):
    """Somebody else wrote the rollout first."""


async def _write_row(connection: AsyncConnection, change: Change) -> None:
    row = {"revision": change.known + 1, "epoch": change.epoch, "state": change.state, "memory": change.memory}
    if change.known:
        same = (ROLLOUT.c.id == _ROW, ROLLOUT.c.revision == change.known)
        written = await connection.execute(sa.update(ROLLOUT).where(*same).values(**row))
    else:
        first = insert(connection, ROLLOUT).values(id=_ROW, **row)
        written = await connection.execute(first.on_conflict_do_nothing())
    if written.rowcount != 1:
        raise _OvertakenError


async def _write_rest(connection: AsyncConnection, change: Change) -> None:
    counts = {"epoch": change.epoch, "run": change.run, "counts": change.counts}
    await upsert(connection, ROLLOUT_COUNTS, [counts])
    await connection.execute(sa.delete(ROLLOUT_COUNTS).where(ROLLOUT_COUNTS.c.epoch < change.epoch))
    if change.moves:
        await connection.execute(sa.insert(MOVES), [{"at_ms": at, "move": move} for at, move in change.moves])
    if change.entries:
        rows = [
            {"at_ms": each.at_ms, "whole": each.whole, "bytes": len(each.entry), "entry": each.entry}
            for each in change.entries
        ]
        await connection.execute(sa.insert(JOURNAL), rows)
