"""The rules of a configuration one by one: where each stands, its id, and whether its time has passed."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pydantic import ValidationError

from parallelrun.config.model import Config
from parallelrun.config.positions import KeyPath
from parallelrun.config.routes import Route
from parallelrun.config.rules import RULE_KINDS, Compare, Equivalent, Rule, RuleKind, Tolerance, Unordered

RuleSettings = Mapping[str, str | float | None]
"""One rule as a configuration writes it."""
RuleSpec = dict[str, str | float | None]
"""One rule as the core reads it, see docs/explanation/boundary.md, "RULES"."""


@dataclass(frozen=True)
class PlacedRule:
    """A rule and where it stands.

    Args:
        path: its place in the configuration; empty for one that is in none.
        kind: the list that it is in, such as `ignore`.
        route: the `match` of the route it belongs to; None for a global rule.
        rule: what it says.
    """

    path: KeyPath
    kind: str
    route: str | None
    rule: Rule

    @property
    def id(self) -> str:
        """Its own, or one made from what it does: place, reason, owner and last day may change without changing it."""
        if self.rule.id is not None:
            return self.rule.id
        text = json.dumps([self.kind, self.route, self._effect()], sort_keys=True)
        return f"{self.kind}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"

    def spec(self) -> RuleSpec:
        """The rule as the core reads it."""
        return {**self._effect(), "id": self.id}

    def _effect(self) -> RuleSpec:
        effect: RuleSpec = {"at": self.rule.at}
        match self.rule:
            case Unordered(by=by):
                effect["by"] = by
            case Tolerance(absolute=absolute) as tolerance:
                effect |= {"absolute": absolute, "relative": tolerance.relative_share}
            case Equivalent(pattern=pattern, replacement=replacement):
                effect |= {"pattern": pattern, "replacement": replacement}
            case _:
                pass
        return effect


class BadRuleError(ValueError):
    """The settings are no rule. The message says what was expected."""


def read_rule(kind: RuleKind, route: str | None, settings: RuleSettings) -> PlacedRule:
    """A rule that stands nowhere yet, checked as far as the model can; the core may still refuse its `at` or `pattern`.

    Raises: BadRuleError.
    """
    try:
        (rule,) = getattr(Compare.model_validate({kind: [dict(settings)]}), kind)
        match = None if route is None else Route.model_validate({"match": route}).match
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"] if part not in (kind, 0)]
        if first["type"] == "extra_forbidden":
            raise BadRuleError(f"{kind} takes no `{place[-1]}`") from None
        message = first["msg"].removeprefix("Value error, ")
        raise BadRuleError(": ".join(([".".join(place)] if place else []) + [message])) from None
    return PlacedRule((), kind, match, rule)


def placed_rules(config: Config) -> Iterator[PlacedRule]:
    """All rules, the global ones first."""
    yield from rules_of(config.compare, ("compare",), None)
    for index, route in enumerate(config.routes):
        yield from rules_of(route.compare, ("routes", index, "compare"), route.match)


def rules_of(compare: Compare, path: KeyPath, route: str | None) -> Iterator[PlacedRule]:
    """The rules of one section, which stands at `path` and belongs to `route`."""
    for kind in RULE_KINDS:
        for index, rule in enumerate(getattr(compare, kind)):
            yield PlacedRule((*path, kind, index), kind, route, rule)


def core_rules(rules: Iterable[PlacedRule], headers: Iterable[str], day: date) -> dict[str, list[Any]]:
    """Rules as the core reads them together, see docs/explanation/boundary.md, "RULES".

    Args:
        rules: those whose last day has passed are left out.
        headers: the further headers that count.
        day: today.
    """
    read: dict[str, list[Any]] = {kind: [] for kind in RULE_KINDS}
    for placed in rules:
        if not placed.rule.expired(day):
            read[placed.kind].append(placed.spec())
    return {**read, "headers": list(headers)}


def today() -> date:
    """The day by which rules expire: UTC, so that all machines agree on it."""
    return datetime.now(UTC).date()


def expired_rules(config: Config, day: date) -> tuple[PlacedRule, ...]:
    """The rules whose last day has passed."""
    return tuple(placed for placed in placed_rules(config) if placed.rule.expired(day))
