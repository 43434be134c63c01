"""The rollout: its state, its counts, its moves and its journal."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "parallelrun_rollout",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("memory", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_parallelrun_rollout"),
    )
    op.create_table(
        "parallelrun_rollout_counts",
        sa.Column("epoch", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("run", sa.String(32), nullable=False),
        sa.Column("counts", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("epoch", "run", name="pk_parallelrun_rollout_counts"),
    )
    op.create_table(
        "parallelrun_rollout_moves",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("move", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_parallelrun_rollout_moves"),
    )
    op.create_table(
        "parallelrun_rollout_journal",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("whole", sa.Boolean, nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("entry", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_parallelrun_rollout_journal"),
    )


def downgrade() -> None:
    raise NotImplementedError("evidence is never migrated backwards: start with another store")
