"""What the store lets go of, and when: by age, and by number with some examples of every difference kept."""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from parallelrun.evidence.queries import example_order
from parallelrun.evidence.schema import DIFFERENCES, PAIRS, RUNS, SHOWN

EXAMPLES = 5
"""So many of the best pairs of each difference outlive newer pairs of others."""


@dataclass(frozen=True, slots=True)
class Retention:
    """`pairs`: how many pairs are kept (a tenth more between two passes). `keep`: how long anything is kept after it
    was last seen.
    """

    pairs: int = 10_000
    keep: timedelta = timedelta(days=30)

    @property
    def keep_ms(self) -> int:
        return self.keep // timedelta(milliseconds=1)


async def retain(connection: AsyncConnection, retention: Retention, run: str, now_ms: int) -> int:
    """Deletes what is too old or too much, except the run `run`; returns how many pairs went."""
    oldest = now_ms - retention.keep_ms
    gone = (await connection.execute(sa.delete(PAIRS).where(PAIRS.c.at_ms < oldest))).rowcount
    await connection.execute(sa.delete(RUNS).where(RUNS.c.written_ms < oldest, RUNS.c.id != run))
    last = sa.case(
        (DIFFERENCES.c.shown_ms > DIFFERENCES.c.hidden_ms, DIFFERENCES.c.shown_ms), else_=DIFFERENCES.c.hidden_ms
    )
    await connection.execute(sa.delete(DIFFERENCES).where(last < oldest))
    gone += await _thin(connection, retention.pairs)
    return gone


async def _thin(connection: AsyncConnection, pairs: int) -> int:
    """Deletes the oldest pairs above the number, sparing the best examples of each difference for as long as others
    will do.
    """
    gone = 0
    for spared in (EXAMPLES, 1, 0):
        count = (await connection.execute(sa.select(sa.func.count()).select_from(PAIRS))).scalar_one()
        if count <= pairs:
            break
        places = _places()
        best = sa.select(places.c.id, sa.func.min(places.c.place).label("place")).group_by(places.c.id).subquery()
        oldest = (
            sa.select(PAIRS.c.id)
            .join(best, best.c.id == PAIRS.c.id)
            .where(best.c.place > spared)
            .order_by(PAIRS.c.at_ms, PAIRS.c.id)
            .limit(count - pairs)
        )
        gone += (await connection.execute(sa.delete(PAIRS).where(PAIRS.c.id.in_(oldest)))).rowcount
    return gone


def _places() -> sa.Subquery:
    """Each pair's place among those that show the same difference; the others rank by endpoint and outcome."""
    differing = sa.select(
        PAIRS.c.id,
        sa.func.row_number().over(partition_by=SHOWN.c.signature, order_by=example_order()).label("place"),
    ).join(SHOWN, SHOWN.c.pair == PAIRS.c.id)
    others = sa.select(
        PAIRS.c.id,
        sa.func.row_number()
        .over(partition_by=(PAIRS.c.endpoint, PAIRS.c.outcome), order_by=(PAIRS.c.at_ms.desc(), PAIRS.c.id))
        .label("place"),
    ).where(~sa.exists().where(SHOWN.c.pair == PAIRS.c.id))
    return differing.union_all(others).subquery()


async def shrink(connection: AsyncConnection) -> None:
    """Gives the pages that SQLite freed back to the file system; outside of a transaction."""
    raw = await connection.get_raw_connection()
    # As a script, since the driver's `execute` takes one step of a statement without columns: one page.
    await raw.driver_connection.executescript("PRAGMA incremental_vacuum")  # type: ignore[union-attr]
