"""Whether a difference is at one of the places where none is tolerated."""

import json
import re
from collections.abc import Sequence
from functools import lru_cache

Step = frozenset[str] | None
"""Any of these names; None is any member or item. Locations have no indexes, so an index, a slice or a filter in a
place is any item, too: rather one rollback too many than one too few."""
_DEEP: Step = frozenset()
"""Any number of steps, as in `$..total`."""

_NAME = re.compile(r"[^.\[]+")
_QUOTED = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*(?:,|$)""", re.DOTALL)
_GONE = ("missing", "type")
"""Kinds of differences that leave nothing of what was below."""


@lru_cache(maxsize=16_384)  # asked each second of each difference, of which there are at most 10,000
def at_one_of(places: tuple[str, ...], location: str, kind: str) -> bool:
    """Whether a difference is at one of the places or below one.

    It also is if a value above the place is missing or of another type, since the place is gone with it; except the
    whole document, of which nobody knows whether it ever had the place.

    Args:
        places: as in `rollout.never`: `status`, `body`, `header:NAME`, `header:*` or a JSONPath.
        location: of the difference.
        kind: of the difference.
    """
    return any(_covers(place, location, kind) for place in places)


def _covers(place: str, location: str, kind: str) -> bool:
    in_body, wanted_in_body = location.startswith("$"), place.startswith("$")
    if not (in_body and wanted_in_body):
        above = place == "header:*" and location.startswith("header:")
        return above or place == location or (place == "body" and in_body)
    wanted, found = _steps(place), _steps(location)
    return _reaches(wanted, found) or (kind in _GONE and _above(wanted, found))


def _reaches(place: Sequence[Step], location: Sequence[Step]) -> bool:
    """Whether the location is at the place or below it."""
    if not place:
        return True
    if place[0] == _DEEP:
        return any(_reaches(place[1:], location[skipped:]) for skipped in range(len(location) + 1))
    return bool(location) and _meets(place[0], location[0]) and _reaches(place[1:], location[1:])


def _above(place: Sequence[Step], location: Sequence[Step]) -> bool:
    """Whether the place is below the location, which is not the whole document."""
    return 0 < len(location) < len(place) and all(_meets(*steps) for steps in zip(place, location, strict=False))


def _meets(place: Step, location: Step) -> bool:
    return place is None or (location is not None and bool(place & location))


def _steps(path: str) -> tuple[Step, ...]:
    """The steps of a JSONPath that the core takes for one."""
    steps: list[Step] = []
    rest = path[1:].strip()
    while rest:
        if rest.startswith(".."):
            steps.append(_DEEP)
            rest = rest[2:] if rest[2:3] == "[" else rest[1:]
        elif rest.startswith("["):
            end = _closing(rest)
            steps.append(_selected(rest[1:end].strip()))
            rest = rest[end + 1 :].lstrip()
        else:
            rest = rest.lstrip(". ")
            name = _NAME.match(rest)
            if name is None:
                break
            steps.append(None if name[0].strip() == "*" else frozenset({name[0].strip()}))
            rest = rest[name.end() :]
    return tuple(steps)


def _closing(text: str) -> int:
    """Where the bracket that `text` begins with is closed."""
    depth, quote, at = 0, "", 0
    while at < len(text):
        char = text[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
            if not depth:
                return at
        at += 1
    return len(text)


def _selected(inside: str) -> Step:
    """Names in quotes, one or several; anything else may be any item."""
    names, at = set(), 0
    while at < len(inside):
        quoted = _QUOTED.match(inside, at)
        if quoted is None:
            return None
        names.add(_plain(quoted[1] if quoted[1] is not None else quoted[2]))
        at = quoted.end()
    return frozenset(names) or None


def _plain(quoted: str) -> str:
    """A quoted name without its escapes, which are those of JSON, and an apostrophe."""
    escaped = re.sub(r'(?<!\\)"', r"\"", quoted.replace("\\'", "'"))
    try:
        return str(json.loads(f'"{escaped}"', strict=False))
    except ValueError:
        return quoted
