"""The statements behind the store, for both databases. Each runs in the transaction of the connection it is given."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from parallelrun.evidence.counters import EndpointCounts
from parallelrun.evidence.model import VERDICT_RANK, Difference, Example, Past, Run, Times
from parallelrun.evidence.records import Record
from parallelrun.evidence.schema import DIFFERENCES, ENDPOINTS, FACTS, PAIRS, RUNS, SHOWN, VERDICTS
from parallelrun.evidence.status import Verdicts

Insert = postgresql.Insert | sqlite.Insert


def insert(connection: AsyncConnection, table: sa.Table) -> Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


async def upsert(
    connection: AsyncConnection, table: sa.Table, rows: Sequence[dict[str, Any]], kept: dict[str, str] | None = None
) -> None:
    """Writes the rows over those with the same key. Of the columns in `kept`, the smaller (`min`) or larger (`max`)
    value stays.
    """
    if not rows:
        return
    statement = insert(connection, table)
    key = [column.name for column in table.primary_key]
    new: dict[str, sa.ColumnElement[Any]] = {}
    for column in table.columns:
        if column.name in key:
            continue
        given = statement.excluded[column.name]
        match (kept or {}).get(column.name):
            case "min":
                new[column.name] = sa.case((column < given, column), else_=given)
            case "max":
                new[column.name] = sa.case((column > given, column), else_=given)
            case _:
                new[column.name] = given
    await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=new), rows)


async def write_run(connection: AsyncConnection, run: Run) -> None:
    await upsert(connection, RUNS, [asdict(run)])


async def write_endpoints(connection: AsyncConnection, run: str, endpoints: Sequence[EndpointCounts]) -> None:
    rows = [
        {
            "run": run,
            "id": hashlib.sha256(counts.endpoint.encode()).hexdigest()[:16],
            "counts": counts.model_dump_json().encode(),
        }
        for counts in endpoints
    ]
    await upsert(connection, ENDPOINTS, rows)


async def write_differences(connection: AsyncConnection, run: str, differences: Sequence[Difference]) -> None:
    known = [
        {
            "signature": one.signature,
            "endpoint": _plain(one.endpoint),
            "location": _plain(one.location),
            "kind": _plain(one.kind),
            "first_ms": one.times.first,
            "shown_ms": one.times.shown,
            "hidden_ms": one.times.hidden,
        }
        for one in differences
    ]
    await upsert(connection, DIFFERENCES, known, {"first_ms": "min", "shown_ms": "max", "hidden_ms": "max"})
    counts = [{"run": run, "signature": one.signature, **asdict(one.verdicts)} for one in differences]
    await upsert(connection, VERDICTS, counts)


async def write_records(connection: AsyncConnection, records: Sequence[Record]) -> None:
    if not records:
        return
    pairs = [
        {
            "id": record.id,
            "at_ms": record.at_ms,
            "endpoint": _plain(record.endpoint),
            "outcome": _plain(record.outcome),
            "record": record.deflated,
        }
        for record in records
    ]
    await connection.execute(insert(connection, PAIRS).on_conflict_do_nothing(), pairs)
    shown: dict[tuple[str, str], dict[str, Any]] = {}
    for record in records:
        for name, difference in zip(record.signatures, record.differences, strict=True):
            row = {
                "pair": record.id,
                "signature": name,
                "verdict": difference.verdict,
                "old": _plain(difference.old),
                "new": _plain(difference.new),
            }
            known = shown.get((record.id, name))
            if known is None or VERDICT_RANK[difference.verdict] < VERDICT_RANK[known["verdict"]]:
                shown[record.id, name] = row
    if shown:
        await connection.execute(insert(connection, SHOWN).on_conflict_do_nothing(), list(shown.values()))


async def write_facts(connection: AsyncConnection, facts: dict[str, str]) -> None:
    await upsert(connection, FACTS, [{"name": name, "value": value} for name, value in facts.items()])


async def read_runs(connection: AsyncConnection) -> dict[str, int]:
    rows = await connection.execute(sa.select(RUNS.c.id, RUNS.c.written_ms))
    return {row.id: row.written_ms for row in rows}


async def read_past(connection: AsyncConnection, run: str) -> Past:
    started, lost = (
        await connection.execute(
            sa.select(sa.func.min(RUNS.c.started_ms), sa.func.sum(RUNS.c.lost)).where(RUNS.c.id != run)
        )
    ).one()
    counts = (await connection.execute(sa.select(ENDPOINTS.c.counts).where(ENDPOINTS.c.run != run))).scalars().all()
    return Past(
        since_ms=started,
        endpoints=await asyncio.to_thread(_merge, counts),
        differences=await _read_differences(connection, run),
        examples=await _read_examples(connection),
        lost=int(lost or 0),
    )


def _merge(counts: Sequence[bytes]) -> dict[str, EndpointCounts]:
    merged: dict[str, EndpointCounts] = {}
    for text in counts:
        one = EndpointCounts.model_validate_json(text)
        before = merged.get(one.endpoint)
        merged[one.endpoint] = before + one if before else one
    return merged


async def _read_differences(connection: AsyncConnection, run: str) -> dict[str, Difference]:
    names = ("confirmed", "unconfirmed", "noise", "race", "ignored")
    sums = [sa.func.sum(VERDICTS.c[name]).label(name) for name in names]
    rows = await connection.execute(
        sa.select(DIFFERENCES, *sums)
        .join(VERDICTS, VERDICTS.c.signature == DIFFERENCES.c.signature)
        .where(VERDICTS.c.run != run)
        .group_by(*DIFFERENCES.columns)
    )
    return {
        row.signature: Difference(
            row.signature,
            row.endpoint,
            row.location,
            row.kind,
            Verdicts(*(int(getattr(row, name)) for name in names)),
            Times(row.first_ms, row.shown_ms, row.hidden_ms),
        )
        for row in rows
    }


def example_order() -> tuple[sa.ColumnElement[Any], ...]:
    """The order of `Example.better_than`, best first, over the pairs of one signature."""
    return (sa.case(VERDICT_RANK, value=SHOWN.c.verdict), PAIRS.c.at_ms.desc(), PAIRS.c.id)


async def _read_examples(connection: AsyncConnection) -> dict[str, Example]:
    place = sa.func.row_number().over(partition_by=SHOWN.c.signature, order_by=example_order()).label("place")
    ranked = sa.select(SHOWN, PAIRS.c.at_ms, place).join(PAIRS, PAIRS.c.id == SHOWN.c.pair).subquery()
    rows = await connection.execute(sa.select(ranked).where(ranked.c.place == 1))
    return {row.signature: Example(row.pair, row.at_ms, row.verdict, row.old, row.new) for row in rows}


async def read_fact(connection: AsyncConnection, name: str) -> str | None:
    found = await connection.execute(sa.select(FACTS.c.value).where(FACTS.c.name == name))
    return cast("str | None", found.scalar_one_or_none())


async def read_record(connection: AsyncConnection, pair: str) -> bytes | None:
    found = await connection.execute(sa.select(PAIRS.c.record).where(PAIRS.c.id == pair))
    return cast("bytes | None", found.scalar_one_or_none())


async def read_newest(connection: AsyncConnection, limit: int) -> list[bytes]:
    found = await connection.execute(sa.select(PAIRS.c.record).order_by(PAIRS.c.at_ms.desc(), PAIRS.c.id).limit(limit))
    return list(found.scalars())


def _plain(text: str | None) -> str | None:
    """PostgreSQL cannot hold U+0000 in a text; the picture of it stands in. The record itself is bytes and keeps it."""
    return None if text is None else text.replace("\0", "\N{SYMBOL FOR NULL}")
