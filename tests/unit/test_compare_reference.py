"""The comparison in Rust finds exactly what the slow reference in Python finds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from parallelrun import _core
from tests.unit.reference_compare import Found, Number, Object, Reference, parse

# A busy machine is no reason to fail.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NAMES = ["a", "b", "id", "odd key", "é"]
# Few values, so that documents have much in common. Some are equal under a rule, or in all but spelling.
NUMBERS = ["0", "-0", "1", "1.0", "1.001", "10e-1", "2", "2.001", "3", "9007199254740993", "9007199254740992", "1e400"]
TEXTS = ["", "x", "X", "y1", "y22", "Y1", '\n"é']


def written(value: Any) -> str:
    """The document as JSON, without space."""
    match value:
        case Number(text):
            return text
        case Object(members):
            return "{" + ",".join(f"{json.dumps(name)}:{written(member)}" for name, member in members) + "}"
        case list():
            return "[" + ",".join(written(element) for element in value) + "]"
        case _:
            return json.dumps(value)


def documents(arrays: bool = True) -> st.SearchStrategy[Any]:
    leaf = st.one_of(st.none(), st.booleans(), st.sampled_from(NUMBERS).map(Number), st.sampled_from(TEXTS))

    def extend(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        objects = st.lists(st.tuples(st.sampled_from(NAMES), inner), max_size=5).map(lambda m: Object(tuple(m)))
        return objects | st.lists(inner, max_size=5) if arrays else objects

    return st.recursive(leaf, extend, max_leaves=25)


@st.composite
def pairs(draw: st.DrawFn, arrays: bool = True) -> tuple[str, str]:
    """Two documents: unrelated, or the second a changed copy of the first."""
    old = draw(documents(arrays))
    if draw(st.integers(0, 4)) == 0:
        return written(old), written(draw(documents(arrays)))
    new = old
    for _ in range(draw(st.integers(1, 3))):
        new = changed(draw, new, arrays)
    return written(old), written(new)


def changed(draw: st.DrawFn, value: Any, arrays: bool) -> Any:
    """The value with one change somewhere in it."""
    deeper = draw(st.booleans())
    if isinstance(value, Object) and value.members and deeper:
        members = list(value.members)
        at = draw(st.integers(0, len(members) - 1))
        members[at] = (members[at][0], changed(draw, members[at][1], arrays))
        return Object(tuple(members))
    if isinstance(value, list) and value and deeper:
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], changed(draw, value[at], arrays), *value[at + 1 :]]
    if isinstance(value, list) and value:
        at = draw(st.integers(0, len(value) - 1))
        options = [value[:at] + value[at + 1 :], [*value[:at], draw(documents(arrays)), *value[at:]]]
        return draw(st.sampled_from(options) | st.permutations(value))
    if isinstance(value, Object) and value.members:
        members = list(value.members)
        at = draw(st.integers(0, len(members) - 1))
        options = [
            members[:at] + members[at + 1 :],
            [*members, (draw(st.sampled_from(NAMES)), draw(documents(arrays)))],
        ]
        return Object(tuple(draw(st.sampled_from(options) | st.permutations(members))))
    return draw(documents(arrays))


PLACES = [
    "$",
    "$.a",
    "$.b",
    "$[*]",
    "$.a[*]",
    "$.a.b",
    "$..id",
    "$..b",
    "$.*",
    "$['odd key']",
    "$..a[*].b",
    "$.é",
    "$..*",
]


def rule_sets(names: list[str]) -> st.SearchStrategy[dict[str, list[dict[str, Any]]]]:
    at = st.fixed_dictionaries({"at": st.sampled_from(PLACES)})
    kinds: dict[str, st.SearchStrategy[dict[str, Any]]] = {
        "ignore": at,
        "case": at,
        "additive": at,
        "unordered": st.fixed_dictionaries(
            {"at": st.sampled_from(PLACES)}, optional={"by": st.sampled_from(["id", "a"])}
        ),
        "tolerance": st.fixed_dictionaries({"at": st.sampled_from(PLACES), "absolute": st.just(0.01)}),
        "equivalent": st.fixed_dictionaries(
            {"at": st.sampled_from(PLACES), "pattern": st.just("[0-9]+"), "replacement": st.just("N")}
        ),
    }
    return st.fixed_dictionaries({name: st.lists(kinds[name], max_size=2) for name in names})


JSON_HEADERS = [("content-type", "application/json")]


def core(rules: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    comparator = _core.Comparator(json.dumps(rules))
    answer = (200, JSON_HEADERS)
    found = json.loads(comparator.compare((*answer, old.encode()), (*answer, new.encode())))
    assert isinstance(found, dict)
    return found


def check(rules: dict[str, Any], old: str, new: str, hidden: bool = True) -> None:
    result = core(rules, old, new)
    assert result["capped"] is None
    got = {Found(d["location"], d["kind"], d["rule"] is not None) for d in result["differences"]}
    assert len(got) == len(result["differences"])
    expected = Reference(rules).compare(old, new)
    counted = {f for f in expected if not f.hidden}
    if not hidden:
        got = {f for f in got if not f.hidden}
        expected = counted
    assert got == expected
    assert (result["outcome"] == "mismatch") == bool(counted)


@patient
@given(pairs())
@example(('{"a":1,"a":2}', '{"a":2}'))
@example(("[1,2,3,4,5,6,7]", "[1,3,4,5,60,7]"))
def test_without_rules(pair: tuple[str, str]) -> None:
    check({}, *pair)


@patient
@given(rule_sets(["ignore", "case", "equivalent"]), pairs())
def test_rules_for_places_and_texts(rules: dict[str, Any], pair: tuple[str, str]) -> None:
    check(rules, *pair)


@patient
@given(rule_sets(["unordered", "ignore", "case", "equivalent"]), pairs())
def test_unordered(rules: dict[str, Any], pair: tuple[str, str]) -> None:
    check(rules, *pair)


@patient
@given(rule_sets(["tolerance", "ignore"]), pairs())
def test_tolerance(rules: dict[str, Any], pair: tuple[str, str]) -> None:
    check(rules, *pair)


@patient
@given(rule_sets(["tolerance", "unordered"]), pairs())
def test_tolerance_among_unordered_elements(rules: dict[str, Any], pair: tuple[str, str]) -> None:
    # Which of several equal elements is paired with which is free, and so is what is hidden between them.
    check(rules, *pair, hidden=False)


@patient
@given(rule_sets(["additive", "ignore", "case", "tolerance"]), pairs(arrays=False))
def test_additive(rules: dict[str, Any], pair: tuple[str, str]) -> None:
    check(rules, *pair)


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", "[-Infinity]", "[1,]", "{'a':1}", "[01]", '["\t"]', "tru", "[.5]", "[1.]"]
)
def test_both_refuse_what_is_no_json(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)
    (difference,) = core({}, text, "[]")["differences"]
    assert (difference["location"], difference["kind"]) == ("body", "text")
    assert difference["old"].startswith("not JSON: expected ")


@patient
@given(st.text(max_size=12))
def test_both_read_the_same_texts(text: str) -> None:
    body = json.dumps(text, ensure_ascii=False)
    try:
        body.encode()
    except UnicodeEncodeError:
        body = json.dumps(text)
    assert core({}, body, json.dumps(text) + " ")["outcome"] == "match"
    assert core({}, body, json.dumps(text + "x"))["outcome"] == "mismatch"
