"""`/api/v1/rules/try`: what a rule would change among the stored pairs, before anybody relies on it."""

import asyncio
import base64
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from parallelrun._core import Comparator, ConfigError
from parallelrun.api.engine import Engine
from parallelrun.config.active import BadRuleError, PlacedRule, RuleSpec, read_rule, today
from parallelrun.config.routes import specificity, split_match
from parallelrun.config.rules import RuleKind
from parallelrun.config.snapshot import snapshot
from parallelrun.evidence.records import Answer, Pair, read_pair
from parallelrun.evidence.signature import signature
from parallelrun.evidence.suggest import Suggestion

PAIRS = 2000
"""At most so many pairs are looked at, the newest first."""
CANDIDATE = "the rule on trial"
"""No rule of a configuration can have this id."""

Place = tuple[str, str, str]


class Changed(BaseModel):
    """A difference and the number of pairs in which the rule changes it."""

    signature: str
    endpoint: str
    location: str
    kind: str
    pairs: int


class Trial(BaseModel):
    """Of `pairs` stored pairs the rule leaves nothing open in `silenced`: what is known to be noise or a race does not
    count as left. `skipped` ones cannot be compared again.

    `hidden` are differences that it hides, `revealed` those that show only because of it: items of a list that are
    compared with others than before, for instance. Both without what the present rules hide already.
    """

    pairs: int
    silenced: int
    skipped: int
    hidden: list[Changed]
    revealed: list[Changed]
    yaml: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule that no configuration has yet."""

    placed: PlacedRule
    """Without a place."""
    written: RuleSpec
    """As a configuration writes it."""

    @classmethod
    def read(cls, kind: RuleKind, route: str | None, settings: RuleSpec) -> "Candidate":
        """Raises: BadRuleError."""
        return cls(read_rule(kind, route, settings), settings)

    def applies_to(self, endpoint: str) -> bool:
        """Whether requests of the endpoint come under it."""
        return self.placed.route is None or covers(self.placed.route, endpoint)


def covers(match: str, endpoint: str) -> bool:
    """Whether a route's `match` covers the endpoint, as far as its template tells."""
    method, path = split_match(match)
    of, _, template = endpoint.partition(" ")
    if method not in (None, of):
        return False
    steps = re.split(r"(\{\*?[^/{}]*\})", path)
    pattern = "".join(
        (".+" if step.startswith("{*") else "[^/]+") if step.startswith("{") else re.escape(step) for step in steps
    )
    return re.fullmatch(pattern, template) is not None


async def trial(engine: Engine, candidate: Candidate) -> Trial:
    """Compares the stored pairs again, with and without the rule.

    Raises:
        BadRuleError: the core refuses the rule.
        StoreError, StoreTooNewError: the pairs cannot be had.
    """
    rules = json.loads(snapshot(engine.settings.loaded, 1, today()))
    stored = await engine.store.records(PAIRS)
    judged = engine.collector.evidence.differences()
    chance = frozenset(one.difference.signature for one in judged if one.status in ("noise", "race"))
    try:
        return await asyncio.to_thread(_try, rules, stored, candidate, chance)
    except ConfigError as error:
        raise BadRuleError(str(error)) from None


def _try(rules: dict[str, Any], stored: Iterable[bytes], candidate: Candidate, chance: frozenset[str]) -> Trial:
    """`chance`: the signatures of differences that are noise or races."""
    bench = _Bench(rules, candidate)
    bench.comparator("(other)", with_candidate=True)  # a rule that cannot be read is refused, pairs or not
    hidden: Counter[Place] = Counter()
    revealed: Counter[Place] = Counter()
    pairs = silenced = skipped = 0

    def any_open(places: set[Place]) -> bool:
        return any(signature(*place) not in chance for place in places)

    for pair in _pairs(stored):
        if not candidate.applies_to(pair.endpoint):
            continue
        pairs += 1
        answers = _comparable(pair.old), _comparable(pair.new)
        if answers[0] is None or answers[1] is None:
            skipped += 1
            continue
        before = bench.differences(pair.endpoint, answers[0], answers[1], with_candidate=False)
        after = bench.differences(pair.endpoint, answers[0], answers[1], with_candidate=True)
        hidden.update(before - after)
        revealed.update(after - before)
        silenced += any_open(before) and not any_open(after)
    return Trial(
        pairs=pairs,
        silenced=silenced,
        skipped=skipped,
        hidden=_changed(hidden),
        revealed=_changed(revealed),
        yaml=Suggestion(candidate.placed.kind, candidate.placed.route, candidate.written).yaml,
    )


def _pairs(stored: Iterable[bytes]) -> Iterator[Pair]:
    for deflated in stored:
        try:
            yield read_pair(deflated)
        except ValueError:
            continue  # damaged: said when somebody asks for it


Raw = tuple[int, list[tuple[str, str]], bytes]


class _Bench:
    """Comparators by endpoint, compiled once each."""

    def __init__(self, rules: dict[str, Any], candidate: Candidate) -> None:
        self._rules = rules
        self._candidate = candidate
        self._made: dict[tuple[str, bool], Comparator] = {}

    def differences(self, endpoint: str, old: Raw, new: Raw, *, with_candidate: bool) -> set[Place]:
        """What no rule hides."""
        found = json.loads(self.comparator(endpoint, with_candidate=with_candidate).compare(old, new))
        return {(endpoint, one["location"], one["kind"]) for one in found["differences"] if one["rule"] is None}

    def comparator(self, endpoint: str, *, with_candidate: bool) -> Comparator:
        """The rules of the endpoint, and the one on trial."""
        key = (endpoint, with_candidate)
        if key not in self._made:
            merged = {kind: list(listed) for kind, listed in self._rules["compare"].items()}
            for kind, listed in self._of_route(endpoint).items():
                merged[kind] += listed
            if with_candidate:
                merged[self._candidate.placed.kind].append({**self._candidate.placed.spec(), "id": CANDIDATE})
            self._made[key] = Comparator(json.dumps(merged))
        return self._made[key]

    def _of_route(self, endpoint: str) -> dict[str, Any]:
        fitting = [
            route
            for route in self._rules["routes"]
            if covers(f"{route['method']} {route['path']}" if route["method"] else route["path"], endpoint)
        ]
        best = max(fitting, key=lambda route: specificity(route["method"], route["path"]), default=None)
        return (best and best["compare"]) or {}


def _comparable(answer: Answer) -> Raw | None:
    """The answer as it came, as far as it was kept; None where that is too little to compare."""
    body = answer.body
    if answer.status == 0 or (body and body.truncated):
        return None
    content = b"" if body is None else base64.b64decode(body.base64) if body.base64 else (body.text or "").encode()
    # It was stored decoded.
    headers = [(name, value) for name, value in answer.headers if name.lower() != "content-encoding"]
    return answer.status, headers, content


def _changed(counts: Counter[Place]) -> list[Changed]:
    return [
        Changed(signature=signature(*place), endpoint=place[0], location=place[1], kind=place[2], pairs=count)
        for place, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
