"""Holds what parallelrun found against what was planted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shop.regressions import REGRESSIONS

#: An item of GET /api/v1/differences.
Difference = Mapping[str, Any]


@dataclass
class Verdict:
    """`found`: the open differences of each planted mistake; `missed`: mistakes of which one place or more is not among
    the open differences; `false_alarms`: open differences that nobody planted."""

    found: dict[str, list[Difference]] = field(default_factory=dict)
    missed: dict[str, list[Difference]] = field(default_factory=dict)
    false_alarms: list[Difference] = field(default_factory=list)

    @property
    def right(self) -> bool:
        return not self.missed and not self.false_alarms

    def __str__(self) -> str:
        planted = len(self.found) + len(self.missed)
        return f"planted {planted}, found {len(self.found)}, false alarms {len(self.false_alarms)}"


def judge(differences: Iterable[Difference], planted: Iterable[str]) -> Verdict:
    """Compares the open ones among all differences with the planted mistakes."""
    open_ones = [one for one in differences if one["status"] == "open"]
    verdict = Verdict()
    explained: list[Difference] = []
    for name in planted:
        regression = REGRESSIONS[name]
        shown = [
            one
            for one in open_ones
            if one["endpoint"] == regression.endpoint and (one["location"], one["kind"]) in regression.places
        ]
        whole = {(one["location"], one["kind"]) for one in shown} == regression.places
        (verdict.found if whole else verdict.missed)[name] = shown
        explained += shown
    verdict.false_alarms = [one for one in open_ones if one not in explained]
    return verdict
