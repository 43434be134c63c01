"""A body as lines to read, each with the place in the document that it shows."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from parallelrun.api.models import Body
from parallelrun.config.words import number, verb

MOST_LINES = 20_000
MOST_DEPTH = 100
NAME = 100
"""Bytes of a member's name that a location shows, as in the core."""
_PLAIN = re.compile(r"[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*")
_ESCAPES = str.maketrans(
    {chr(code): f"\\u{code:04x}" for code in range(32)}
    | {"'": "\\'", "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `path` is the location that it shows, as differences name it, or None outside of JSON. `repeat` is how
    often the same object had a member of that name before: occurrences are compared one by one.
    """

    text: str
    path: str | None = None
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class _Number:
    """A number as it is written: 10.50 is not 10.5 to somebody who looks for a difference."""

    text: str


class _Object(list[tuple[str, Any]]):
    """Members by name, repeated ones among them: their order counts for nothing, and side by side it would hide what
    does.
    """

    def __init__(self, members: list[tuple[str, Any]]) -> None:
        super().__init__(sorted(members, key=lambda member: member[0]))


def lines(body: Body | None) -> list[Line]:
    """The body as lines: JSON laid out one value a line, other text as it is, bytes in words."""
    if body is None:
        return []
    if body.text is None:
        what = f"{number(body.bytes, 'byte')} that {verb(body.bytes, 'are')} no text, hash {body.hash}"
        return [Line(what)] if body.bytes else []
    found = (None if body.truncated else _json(body.text)) or [Line(line) for line in body.text.splitlines()]
    kept = found[:MOST_LINES]
    if body.truncated or len(found) > MOST_LINES:
        kept.append(Line(f"… cut: the whole body has {number(body.bytes, 'byte')}"))
    return kept


def _json(text: str) -> list[Line] | None:
    """The lines of a JSON text; None where it is none, or deeper than anybody reads."""
    try:
        value = json.loads(
            text, object_pairs_hook=_Object, parse_float=_Number, parse_int=_Number, parse_constant=_Number
        )
        return list(islice(_laid_out(value, "$"), MOST_LINES + 1))
    except (ValueError, RecursionError):
        return None


def _laid_out(
    value: Any, path: str, before: str = "", after: str = "", depth: int = 0, *, repeat: int = 0
) -> Iterator[Line]:
    if depth > MOST_DEPTH:
        raise ValueError("too deep")
    indent = "  " * depth
    if not isinstance(value, list) or not value:
        yield Line(f"{indent}{before}{_scalar(value)}{after}", path, repeat)
        return
    is_object = isinstance(value, _Object)
    yield Line(f"{indent}{before}{'{' if is_object else '['}", path, repeat)
    seen: Counter[str] = Counter()
    for place, item in enumerate(value, 1):
        comma = "," if place < len(value) else ""
        if is_object:
            name, member = item
            start = f"{json.dumps(name, ensure_ascii=False)}: "
            yield from _laid_out(member, path + step(name), start, comma, depth + 1, repeat=repeat + seen[name])
            seen[name] += 1
        else:
            yield from _laid_out(item, f"{path}[*]", "", comma, depth + 1, repeat=repeat)
    yield Line(f"{indent}{'}' if is_object else ']'}{after}", path, repeat)


def _scalar(value: Any) -> str:
    if isinstance(value, _Number):
        return value.text
    if isinstance(value, list):
        return "{}" if isinstance(value, _Object) else "[]"
    return json.dumps(value, ensure_ascii=False)


def step(name: str) -> str:
    """The step to a member in a location, written as the core writes it."""
    encoded = name.encode("utf-8", "replace")
    if len(encoded) > NAME:
        name = encoded[:NAME].decode("utf-8", "ignore") + "…"
    if _PLAIN.fullmatch(name):
        return f".{name}"
    return f"['{name.translate(_ESCAPES)}']"
