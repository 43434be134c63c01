"""Which differences are at a place where none is tolerated."""

import json

import pytest

from parallelrun._core import Comparator
from parallelrun.rollout.places import at_one_of


@pytest.mark.parametrize(
    ("place", "location"),
    [
        ("status", "status"),
        ("body", "body"),
        ("body", "$.a"),
        ("header:location", "header:location"),
        ("header:*", "header:link"),
        ("$", "$"),
        ("$", "$.a[*].b"),
        ("$.total", "$.total"),
        ("$.total", "$.total.net"),
        ("$['total']", "$.total"),
        ('$["total"].net', "$.total.net"),
        ("$['odd key']", "$['odd key'].x"),
        (r"$['it\'s']", r"$['it\'s']"),
        (r'$["it\'s"]', r"$['it\'s']"),
        (r"$['a\nb']", r"$['a\nb']"),
        ("$['a', 'b']", "$.b"),
        ("$.items[*].price", "$.items[*].price"),
        ("$.items", "$.items[*].price"),
        ("$.items[0].price", "$.items[*].price"),
        ("$.items[1:3].price", "$.items[*].price"),
        ("$.items[?@.id == ']' && @['x'] > 1].price", "$.items[*].price"),
        ("$.*.price", "$.book.price"),
        ("$..price", "$.price"),
        ("$..price", "$.a.b[*].price.net"),
        ("$..['price']", "$.a.price"),
        ("$..*", "$.a"),
        ("$.größe", "$.größe"),
    ],
)
def test_at_or_below(place: str, location: str) -> None:
    assert at_one_of((place,), location, "value")


@pytest.mark.parametrize(
    ("place", "location"),
    [
        ("status", "body"),
        ("status", "$.status"),
        ("body", "status"),
        ("$", "body"),
        ("$.body", "body"),
        ("header:location", "header:link"),
        ("$.total", "$"),
        ("$.total", "$.totals"),
        ("$.total", "$.a.total"),
        ("$.a.total", "$.a"),
        ("$.items[*].price", "$.items[*].name"),
        ("$.items.price", "$.items[*].price"),
        ("$..price", "$.a.prices"),
        ("$['a', 'b']", "$.c"),
    ],
)
def test_elsewhere(place: str, location: str) -> None:
    assert not at_one_of((place,), location, "value")


@pytest.mark.parametrize("kind", ["missing", "type"])
def test_a_place_is_gone_with_what_it_was_in(kind: str) -> None:
    assert at_one_of(("$.order.total",), "$.order", kind)
    assert at_one_of(("$.items[*].price",), "$.items[*]", kind)
    assert not at_one_of(("$.order.total",), "$.order", "order")
    assert not at_one_of(("$.order.total",), "$.other", kind)
    assert not at_one_of(("$.order.total",), "$", kind)


@pytest.mark.parametrize("place", ["$.a", "$.a.b", "$..c", "$['odd key']", "$.list[*].x", "$.list[0].x", "$.*.b", "$"])
def test_it_agrees_with_the_rules_of_the_core(place: str) -> None:
    """What a rule at the place would hide is at the place."""
    document = {"a": {"b": 1, "c": [2]}, "list": [{"x": 3}], "odd key": 4, "z": {"b": 5, "d": {"c": 6}}}
    other = {"a": {"b": 9, "c": [9]}, "list": [{"x": 9}], "odd key": 9, "z": {"b": 9, "d": {"c": 9}}}
    headers = [("content-type", "application/json")]
    rules = json.dumps({"ignore": [{"at": place, "id": "it"}]})
    answers = [(200, headers, json.dumps(body).encode()) for body in (document, other)]
    found = json.loads(Comparator(rules).compare(*answers))["differences"]
    assert len(found) == 6
    for difference in found:
        assert (difference["rule"] == "it") == at_one_of((place,), difference["location"], difference["kind"])
