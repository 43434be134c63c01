"""Times as people and machines read them."""

from datetime import UTC, datetime


def moment(ms: int) -> datetime:
    """Milliseconds since the epoch, as a time in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def maybe(ms: int | None) -> datetime | None:
    """`moment`, or None for None."""
    return None if ms is None else moment(ms)
