"""The new shop's connections, and the two ways in which everything else asks PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

Row = dict[str, Any]
Values = Sequence[Any] | Mapping[str, Any]
Connection = AsyncConnection[Row]
Pool = AsyncConnectionPool[Connection]


def pool(url: str) -> Pool:
    """Makes a pool of connections; it opens when the service starts."""
    return AsyncConnectionPool(
        url, connection_class=AsyncConnection[Row], kwargs={"row_factory": dict_row}, min_size=2, max_size=8, open=False
    )


async def rows(connection: Connection, query: LiteralString, values: Values = ()) -> list[Row]:
    return await (await connection.execute(query, values)).fetchall()


async def row(connection: Connection, query: LiteralString, values: Values = ()) -> Row | None:
    return await (await connection.execute(query, values)).fetchone()


def utc(moment: datetime) -> str:
    """Writes a moment as the shop does: 2026-03-01T09:30:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
