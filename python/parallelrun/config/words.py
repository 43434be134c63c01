"""Numbers and times in words, the same wherever people read them."""

from datetime import datetime

_OF_ONE = {"are": "is", "do": "does", "were": "was"}


def number(count: int, noun: str) -> str:
    """`1 endpoint`, `1,234 endpoints`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def verb(count: int, plural: str) -> str:
    """`waits` of one, `wait` of any other number."""
    return plural if count != 1 else _OF_ONE.get(plural, f"{plural}s")


def span(seconds: float) -> str:
    """`40 s`, `5 min`, `3 h`, `2 d`."""
    for limit, unit, size in ((120.0, "s", 1), (7200.0, "min", 60), (172_800.0, "h", 3600)):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def time(moment: datetime) -> str:
    """`2026-03-01 10:00:00 UTC`."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
