"""The rule that would hide a difference, for people who know that it does not matter."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from parallelrun.config.active import RuleSpec
from parallelrun.config.routes import path_problem, split_match
from parallelrun.config.written import Plain, block
from parallelrun.evidence.model import Difference, Example

_NEAR = Decimal("0.01")
"""Two numbers this close, relative to the larger, are taken for a matter of rounding."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rule of the list `kind`, for the route `route` or, where that is None, for all."""

    kind: str
    route: str | None
    rule: RuleSpec

    @property
    def yaml(self) -> str:
        """The lines for the configuration."""
        compare: Plain = {self.kind: [{**self.rule, "reason": "say why it does not matter"}]}
        if self.route is None:
            return _lines({"compare": compare})
        return _lines({"routes": [{"match": self.route, "compare": compare}]})


def _lines(value: Plain) -> str:
    return "".join(f"{line}\n" for line in block(value))


def suggest(difference: Difference, example: Example | None) -> Suggestion:
    """The narrowest rule that hides the difference at its endpoint."""
    kind, rule = _rule(difference, example)
    route = difference.endpoint if _is_route(difference.endpoint) else None
    return Suggestion(kind, route, rule)


def _rule(difference: Difference, example: Example | None) -> tuple[str, RuleSpec]:
    at = difference.location
    if not at.startswith("$"):
        return "ignore", {"at": at}
    match difference.kind:
        case "order":
            return "unordered", {"at": at}
        case "value" if example and example.old and example.new:
            apart = _apart(example.old, example.new)
            if apart is not None:
                return "tolerance", {"at": at, "absolute": apart}
            if example.old.casefold() == example.new.casefold():
                return "case", {"at": at}
    return "ignore", {"at": at}


def _apart(old: str, new: str) -> float | None:
    """The distance of two numbers that are nearly the same."""
    try:
        one, other = Decimal(old), Decimal(new)
        apart = abs(one - other)
        if 0 < apart <= _NEAR * max(abs(one), abs(other)):
            return float(apart)
    except (InvalidOperation, OverflowError):
        pass
    return None


def _is_route(endpoint: str) -> bool:
    """Whether the endpoint can stand behind `match`: not `(other)`, nor a path that was too long or too odd."""
    method, path = split_match(endpoint)
    return bool(method) and path_problem(path) is None and not path.endswith("…")
