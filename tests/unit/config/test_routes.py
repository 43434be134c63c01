"""Which routes may get the same request, and which of them does."""

import pytest

from parallelrun.config.routes import overlap, specificity, split_match


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("/a", "/a", True),
        ("/a", "/b", False),
        ("GET /a", "/a", True),
        ("GET /a", "POST /a", False),
        ("/orders/{id}", "/orders/{number}", True),
        ("/orders/{id}", "/orders/new", True),
        ("/orders/{id}", "/orders/{id}/lines", False),
        ("/a/{x}/c", "/a/b/{y}", True),
        ("/a/{*rest}", "/a/b/c", True),
        ("/a/{*rest}", "/a", False),
        ("/a/{*rest}", "/b/{x}", False),
        ("/{id}.csv", "/x.csv", True),
        ("/{id}.csv", "/.csv", False),
        ("/{id}.csv", "/x.json", False),
        ("/{id}.csv", "/{id}", True),
        ("/{id}.csv", "/{id}.json", False),
    ],
)
def test_which_may_get_the_same_request(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is expected


def test_the_order_in_which_they_are_taken() -> None:
    order = [
        "/{*all}",
        "/orders/{*rest}",
        "/{a}/{b}",
        "/orders/{id}",
        "GET /orders/{id}",
        "/orders/{id}.csv",
        "/orders/new",
    ]
    ranks = [specificity(*split_match(match)) for match in order]
    assert ranks == sorted(ranks)
    assert len({str(rank) for rank in ranks}) == len(ranks)
