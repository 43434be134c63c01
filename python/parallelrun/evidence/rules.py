"""The comparison rules in force, and how they came to be: a difference is hidden as long as what hid it is in force."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from parallelrun.config.routes import overlap, specificity, split_match
from parallelrun.config.rules import RULE_KINDS
from parallelrun.evidence.model import Times
from parallelrun.evidence.reach import Reach

FACT = "rules_in_force"
SETTLE_MS = 60_000
"""After a rule came, requests that began before may still be compared without it for this long."""
MOST = 200
"""So many rules that came or went are remembered. What only older ones would tell is shown until it is seen again."""

_NAMES = re.compile(r"\{(\*?)[^}]*\}")


class Rule(NamedTuple):
    """Where a rule holds, and what it does, as JSON without its id."""

    at: str
    effect: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules for all requests, and by the match of each route those that it adds, if any.

    A match has no names in it here: `GET /orders/{}`.
    """

    everywhere: frozenset[Rule]
    routes: dict[str, frozenset[Rule]]

    @classmethod
    def of(cls, snapshot: str) -> "Rules":
        """Those in a snapshot."""
        value = json.loads(snapshot)
        routes: dict[str, frozenset[Rule]] = {}
        for route in value["routes"]:
            match = f"{route['method']} {route['path']}" if route["method"] else route["path"]
            routes.setdefault(_NAMES.sub(r"{\1}", match), _read(route["compare"]))
        return cls(_read(value["compare"]), routes)

    def missing_in(self, other: "Rules") -> tuple[Reach, ...]:
        """Where rules hold that do not among the other ones."""
        reaches = {Reach("", rule.at) for rule in self.everywhere - other.everywhere}
        for match, rules in self.routes.items():
            reaches |= {Reach(match, rule.at) for rule in rules - other._of(match)}
        for match in other.routes.keys() - self.routes.keys():  # such a route takes requests from those around it
            for around, rules in self.routes.items():
                if rules and _takes_from(match, around):
                    reaches |= {Reach(match, rule.at) for rule in rules - other._of(match)}
        return tuple(sorted(reaches))

    def _of(self, match: str) -> frozenset[Rule]:
        return self.everywhere | self.routes.get(match, frozenset())


@dataclass(frozen=True, slots=True)
class Change:
    """The rules changed at `at_ms`, in ms since the epoch: `gone` no longer hold, `came` did not hold before."""

    at_ms: int
    gone: tuple[Reach, ...] = ()
    came: tuple[Reach, ...] = ()


class Since(NamedTuple):
    """A moment from which on a difference may count as hidden."""

    at_ms: int
    settled_ms: int
    """Until then a sighting without the rule may be by the rules before."""

    def hides(self, times: Times) -> bool:
        """Whether it has been seen since, and a rule hid it each time."""
        return times.hidden > self.at_ms and times.shown <= self.settled_ms


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """The rules, and the changes that led to them, the oldest first. What held before that one is not known."""

    rules: Rules
    changes: tuple[Change, ...]

    @classmethod
    def first(cls, rules: Rules, at_ms: int) -> "RulesInForce":
        """Nothing is known of what held before."""
        return cls(rules, (Change(at_ms),))

    @property
    def since_ms(self) -> int:
        """When they last changed."""
        return self.changes[-1].at_ms

    def then(self, rules: Rules, at_ms: int) -> "RulesInForce":
        """What is in force once these rules have taken their place."""
        gone, came = self.rules.missing_in(rules), rules.missing_in(self.rules)
        if not gone and not came:
            return replace(self, rules=rules)
        return RulesInForce(rules, _newest((*self.changes, Change(max(at_ms, self.since_ms), gone, came))))

    def since(self, endpoint: str, location: str) -> tuple[Since, ...]:
        """When rules came that may hide a difference there, and nothing went since that may have hidden it."""
        found = []
        for index in range(len(self.changes) - 1, -1, -1):
            change = self.changes[index]
            came = index == 0 or any(reach.covers(endpoint, location) for reach in change.came)
            gone = any(reach.covers(endpoint, location) for reach in change.gone)
            if came or gone:
                found.append(Since(change.at_ms, change.at_ms + (SETTLE_MS if came else 0)))
            if gone:
                break
        return tuple(found)

    def dump(self) -> str:
        return json.dumps(
            {
                "everywhere": sorted(self.rules.everywhere),
                "routes": {match: sorted(rules) for match, rules in self.rules.routes.items()},
                "changes": [[one.at_ms, _pairs(one.gone), _pairs(one.came)] for one in self.changes],
            }
        )


def load(text: str | None) -> RulesInForce | None:
    """Reads what `dump` wrote; None where nothing was."""
    if text is None:
        return None
    value = json.loads(text)
    rules = Rules(_set(value["everywhere"]), {match: _set(listed) for match, listed in value["routes"].items()})
    changes = (Change(at_ms, _reaches(gone), _reaches(came)) for at_ms, gone, came in value["changes"])
    return RulesInForce(rules, tuple(changes))


def _pairs(reaches: tuple[Reach, ...]) -> list[list[str]]:
    return [[reach.match, reach.at] for reach in reaches]


def _reaches(pairs: list[list[str]]) -> tuple[Reach, ...]:
    return tuple(Reach(match, at) for match, at in pairs)


def _read(compare: dict[str, Any] | None) -> frozenset[Rule]:
    return frozenset(
        Rule(one["at"], json.dumps([kind, {**one, "id": None}], sort_keys=True))
        for kind in RULE_KINDS
        for one in (compare or {}).get(kind, ())
    )


def _set(listed: list[list[str]]) -> frozenset[Rule]:
    return frozenset(Rule(*one) for one in listed)


def _takes_from(match: str, other: str) -> bool:
    """Whether a new route gets requests that were another one's."""
    return overlap(match, other) and specificity(*split_match(match)) >= specificity(*split_match(other))


def _newest(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    kept: list[Change] = []
    room = MOST
    for change in reversed(changes):
        room -= len(change.gone) + len(change.came)
        if room < 0:
            kept.append(Change(change.at_ms))
            break
        kept.append(change)
    return tuple(reversed(kept))
