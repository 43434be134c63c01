"""Which differences a rule may hide, as far as its place tells. In doubt it may."""

import re
from dataclasses import dataclass
from functools import lru_cache

from parallelrun.config.routes import overlap

OTHER = "(other)"
"""The core's name for endpoints, and for methods, that it does not tell apart."""

_NAME = r"[A-Za-z_][A-Za-z0-9_]*(?=[.\[]|\Z)"
_RULE_STEP = re.compile(rf"(\.\.?)({_NAME}|\*)|\[\*\]")
_PLACE_STEP = re.compile(rf"\.(?P<name>{_NAME})|(?P<element>\[\*\])|\.[^.\[]+|\['(?:[^'\\]|\\.)*'\]", re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class Reach:
    """Where a rule holds: at the location `at`, for the requests of a route's `match`; an empty one stands for all."""

    match: str
    at: str

    def covers(self, endpoint: str, location: str) -> bool:
        """Whether the rule may hide differences at the location."""
        concerned = not self.match or OTHER in endpoint or _meet(self.match, endpoint)
        return concerned and _reaches(self.at, location)


_meet = lru_cache(4096)(overlap)


def _reaches(at: str, location: str) -> bool:
    """Whether a rule at `at` may hold at the location of a difference."""
    if location == "status" or location.startswith("header:"):
        return at.lower() == location or (at == "header:*" and location != "status")
    if not at.startswith("$"):
        return at == "body"
    return location.startswith("$") and _leads_to(at, location)


def _leads_to(at: str, location: str) -> bool:
    """Whether the JSONPath selects the location or what is above it, as far as it is known."""
    places = _places(location)
    if places is None:
        return True
    ends = {0}  # the numbers of places that the steps so far may have taken
    for deep, name in _steps(at):
        ends = {
            place + 1
            for end in ends
            for place in range(end, len(places) if deep else min(end + 1, len(places)))
            if name is None or places[place] in (None, name)
        }
    return bool(ends)


@lru_cache(4096)
def _steps(at: str) -> tuple[tuple[bool, str | None], ...]:
    """The steps of a JSONPath that depend on nothing but the location, up to the first that does.

    Each is a name, or None for any; and whether any number of levels may lie before it.
    """
    steps = []
    pos = 1
    while step := _RULE_STEP.match(at, pos):
        steps.append((step[1] == "..", None if step[2] == "*" else step[2]))
        pos = step.end()
    return tuple(steps)


@lru_cache(4096)
def _places(location: str) -> tuple[str | None, ...] | None:
    """Names and `[*]` on the way to the location; None for a name that is odd, or cut, and so may be any.

    None for all of it if it cannot be read.
    """
    places = []
    pos = 1
    while step := _PLACE_STEP.match(location, pos):
        places.append(step["name"] or step["element"])
        pos = step.end()
    return tuple(places) if pos == len(location) else None
