"""Compares two answers by the rules of a configuration."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from parallelrun import _core
from parallelrun.config import explain
from parallelrun.config.active import core_rules, rules_of, today
from parallelrun.config.checks import repeated_ids
from parallelrun.config.problem import BadConfigError, Problem, key_text
from parallelrun.config.rules import Compare

Outcome = Literal["match", "ignored", "mismatch"]
Kind = Literal["value", "type", "missing", "extra", "length", "order", "text", "bytes"]
Cap = Literal["depth", "nodes", "differences", "decoded"]

SECTION = "compare"
HIGHEST_STATUS = 65_535


@dataclass(frozen=True, slots=True)
class Answer:
    """One side's answer, as it comes off the wire: the body may still be compressed, where `content-encoding` says so.

    Args:
        status: 0 to 65,535; what it means is not asked.
        headers: by name, in any case; as pairs where a name may come several times, as `set-cookie` does. Values are
            compared and shown as the texts that they are here (in UTF-8 for the core). HTTP libraries read bytes
            beyond ASCII in different ways, so take both answers from the same one.
        body: its bytes.
    """

    status: int = 200
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the answers differ.

    Args:
        location: `status`, `header:NAME`, `body`, or a JSONPath with `[*]` for indexes.
        kind: how they differ there.
        old: a short text (at most 200 bytes) of what the old side has; JSON for JSON values. None where it has nothing.
        new: the same of the new side.
        rule: the id of the rule that hides it; None if it counts.
    """

    location: str
    kind: Kind
    old: str | None
    new: str | None
    rule: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found.

    Args:
        outcome: `match` if nothing differs, `ignored` if rules hide all that does, else `mismatch`.
        differences: each location and kind once, with its first example; also those that rules hide.
        capped: the limit that cut the comparison short: there may be more differences. None where it is whole.
    """

    outcome: Outcome
    differences: tuple[Difference, ...]
    capped: Cap | None


class Comparator:
    """Compares answers by a set of rules, compiled once. May be shared by threads.

    Args:
        rules: what a configuration has under `compare`. Rules whose last day has passed are left out, as in `serve`.

    Raises:
        BadConfigError: they are not valid. Its text has a line for each that is not.

    >>> comparator = Comparator({"ignore": ["$.at"], "tolerance": [{"at": "$.price", "absolute": 0.01}]})
    >>> json = {"content-type": "application/json"}
    >>> old = Answer(200, json, b'{"at": 1, "price": 10.5, "stock": 3}')
    >>> new = Answer(200, json, b'{"at": 2, "price": 10.49, "stock": "3"}')
    >>> found = comparator.compare(old, new)
    >>> found.outcome
    'mismatch'
    >>> [(one.location, one.kind, one.old, one.new) for one in found.differences if one.rule is None]
    [('$.stock', 'type', '3', '"3"')]
    """

    def __init__(self, rules: Mapping[str, Any] | None = None) -> None:
        rules = {} if rules is None else rules
        try:
            compare = Compare.model_validate(dict(rules) if isinstance(rules, Mapping) else rules)
        except ValidationError as error:
            raise BadConfigError(_problems(error)) from None
        placed = tuple(rules_of(compare, (SECTION,), None))
        if repeated := [Problem("", None, key_text(path), message) for path, message in repeated_ids(placed)]:
            raise BadConfigError(repeated)
        try:
            self._core = _core.Comparator(json.dumps(core_rules(placed, compare.headers, today())))
        except _core.ConfigError as error:
            raise BadConfigError([Problem("", None, SECTION, str(error))]) from None

    def compare(self, old: Answer, new: Answer) -> Comparison:
        """What differs between two answers to one request. Nothing is redacted.

        Raises:
            ValueError: a status is out of range, or a header is none.
        """
        found = json.loads(self._core.compare(_raw(old), _raw(new)))
        differences = tuple(Difference(**one) for one in found["differences"])
        return Comparison(found["outcome"], differences, found["capped"])


def _problems(error: ValidationError) -> Iterator[Problem]:
    for each in error.errors():
        each["loc"] = (SECTION, *each["loc"])  # as in a whole configuration, where the words look for it
        yield Problem("", None, key_text(explain.path_of(each)), explain.message_of(each))


def _raw(answer: Answer) -> tuple[int, list[tuple[str, str]], bytes]:
    if not 0 <= answer.status <= HIGHEST_STATUS:
        raise ValueError(f"status {answer.status}: expected 0 to {HIGHEST_STATUS}")
    headers = answer.headers.items() if isinstance(answer.headers, Mapping) else answer.headers
    return answer.status, list(headers), answer.body
