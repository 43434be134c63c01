"""The tables. Their history is in migrations/; a test holds both together.

Every number of a run is stored as the run's cumulative value, written over again with each flush: a restart begins a
new run and loses nothing, a flush that is tried twice counts nothing twice, and the whole is the sum over the runs.
"""

import sqlalchemy as sa

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA = sa.MetaData(naming_convention=NAMES)

RUNS = sa.Table(
    "parallelrun_runs",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("written_ms", sa.BigInteger, nullable=False),
    sa.Column("ended_ms", sa.BigInteger),
    sa.Column("lost", sa.BigInteger, nullable=False),
)
"""One process each. `lost`: pairs that never reached the store."""


def _run() -> sa.Column[str]:
    return sa.Column("run", sa.ForeignKey("parallelrun_runs.id", ondelete="CASCADE"), primary_key=True)


ENDPOINTS = sa.Table(
    "parallelrun_endpoints",
    METADATA,
    _run(),
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("counts", sa.LargeBinary, nullable=False),
)
"""The ledger of an endpoint in a run: an `EndpointCounts` as JSON. `id` is a hash of its name, which may be too long
for an index.
"""

DIFFERENCES = sa.Table(
    "parallelrun_differences",
    METADATA,
    sa.Column("signature", sa.String(12), primary_key=True),
    sa.Column("endpoint", sa.Text, nullable=False),
    sa.Column("location", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("first_ms", sa.BigInteger, nullable=False),
    sa.Column("shown_ms", sa.BigInteger, nullable=False),
    sa.Column("hidden_ms", sa.BigInteger, nullable=False),
)
"""Each difference ever seen. `shown_ms`/`hidden_ms`: when it was last seen in the open / hidden by a rule; 0 for never.
"""

VERDICTS = sa.Table(
    "parallelrun_verdicts",
    METADATA,
    _run(),
    sa.Column("signature", sa.ForeignKey("parallelrun_differences.signature", ondelete="CASCADE"), primary_key=True),
    sa.Column("confirmed", sa.BigInteger, nullable=False),
    sa.Column("unconfirmed", sa.BigInteger, nullable=False),
    sa.Column("noise", sa.BigInteger, nullable=False),
    sa.Column("race", sa.BigInteger, nullable=False),
    sa.Column("ignored", sa.BigInteger, nullable=False),
)
"""The pairs of a run that showed a difference, by verdict."""

PAIRS = sa.Table(
    "parallelrun_pairs",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("endpoint", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
)
"""Example pairs; `record` is the core's JSON, deflated."""

SHOWN = sa.Table(
    "parallelrun_pair_differences",
    METADATA,
    sa.Column("pair", sa.ForeignKey("parallelrun_pairs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("signature", sa.String(12), primary_key=True, index=True),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("old", sa.Text),
    sa.Column("new", sa.Text),
)
"""Which pair shows which difference."""

FACTS = sa.Table(
    "parallelrun_facts",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
"""Single values, such as the comparison rules in force."""

ROLLOUT = sa.Table(
    "parallelrun_rollout",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("memory", sa.LargeBinary, nullable=False),
)
"""The rollout, in one row (`id` 1). `revision` rises with each write: who writes has to know the last one. What `state`
and `memory` hold is the rollout's business.
"""

ROLLOUT_COUNTS = sa.Table(
    "parallelrun_rollout_counts",
    METADATA,
    sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("run", sa.String(32), primary_key=True),
    sa.Column("counts", sa.LargeBinary, nullable=False),
)
"""What each run has counted of the present epoch of the rollout."""


def _number() -> sa.Column[int]:
    return sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)


MOVES = sa.Table(
    "parallelrun_rollout_moves",
    METADATA,
    _number(),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("move", sa.Text, nullable=False),
)
"""What the rollout has done, as JSON."""

JOURNAL = sa.Table(
    "parallelrun_rollout_journal",
    METADATA,
    _number(),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("whole", sa.Boolean, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("entry", sa.LargeBinary, nullable=False),
)
"""The judge's journal: one deflated line each. From one that is `whole` on, no earlier one is needed."""
