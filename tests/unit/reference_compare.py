"""The comparison of two JSON documents once more: slow, without any shortcut, and written to be read.

`docs/reference/comparing.md` says in words what this says in code. Tests hold the Rust implementation against it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any


@dataclass(frozen=True)
class Number:
    """A number as it is written."""

    text: str

    @property
    def value(self) -> Decimal:
        return Decimal(self.text)

    @property
    def is_float(self) -> bool:
        return any(c in self.text for c in ".eE")


@dataclass(frozen=True)
class Object:
    """An object with all its members, in order, also where a name occurs twice."""

    members: tuple[tuple[str, Any], ...]


Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Found:
    """One difference: where, of which kind, and whether a rule hides it."""

    location: str
    kind: str
    hidden: bool


def parse(text: str) -> Any:
    """Parses JSON, keeping what a dictionary and a float would lose."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(
        text,
        object_pairs_hook=lambda pairs: Object(tuple(pairs)),
        parse_int=Number,
        parse_float=Number,
        parse_constant=refuse,
    )


def steps_of(at: str) -> list[str]:
    """Splits the common forms of a JSONPath: `.name`, `['name']`, `.*`, `[*]`, `..`."""
    return re.findall(r"\.\.|\['[^']*'\]|\[\*\]|\*|[^.\[\]]+", at.removeprefix("$"))


def matches(steps: list[str], path: Path) -> bool:
    """Whether the steps lead to exactly this path."""
    if not steps:
        return not path
    if steps[0] == "..":
        return any(matches(steps[1:], path[skip:]) for skip in range(len(path)))
    if not path:
        return False
    if steps[0] in ("*", "[*]"):
        return matches(steps[1:], path[1:])
    return path[0] == steps[0].removeprefix("['").removesuffix("']") and matches(steps[1:], path[1:])


def location_of(path: Path) -> str:
    """The path as a location."""
    parts = ["$"]
    for step in path:
        if isinstance(step, int):
            parts.append("[*]")
        elif re.fullmatch(r"[A-Za-z_\u0080-\U0010ffff][0-9A-Za-z_\u0080-\U0010ffff]*", step):
            parts.append(f".{step}")
        else:
            parts.append(f"['{step}']")
    return "".join(parts)


