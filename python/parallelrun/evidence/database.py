"""The engine behind a store URL: SQLite in a file, or PostgreSQL."""

import importlib.util
import os
import stat
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

BUSY_S = 2.0
"""How long SQLite waits for another process's lock."""
CONNECT_S = 5.0
COMMAND_S = 10.0
"""How long one statement may take on PostgreSQL."""

_EXPECTED = "expected sqlite:///FILE, sqlite:////ABSOLUTE/FILE or postgresql://USER@HOST/DATABASE"


def parse_url(text: str) -> sa.URL:
    """The URL with the driver that parallelrun uses.

    Raises:
        ValueError: it names no database that can hold evidence. The message never holds the URL, which may hold a
            password.
    """
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise ValueError(_EXPECTED) from None
    backend = url.drivername.partition("+")[0]
    if backend == "sqlite":
        if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
            raise ValueError("SQLite needs a file, such as sqlite:///parallelrun.db")
        return url.set(drivername="sqlite+aiosqlite")
    if backend in ("postgresql", "postgres"):
        if importlib.util.find_spec("asyncpg") is None:
            raise ValueError("PostgreSQL needs asyncpg: pip install 'parallelrun[postgresql]'")
        query = dict(url.query)
        if "sslmode" in query:  # libpq's word, which people paste; asyncpg says `ssl`
            query["ssl"] = query.pop("sslmode")
        return url.set(drivername="postgresql+asyncpg", query=query)
    raise ValueError(f"{_EXPECTED}, not {backend}://")


def file_of(url: sa.URL) -> Path | None:
    """The file of a SQLite database; None for a server."""
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def create_private(path: Path) -> None:
    """Creates the file, readable by nobody else, where it is missing: it will hold bodies of real answers."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, stat.S_IRUSR | stat.S_IWUSR))


def make_engine(url: sa.URL) -> AsyncEngine:
    """An engine whose transactions begin as the connection's `write` option says; connects to nothing yet."""
    if url.get_backend_name() == "postgresql":
        return create_async_engine(
            url,
            pool_size=3,
            max_overflow=2,
            pool_pre_ping=True,
            pool_timeout=CONNECT_S,
            connect_args={"timeout": CONNECT_S, "command_timeout": COMMAND_S},
        )
    engine = create_async_engine(
        url, pool_size=3, max_overflow=2, pool_timeout=CONNECT_S, connect_args={"timeout": BUSY_S}
    )
    sa.event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    sa.event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions begin and end where we say, not where the driver guesses
    cursor = connection.cursor()
    cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")  # has a say only before the first table
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")  # with WAL a power cut may lose the last moments, never the file
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads first and then wants to write can fail at once with "database is locked", without
    # waiting.
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
