"""Which differences a rule may hide."""

import pytest

from parallelrun.evidence.reach import Reach

ENDPOINT = "GET /orders/{id}"


@pytest.mark.parametrize(
    ("at", "location"),
    [
        ("status", "status"),
        ("header:*", "header:etag"),
        ("header:ETag", "header:etag"),
        ("body", "body"),
        ("body", "$.a"),
        ("$", "$"),
        ("$", "$.a[*]['odd name']"),
        ("$.a", "$.a"),
        ("$.a", "$.a[*].b"),
        ("$.a[*].b", "$.a[*].b"),
        ("$.a.*", "$.a.b"),
        ("$.*.b", "$.a.b"),
        ("$..b", "$.b"),
        ("$..b", "$.a[*].b.c"),
        ("$..a..a.x", "$.a.a.a.x"),
        # Not told apart by its place: an index, a slice, a filter, names in quotes or not in ASCII.
        ("$.a[0].b", "$.a[*].b"),
        ("$.a[1:2].b", "$.a[*].c"),
        ("$.a[?@.b == ']'].c", "$.a[*].c"),
        ("$['a']", "$.a"),
        ("$.straße", "$.straße"),
        ("$.straße", "$.stra"),
        ("$ .a", "$.a"),
        ("$.a", "$['odd name']"),
        ("$.a.b", "$.cut….b"),
        ("$.a", "$ odd"),
    ],
)
def test_it_may_hide_what_is_there_or_below(at: str, location: str) -> None:
    assert Reach("", at).covers(ENDPOINT, location)


@pytest.mark.parametrize(
    ("at", "location"),
    [
        ("status", "$.status"),
        ("status", "header:etag"),
        ("header:*", "status"),
        ("header:etag", "header:location"),
        ("header:etag", "$.etag"),
        ("body", "status"),
        ("body", "header:etag"),
        ("$", "status"),
        ("$", "body"),
        ("$", "header:etag"),
        ("$.a", "$"),
        ("$.a", "$.ab"),
        ("$.a", "$[*].a"),
        ("$.a.b", "$.a"),
        ("$.a[*].b", "$.a[*].c"),
        ("$.*.b", "$.b"),
        ("$..b", "$.a.c"),
        ("$.a[0].b", "$.b[*].b"),
        ("$.A", "$.a"),
    ],
)
def test_it_never_hides_what_is_elsewhere(at: str, location: str) -> None:
    assert not Reach("", at).covers(ENDPOINT, location)


@pytest.mark.parametrize(
    ("match", "endpoint", "covered"),
    [
        ("GET /orders/{}", ENDPOINT, True),
        ("/orders/{}", ENDPOINT, True),
        ("/{*}", ENDPOINT, True),
        ("GET /orders/new", ENDPOINT, True),
        ("POST /orders/{}", ENDPOINT, False),
        ("GET /orders", ENDPOINT, False),
        ("GET /x", "(other)", True),
        ("GET /x", "(other) /x", True),
    ],
)
def test_a_rule_of_a_route_hides_nothing_of_other_requests(match: str, endpoint: str, covered: bool) -> None:
    assert Reach(match, "$.a").covers(endpoint, "$.a") == covered
