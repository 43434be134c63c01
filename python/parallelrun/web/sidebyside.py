"""Two answers beside each other, cut down to what differs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from parallelrun.api.models import Answer
from parallelrun.web.document import Line, lines

CONTEXT = 3
"""Unchanged lines shown around a change."""
MOST_ROWS = 60
ALIGNED = 1500
"""Lines between the first and the last change that are aligned; beyond it, aligning takes too long."""
WIDE = 240
"""Characters of a line that are shown, around where it differs."""

_WORD = re.compile(r"[\w.+:-]")

State = Literal["same", "changed", "old", "new", "gap"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A line of one side: its number, and its text as what comes before, within and after the part that differs."""

    number: int | None
    before: str
    marked: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of each side. `here`: it shows the place that is asked for. A `gap` stands for lines left out."""

    state: State
    old: Cell | None
    new: Cell | None
    here: bool = False


def side_by_side(old: Answer, new: Answer, location: str, context: int = CONTEXT, most: int = MOST_ROWS) -> list[Row]:
    """The rows that show the difference at `location`; those of other differences nearby are among them, without
    `here`.

    Args:
        old, new: the answers.
        location: as a difference names it.
        context: how many unchanged lines stay around a change.
        most: how many rows there are at most.
    """
    if location.startswith("header:"):
        name = location.removeprefix("header:")
        return _aligned(_header(old, name), _header(new, name), location)[:most]
    head = [_status(old, new, here=location == "status")] if location == "status" or old.status != new.status else []
    rows = _aligned(lines(old.body), lines(new.body), location)
    return [*head, *_shown(rows, context)][:most]


def everything(old: Answer, new: Answer, context: int = CONTEXT) -> list[Row]:
    """Status, headers and bodies of a whole pair, unchanged lines left out."""
    headers = _aligned(_headers(old), _headers(new), "")
    bodies = _aligned(lines(old.body), lines(new.body), "")
    return [_status(old, new, here=False), *_shown(headers, context), *_shown(bodies, context)]


def _status(old: Answer, new: Answer, *, here: bool) -> Row:
    texts = [answer.failure or f"status {answer.status}" for answer in (old, new)]
    if texts[0] == texts[1]:
        return Row("same", Cell(None, texts[0]), Cell(None, texts[1]), here)
    return Row("changed", Cell(None, "", texts[0]), Cell(None, "", texts[1]), here)


def _headers(answer: Answer) -> list[Line]:
    return [Line(f"{name}: {value}", f"header:{name.lower()}") for name, value in sorted(answer.headers)]


def _header(answer: Answer, name: str) -> list[Line]:
    return [line for line in _headers(answer) if line.path == f"header:{name}"] or [
        Line(f"no {name}", f"header:{name}")
    ]


def _aligned(old: list[Line], new: list[Line], location: str) -> list[Row]:
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    rows = [_same(number, number, old[number - 1], new[number - 1]) for number in range(1, head + 1)]
    rows += _middle(old[head : len(old) - tail], new[head : len(new) - tail], head, location)
    for offset in range(tail, 0, -1):
        i, j = len(old) - offset, len(new) - offset
        rows.append(_same(i + 1, j + 1, old[i], new[j]))
    return rows


def _common(old: list[Line], new: list[Line]) -> int:
    pairs = enumerate(zip(old, new, strict=False))
    return next((i for i, (a, b) in pairs if (a.text, a.repeat) != (b.text, b.repeat)), min(len(old), len(new)))


def _middle(old: list[Line], new: list[Line], head: int, location: str) -> Iterator[Row]:
    left_out = len(old) > ALIGNED or len(new) > ALIGNED
    for i, j in _pairs(old[:ALIGNED], new[:ALIGNED]):
        one = None if i is None else (head + i + 1, old[i])
        other = None if j is None else (head + j + 1, new[j])
        yield from _row(one, other, location)
    if left_out:
        yield Row("gap", None, None)


Pairs = Iterator[tuple[int | None, int | None]]


def _pairs(old: list[Line], new: list[Line]) -> Pairs:
    """Which lines stand beside each other: equal ones first, between them those of the same place."""
    said = [[(line.text.rstrip(","), line.repeat) for line in side] for side in (old, new)]
    texts = SequenceMatcher(None, said[0], said[1])
    for tag, i1, i2, j1, j2 in texts.get_opcodes():
        if tag != "replace":
            yield from _beside(range(i1, i2), range(j1, j2))
            continue
        paths = [[(line.path or "", line.repeat) for line in side] for side in (old[i1:i2], new[j1:j2])]
        places = SequenceMatcher(None, paths[0], paths[1])
        for _, k1, k2, m1, m2 in places.get_opcodes():
            yield from _beside(range(i1 + k1, i1 + k2), range(j1 + m1, j1 + m2))


def _beside(old: range, new: range) -> Pairs:
    shared = min(len(old), len(new))
    yield from zip(old, new, strict=False)
    yield from ((i, None) for i in old[shared:])
    yield from ((None, j) for j in new[shared:])


def _row(old: tuple[int, Line] | None, new: tuple[int, Line] | None, location: str) -> Iterator[Row]:
    here = any(side is not None and _covers(location, side[1].path) for side in (old, new))
    if old and new:
        yield _both(*old, *new, here=here)
    elif old:
        yield Row("old", _alone(*old), None, here)
    elif new:
        yield Row("new", None, _alone(*new), here)


def _alone(number: int, line: Line) -> Cell:
    return _cell(number, line, len(line.text) - len(line.text.lstrip()), len(line.text))


def _both(i: int, old: Line, j: int, new: Line, *, here: bool) -> Row:
    if old.text.rstrip(",") == new.text.rstrip(","):
        return _same(i, j, old, new)
    one, other = old.text.rstrip(","), new.text.rstrip(",")
    start = _common_start(one, other)
    end = _common_start(one[start:][::-1], other[start:][::-1])
    (start, last), (_, other_last) = _whole(one, start, len(one) - end), _whole(other, start, len(other) - end)
    return Row("changed", _cell(i, old, start, last), _cell(j, new, start, other_last), here)


def _whole(text: str, start: int, end: int) -> tuple[int, int]:
    """The part widened to whole words and numbers: `10.49`, not `49`."""
    while start > 0 and _WORD.match(text[start - 1]):
        start -= 1
    while end < len(text) and _WORD.match(text[end]):
        end += 1
    return start, end


def _covers(location: str, path: str | None) -> bool:
    """Whether the line belongs to the place; a body without places belongs to `body` as a whole."""
    if path is None:
        return location == "body"
    return path == location or (location.startswith("$") and path.startswith((f"{location}.", f"{location}[")))


def _same(i: int, j: int, old: Line, new: Line) -> Row:
    return Row("same", _cell(i, old, 0, 0), _cell(j, new, 0, 0))


def _cell(number: int, line: Line, start: int, end: int) -> Cell:
    text = line.text
    first = max(0, start - WIDE // 3) if len(text) > WIDE else 0
    last = min(len(text), first + WIDE)
    cut = ("…" if first else "", "…" if last < len(text) else "")
    start, end = max(first, min(start, last)), max(first, min(end, last))
    return Cell(number, cut[0] + text[first:start], text[start:end], text[end:last] + cut[1])


def _common_start(old: str, new: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))


def _shown(rows: list[Row], context: int) -> Iterator[Row]:
    """Around the place that is asked for, if it is there, else around all changes; a gap for what is left out."""
    wanted = [i for i, row in enumerate(rows) if row.here and row.state != "same"] or [
        i for i, row in enumerate(rows) if row.state != "same"
    ]
    if not wanted:
        yield from rows[: 2 * context]
        if len(rows) > 2 * context:
            yield Row("gap", None, None)
        return
    near = {i for at in wanted for i in range(at - context, at + context + 1)}
    last = -1
    for i in sorted(near & set(range(len(rows)))):
        if i > last + 1:
            yield Row("gap", None, None)
        yield rows[i]
        last = i
    if last < len(rows) - 1:
        yield Row("gap", None, None)
