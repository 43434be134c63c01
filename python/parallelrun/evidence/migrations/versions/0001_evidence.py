"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "parallelrun_runs",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("written_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("lost", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_parallelrun_runs"),
    )
    op.create_table(
        "parallelrun_endpoints",
        sa.Column("run", sa.String(32), nullable=False),
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("counts", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("run", "id", name="pk_parallelrun_endpoints"),
        sa.ForeignKeyConstraint(
            ["run"], ["parallelrun_runs.id"], name="fk_parallelrun_endpoints_run", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "parallelrun_differences",
        sa.Column("signature", sa.String(12), nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("first_ms", sa.BigInteger, nullable=False),
        sa.Column("shown_ms", sa.BigInteger, nullable=False),
        sa.Column("hidden_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("signature", name="pk_parallelrun_differences"),
    )
    op.create_table(
        "parallelrun_verdicts",
        sa.Column("run", sa.String(32), nullable=False),
        sa.Column("signature", sa.String(12), nullable=False),
        sa.Column("confirmed", sa.BigInteger, nullable=False),
        sa.Column("unconfirmed", sa.BigInteger, nullable=False),
        sa.Column("noise", sa.BigInteger, nullable=False),
        sa.Column("race", sa.BigInteger, nullable=False),
        sa.Column("ignored", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("run", "signature", name="pk_parallelrun_verdicts"),
        sa.ForeignKeyConstraint(
            ["run"], ["parallelrun_runs.id"], name="fk_parallelrun_verdicts_run", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["signature"],
            ["parallelrun_differences.signature"],
            name="fk_parallelrun_verdicts_signature",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "parallelrun_pairs",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_parallelrun_pairs"),
    )
    op.create_index("ix_parallelrun_pairs_at_ms", "parallelrun_pairs", ["at_ms"])
    op.create_table(
        "parallelrun_pair_differences",
        sa.Column("pair", sa.String(64), nullable=False),
        sa.Column("signature", sa.String(12), nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("old", sa.Text),
        sa.Column("new", sa.Text),
        sa.PrimaryKeyConstraint("pair", "signature", name="pk_parallelrun_pair_differences"),
        sa.ForeignKeyConstraint(
            ["pair"], ["parallelrun_pairs.id"], name="fk_parallelrun_pair_differences_pair", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_parallelrun_pair_differences_signature", "parallelrun_pair_differences", ["signature"])
    op.create_table(
        "parallelrun_facts",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_parallelrun_facts"),
    )


def downgrade() -> None:
    raise NotImplementedError("evidence is never migrated backwards: start with another store")
