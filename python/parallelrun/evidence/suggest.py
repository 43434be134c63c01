"""The rule that would hide a difference, for people who know that it does not matter."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from parallelrun.config.active import RuleSpec
from parallelrun.config.routes import path_problem, split_match
from parallelrun.evidence.model import Difference, Example

_NEAR = Decimal("0.01")
"""Two numbers this close, relative to the larger, are taken for a matter of rounding."""
_PLAIN = re.compile(r"[A-Za-z$][A-Za-z0-9_.$/\[\]*{}-]*(?: [A-Za-z0-9_./{}-]+)*(?::[A-Za-z0-9-]+)?")
"""Texts that YAML reads as they are, words such as `true` aside: no location and no endpoint is one."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rule of the list `kind`, for the route `route` or, where that is None, for all."""

    kind: str
    route: str | None
    rule: RuleSpec

    @property
    def yaml(self) -> str:
        """The lines for the configuration."""
        rule = {**self.rule, "reason": "say why it does not matter"}
        lines = [f"{self.kind}:", *_item(rule)]
        if self.route is None:
            return "".join(f"{line}\n" for line in ("compare:", *(f"  {line}" for line in lines)))
        route = (f"- match: {_scalar(self.route)}", "  compare:", *(f"    {line}" for line in lines))
        return "".join(f"{line}\n" for line in ("routes:", *route))


def _item(rule: RuleSpec) -> list[str]:
    pairs = [f"{key}: {_scalar(value)}" for key, value in rule.items()]
    return [f"- {pairs[0]}", *(f"  {pair}" for pair in pairs[1:])]


def _scalar(value: str | float | None) -> str:
    """By hand, since PyYAML takes half a millisecond for it and there may be ten thousand."""
    if isinstance(value, float):
        mantissa, e, exponent = repr(value).partition("e")
        return f"{mantissa}{'' if '.' in mantissa else '.0'}{e}{exponent}"  # YAML 1.1 takes `1e-05` for a text
    if value is None:
        return "null"
    if _PLAIN.fullmatch(value):
        return value
    return '"' + "".join(_escaped(char) for char in value) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


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
