"""What the rewrite gets wrong, on purpose: each mistake has a switch, and says where parallelrun should find it.

The new service reads the switches from SHOP_REGRESSIONS (names, separated by commas; empty: the fixed version). This
list is also the answer sheet: the demo and the tests hold parallelrun's report against it.
"""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Regression:
    """One planted mistake. `places` are the (location, kind) that it shows at, all of them at `endpoint`."""

    name: str
    what: str
    endpoint: str
    places: frozenset[tuple[str, str]]


def _regression(name: str, what: str, endpoint: str, *places: tuple[str, str]) -> Regression:
    return Regression(name, what, endpoint, frozenset(places))


REGRESSIONS: dict[str, Regression] = {
    regression.name: regression
    for regression in (
        _regression(
            "rounding",
            "tax that ends in half a cent is rounded to even instead of up, so only some quantities are wrong",
            "GET /products/{id}/quote",
            ("$.tax", "value"),
            ("$.total", "value"),
        ),
        _regression(
            "empty_basket",
            "an empty basket has no `items` at all instead of an empty list",
            "GET /basket",
            ("$.items", "missing"),
        ),
        _regression(
            "time_zone",
            "the time an order was placed is shown in the warehouse's time zone instead of UTC",
            "GET /orders/{reference}",
            ("$.placed_at", "value"),
        ),
        _regression(
            "search_order",
            "equally good hits come in the order of their ids instead of the newest first",
            "GET /search",
            ("$.hits", "order"),
        ),
        _regression(
            "search_crash",
            "an unbalanced bracket in a search is taken for a regular expression and ends in a 500",
            "GET /search",
            ("status", "value"),
        ),
        _regression(
            "empty_order",
            "ordering an empty basket is a 400 instead of a 409",
            "POST /orders",
            ("status", "value"),
        ),
        _regression(
            "order_location",
            "the Location of a new order names it by its internal number, where no order is found",
            "POST /orders",
            ("header:location", "value"),
        ),
        _regression(
            "cache_control",
            "the list of categories may no longer be cached",
            "GET /categories",
            ("header:cache-control", "value"),
        ),
        _regression(
            "stale_price",
            "a change of price leaves the cached product behind, which goes on showing the old price",
            "GET /products/{id}",
            ("$.price", "value"),
        ),
        _regression(
            "absent_next",
            "the last page leaves `next` out instead of saying null",
            "GET /products",
            ("$.next", "missing"),
        ),
        _regression(
            "text_count",
            "the number of items of an order has become a text",
            "GET /orders",
            ("$.orders[*].items", "type"),
        ),
    )
}


def parse(names: str) -> frozenset[str]:
    """Reads names separated by commas.

    Raises:
        ValueError: a name is not in REGRESSIONS.
    """
    wanted = frozenset(name.strip() for name in names.split(",") if name.strip())
    if unknown := wanted - REGRESSIONS.keys():
        raise ValueError(f"unknown regression {', '.join(sorted(unknown))}; there are {', '.join(REGRESSIONS)}")
    return wanted


_ACTIVE = parse(os.environ.get("SHOP_REGRESSIONS", ""))


def active(name: str) -> bool:
    """Tells whether this process runs with the named mistake."""
    return REGRESSIONS[name].name in _ACTIVE
