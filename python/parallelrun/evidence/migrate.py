"""Brings a database to the tables of this version; refuses one that a newer version has already changed."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

VERSION_TABLE = "parallelrun_version"
"""Our own name: the database may be shared with an application that uses alembic too."""

_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 0x7061_7261_6C6C_656C  # "parallel"


class StoreTooNewError(Exception):
    """The database was written by a newer version of parallelrun."""


def migrate(connection: sa.Connection) -> None:
    """Applies what is missing, in the transaction that `connection` is in. Two processes at once wait for each other.

    Raises:
        StoreTooNewError: the database holds a revision that this version does not know.
    """
    if connection.dialect.name == "postgresql":  # on SQLite the transaction began as a writer and is alone already
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    present = context.get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if present is not None and present not in known:
        raise StoreTooNewError(
            f"the database is at revision {present}, and this version of parallelrun knows only up to "
            f"{scripts.get_current_head()}. Start the newer version, or point `store` at another database."
        )
    if present != scripts.get_current_head():
        command.upgrade(config, "head")