class Reference:
    """Compares by a set of rules (`RULES` in docs/explanation/boundary.md; JSONPaths of the common forms only)."""

    def __init__(self, rules: dict[str, list[dict[str, Any]]]) -> None:
        self.rules = rules

    def compare(self, old: str, new: str) -> set[Found]:
        """All differences, each location and kind once; one that counts wins over one that is hidden."""
        found = list(self.walk(parse(old), parse(new), (), tolerant=True))
        counted = {(f.location, f.kind) for f in found if not f.hidden}
        return {f for f in found if not f.hidden or (f.location, f.kind) not in counted}

    def holding(self, name: str, path: Path) -> list[dict[str, Any]]:
        """The rules of a list that hold at a path: those at it or above, from the outermost to the innermost."""
        rules = self.rules.get(name, [])
        return [rule for depth in range(len(path) + 1) for rule in rules if matches(steps_of(rule["at"]), path[:depth])]

    def walk(self, old: Any, new: Any, path: Path, tolerant: bool) -> Iterator[Found]:
        ignored = bool(self.holding("ignore", path))

        def found(kind: str, hidden: bool = False) -> Found:
            return Found(location_of(path), kind, hidden or ignored)

        if isinstance(old, Number) and isinstance(new, Number):
            same_type = old.is_float == new.is_float
            if old.value != new.value or not same_type:
                near = tolerant and any(is_near(old, new, rule) for rule in self.holding("tolerance", path))
                yield found("type" if old.value == new.value else "value", near)
        elif isinstance(old, Object) and isinstance(new, Object):
            yield from self.objects(old, new, path, tolerant)
        elif isinstance(old, list) and isinstance(new, list):
            if self.holding("unordered", path):
                yield from self.unordered(old, new, path, tolerant)
            else:
                yield from self.ordered(old, new, path, tolerant)
        elif isinstance(old, str) and isinstance(new, str):
            if old != new:
                yield found("value", self.rewritten(old, path) == self.rewritten(new, path))
        elif type(old) is not type(new):
            yield found("type")
        elif old != new:
            yield found("value")

    def objects(self, old: Object, new: Object, path: Path, tolerant: bool) -> Iterator[Found]:
        names = list(dict.fromkeys([name for name, _ in old.members + new.members]))
        for name in names:
            inner = (*path, name)
            left = [value for other, value in old.members if other == name]
            right = [value for other, value in new.members if other == name]
            for one, other in zip(left, right, strict=False):
                yield from self.walk(one, other, inner, tolerant)
            ignored = bool(self.holding("ignore", inner))
            if len(left) > len(right):
                yield Found(location_of(inner), "missing", ignored)
            if len(right) > len(left):
                yield Found(location_of(inner), "extra", ignored or bool(self.holding("additive", inner)))

    def equal(self, old: Any, new: Any, path: Path, tolerant: bool) -> bool:
        return all(f.hidden for f in self.walk(old, new, path, tolerant))

    def ordered(self, old: list[Any], new: list[Any], path: Path, tolerant: bool) -> Iterator[Found]:
        inner = (*path, 0)
        if self.holding("ignore", path):
            # A place that is ignored has no order: what is there is compared one by one.
            if len(old) != len(new):
                yield Found(location_of(path), "length", True)
                pairs = ignored_pairs(old, new)
            else:
                pairs = list(zip(old, new, strict=True))
        elif len(old) == len(new):
            pairs = list(zip(old, new, strict=True))
            apart = [pair for pair in pairs if not self.equal(*pair, inner, tolerant)]
            again, left, right = self.greedy([a for a, _ in apart], [b for _, b in apart], inner, tolerant=False)
            if len(apart) > 1 and not left and not right:
                yield Found(location_of(path), "order", False)
                pairs = again + [pair for pair in pairs if self.equal(*pair, inner, tolerant)]
        else:
            yield Found(location_of(path), "length", False)
            pairs = self.aligned(old, new, inner, tolerant)
        for a, b in pairs:
            yield from self.walk(a, b, inner, tolerant)

    def aligned(self, old: list[Any], new: list[Any], inner: Path, tolerant: bool) -> list[tuple[Any, Any]]:
        """What belongs together in arrays of different lengths."""
        pairs, tail = [], []
        while old and new and self.equal(old[0], new[0], inner, tolerant):
            pairs.append((old[0], new[0]))
            old, new = old[1:], new[1:]
        while old and new and self.equal(old[-1], new[-1], inner, tolerant):
            tail.append((old[-1], new[-1]))
            old, new = old[:-1], new[:-1]

        def places(element: Any, among: list[Any]) -> list[int]:
            return [at for at, other in enumerate(among) if self.equal(element, other, inner, tolerant=False)]

        anchors = [
            (at, places(element, new)[0])
            for at, element in enumerate(old)
            if len(places(element, old)) == 1 and len(places(element, new)) == 1
        ]
        if [b for _, b in anchors] != sorted(b for _, b in anchors):
            anchors = []
        start_old = start_new = 0
        for end_old, end_new in [*anchors, (len(old), len(new))]:
            gap_old, gap_new = old[start_old:end_old], new[start_new:end_new]
            if len(gap_old) == len(gap_new):
                pairs += zip(gap_old, gap_new, strict=True)
            pairs += zip(old[end_old : end_old + 1], new[end_new : end_new + 1], strict=True)
            start_old, start_new = end_old + 1, end_new + 1
        return pairs + tail

    def unordered(self, old: list[Any], new: list[Any], path: Path, tolerant: bool) -> Iterator[Found]:
        inner = (*path, 0)
        by = self.holding("unordered", path)[-1].get("by")
        pairs: list[tuple[int, int]] = []
        alone: list[str] = []
        left, right = list(range(len(old))), list(range(len(new)))
        if by is not None:
            keys_old = {at: key for at in left if (key := self.key(old[at], by, inner)) is not None}
            keys_new = {at: key for at in right if (key := self.key(new[at], by, inner)) is not None}
            for key in dict.fromkeys([*keys_old.values(), *keys_new.values()]):
                these = [at for at, other in keys_old.items() if other == key]
                those = [at for at, other in keys_new.items() if other == key]
                pairs += zip(these, those, strict=False)
                alone += ["missing"] * (len(these) - len(those)) + ["extra"] * (len(those) - len(these))
            left = [at for at in left if at not in keys_old]
            right = [at for at in right if at not in keys_new]
        while left and right and old[left[0]] == new[right[0]]:
            pairs.append((left.pop(0), right.pop(0)))
        while left and right and old[left[-1]] == new[right[-1]]:
            pairs.append((left.pop(), right.pop()))
        for at in list(left):
            for to in right:
                if self.equal(old[at], new[to], inner, tolerant):
                    pairs.append((at, to))
                    left.remove(at)
                    right.remove(to)
                    break
        if len(left) == len(right):
            pairs += zip(left, right, strict=True)
        else:
            alone += ["missing"] * len(left) + ["extra"] * len(right)
        pairs.sort()
        if [b for _, b in pairs] != sorted(b for _, b in pairs):
            yield Found(location_of(path), "order", True)
        for kind in alone:
            yield Found(location_of(inner), kind, bool(self.holding("ignore", inner)))
        for a, b in pairs:
            yield from self.walk(old[a], new[b], inner, tolerant)

    def greedy(
        self, old: list[Any], new: list[Any], inner: Path, tolerant: bool
    ) -> tuple[list[tuple[Any, Any]], list[Any], list[Any]]:
        """Pairs each old element with the first new one that is equal and free; also what is left."""
        pairs, left, right = [], [], list(new)
        for element in old:
            at = next((at for at, other in enumerate(right) if self.equal(element, other, inner, tolerant)), None)
            if at is None:
                left.append(element)
            else:
                pairs.append((element, right.pop(at)))
        return pairs, left, right

    def key(self, element: Any, by: str, inner: Path) -> Any:
        values = [value for name, value in element.members if name == by] if isinstance(element, Object) else []
        if not values:
            return None
        value = values[0]
        if isinstance(value, str):
            return ("text", self.rewritten(value, (*inner, by)))
        if isinstance(value, Number):
            return ("number", value.value)
        return ("other", repr(value))

    def rewritten(self, text: str, path: Path) -> str:
        for rule in self.rules.get("equivalent", []):
            if rule in self.holding("equivalent", path):
                text = re.sub(rule["pattern"], rule["replacement"], text)
        return text.lower() if self.holding("case", path) else text


def ignored_pairs(old: list[Any], new: list[Any]) -> list[tuple[Any, Any]]:
    """Where nothing counts all elements are equal, so that the common length is taken from the front."""
    return list(zip(old, new, strict=False))


def is_near(old: Number, new: Number, rule: dict[str, Any]) -> bool:
    with localcontext(prec=1000):
        distance = abs(old.value - new.value)
        absolute, relative = rule.get("absolute"), rule.get("relative")
        if absolute is not None and distance <= Decimal(str(absolute)):
            return True
        return relative is not None and distance <= Decimal(str(relative)) * max(abs(old.value), abs(new.value))
