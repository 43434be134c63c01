"""Which rules are in force, and since when."""

import json
from typing import Any

import pytest

from parallelrun.evidence.reach import Reach
from parallelrun.evidence.rules import MOST, SETTLE_MS, Change, Rules, RulesInForce, load

NO_SCOPE = ""


def ignore(*places: str) -> dict[str, Any]:
    return {"ignore": [{"at": at, "id": None} for at in places], "headers": []}


def route(match: str, *places: str) -> dict[str, Any]:
    method, _, path = match.rpartition(" ")
    return {"method": method or None, "path": path, "compare": ignore(*places) if places else None}


def rules(*places: str, routes: tuple[dict[str, Any], ...] = (), **more: Any) -> Rules:
    return Rules.of(json.dumps({"generation": 1, "compare": ignore(*places), "routes": routes, **more}))


def changed(one: Rules, other: Rules) -> tuple[list[Reach], list[Reach]]:
    """Where rules hold that went from one set to the other, and where some came."""
    return list(one.missing_in(other)), list(other.missing_in(one))


def test_what_hides_nothing_changes_nothing() -> None:
    first = rules("$.a", routes=(route("GET /x/{id}", "$.b"),))
    same = rules("$.a", routes=(route("POST /y"), route("GET /x/{name}", "$.b")), templates=["/z/{id}"], generation=2)
    assert changed(first, same) == ([], [])
    named = {"ignore": [{"at": "$.a", "id": "mine"}], "headers": ["x-new"]}
    assert changed(rules("$.a"), Rules.of(json.dumps({"compare": named, "routes": []}))) == ([], [])


def test_what_came_and_what_went() -> None:
    assert changed(rules("$.a", "$.b"), rules("$.a", "$.c")) == ([Reach(NO_SCOPE, "$.b")], [Reach(NO_SCOPE, "$.c")])
    bound = [
        Rules.of(json.dumps({"compare": {"tolerance": [{"at": "$.a", "absolute": by}]}, "routes": []})) for by in (1, 2)
    ]
    assert changed(*bound) == ([Reach(NO_SCOPE, "$.a")], [Reach(NO_SCOPE, "$.a")]), "another bound"


def test_the_rules_of_a_route_hold_for_its_requests_alone() -> None:
    before, after = rules(routes=(route("GET /x", "$.a", "$.b"),)), rules(routes=(route("GET /x", "$.b"),))
    assert changed(before, after) == ([Reach("GET /x", "$.a")], [])
    assert changed(before, rules()) == ([Reach("GET /x", "$.a"), Reach("GET /x", "$.b")], [])
    gone, _ = changed(before, rules("$.a", "$.b"))
    assert gone == [], "what held for the route holds for all"


@pytest.mark.parametrize("around", ["/{*all}", "GET /x/{id}"])
def test_a_new_route_takes_requests_from_the_rules_of_another(around: str) -> None:
    alone = rules(routes=(route(around, "$.a", "$.b"), route("GET /y", "$.c")))
    both = rules(routes=(route(around, "$.a", "$.b"), route("GET /y", "$.c"), route("GET /x/new", "$.b", "$.d")))
    gone, came = changed(alone, both)
    assert gone == [Reach("GET /x/new", "$.a")]
    assert Reach("GET /x/new", "$.d") in came
    narrow = rules(routes=(route("GET /x/new", "$.a"),))
    wide = rules(routes=(route("GET /x/new", "$.a"), route(around)))
    assert changed(narrow, wide) == ([], []), "a wider one takes nothing"


def in_force(*sets: Rules) -> RulesInForce:
    """One set after the other, at 1,000, 2,000 and so on."""
    first, *others = sets
    found = RulesInForce.first(first, 1_000)
    for index, one in enumerate(others, 2):
        found = found.then(one, index * 1_000)
    return found


def since(found: RulesInForce, location: str, endpoint: str = "GET /x") -> list[tuple[int, int]]:
    return [(at, settled - at) for at, settled in found.since(endpoint, location)]


def test_a_difference_is_concerned_by_changes_of_rules_that_may_hide_it() -> None:
    found = in_force(rules("$.a"), rules("$.a", "$.b"), rules("$.b"), rules("$.b", "$..c"))
    assert since(found, "$.a") == [(3_000, 0)]
    assert since(found, "$.b") == [(2_000, SETTLE_MS), (1_000, SETTLE_MS)]
    assert since(found, "$.b.c") == [(4_000, SETTLE_MS), (2_000, SETTLE_MS), (1_000, SETTLE_MS)]
    assert since(found, "$.d") == [(1_000, SETTLE_MS)]


def test_another_rule_in_the_place_of_one_settles_like_a_new_one() -> None:
    found = in_force(rules("$.a.b"), rules("$.a"))
    assert since(found, "$.a.b") == [(2_000, SETTLE_MS)]


def test_no_change_goes_back_in_time() -> None:
    found = in_force(rules(), rules("$.a")).then(rules(), 500)
    assert [one.at_ms for one in found.changes] == [1_000, 2_000, 2_000]
    assert found.since_ms == 2_000


def test_what_is_remembered_is_bounded() -> None:
    found = in_force(rules("$.old"), *(rules("$.old", f"$.a{n}") for n in range(MOST)))
    assert len(found.changes) == MOST // 2 + 1
    assert found.changes[0] == Change(1_000 * (MOST - MOST // 2 + 1))
    assert since(found, "$.old") == [(found.changes[0].at_ms, SETTLE_MS)]


def test_survives_the_store() -> None:
    found = in_force(rules("$.a", routes=(route("GET /x", "$.b"), route("/y"))), rules("$.c"))
    assert load(found.dump()) == found
    assert load(None) is None
