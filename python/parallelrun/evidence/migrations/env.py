"""What alembic runs: on the connection that `database.migrate` hands over, inside its transaction."""

from alembic import context

from parallelrun.evidence.migrate import VERSION_TABLE
from parallelrun.evidence.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
context.run_migrations()
