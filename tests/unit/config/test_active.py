"""Rules: their ids and their end."""

from datetime import date
from pathlib import Path

from parallelrun.config.active import expired_rules, placed_rules, today
from tests.unit.config.given import config, load


def ids(**compare: object) -> list[str]:
    return [placed.id for placed in placed_rules(config(compare=compare))]


def test_an_id_follows_from_what_the_rule_does() -> None:
    plain = ids(ignore=["$.a"])
    assert plain == ids(ignore=[{"at": "$.a", "reason": "why", "owner": "jo", "until": "2099-01-01"}])
    assert plain == ids(ignore=["$.b", "$.a"])[1:]
    assert plain == ["ignore-" + plain[0].removeprefix("ignore-")]


def test_what_does_something_else_has_another_id() -> None:
    found = [
        *ids(ignore=["$.a", "$.b"]),
        *ids(case=["$.a"]),
        *ids(additive=["$.a"]),
        *ids(unordered=["$.a", {"at": "$.a", "by": "id"}]),
        *ids(tolerance=[{"at": "$.a", "absolute": 1.0}, {"at": "$.a", "relative": "1%"}]),
        *ids(equivalent=[{"at": "$.a", "pattern": "x"}, {"at": "$.a", "pattern": "x", "replacement": "y"}]),
        *(placed.id for placed in placed_rules(config(routes=[{"match": "/x", "compare": {"ignore": ["$.a"]}}]))),
    ]
    assert len(set(found)) == len(found) == 11


def test_an_id_stays_the_same_from_release_to_release() -> None:
    assert ids(ignore=["$.updated_at"]) == ["ignore-7715dce0d1"]


def test_an_own_id_is_kept() -> None:
    assert ids(ignore=[{"at": "$.a", "id": "mine"}]) == ["mine"]


def test_a_rule_holds_through_its_last_day() -> None:
    rules = config(compare={"ignore": [{"at": "$.a", "until": "2027-03-01"}, "$.b"]})
    assert not expired_rules(rules, date(2027, 3, 1))
    assert [placed.rule.at for placed in expired_rules(rules, date(2027, 3, 2))] == ["$.a"]


def test_an_expired_rule_is_a_warning(file: Path) -> None:
    loaded = load(file, "old: http://a\nnew: http://b\ncompare:\n  ignore:\n  - {at: $.a, until: 2020-01-01}\n")
    assert [str(warning) for warning in loaded.warnings] == [
        f"{file}:5: compare.ignore[0]: its last day was 2020-01-01: no longer applied (ignore $.a)"
    ]
    assert today() > date(2020, 1, 1)
