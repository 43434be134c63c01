"""Since when the present rules hold."""

import json

from parallelrun.evidence.rules import RulesInForce, digest, load

SNAPSHOT = {
    "generation": 1,
    "compare": {"ignore": [{"at": "$.a", "id": None}]},
    "routes": [{"method": "GET", "path": "/x", "writes": None, "mirror": True, "compare": None}],
    "templates": [],
    "sample_ppm": 1,
}


def test_changes_with_the_rules_and_with_nothing_else() -> None:
    first = digest(json.dumps(SNAPSHOT))
    assert digest(json.dumps({**SNAPSHOT, "generation": 2, "sample_ppm": 5})) == first
    assert digest(json.dumps({**SNAPSHOT, "compare": {}})) != first
    assert digest(json.dumps({**SNAPSHOT, "templates": ["/x/{y}"]})) != first
    route = {**SNAPSHOT["routes"][0], "compare": {"case": [{"at": "$", "id": None}]}}  # type: ignore[index]
    assert digest(json.dumps({**SNAPSHOT, "routes": [route]})) != first


def test_survives_the_store() -> None:
    rules = RulesInForce("abc", 5)
    assert load(rules.dump()) == rules
    assert load(None) is None
