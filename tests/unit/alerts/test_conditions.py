"""What holds, from the facts."""

from dataclasses import replace
from typing import Any

import pytest

from parallelrun.alerts.alert import Alert
from parallelrun.alerts.conditions import (
    BLIND_MS,
    LOST_MS,
    MISSED_MS,
    QUIET_MS,
    UNHEALTHY_MS,
    holding,
    is_over,
)
from parallelrun.alerts.facts import Counted, Facts, Lately, RolloutFacts, Unhealthy
from parallelrun.alerts.happenings import FAULTS
from tests.support.plural import wrong_plurals
from tests.unit.alerts.given import NOW, recent

WELL = Facts(
    NOW, weight=0.0, sample=1.0, recent=recent(), new_last_ms=NOW, new_url="http://new:2", store="sqlite:///x.db"
)
QUIET = {"new_last_ms": NOW - int(QUIET_MS)}


def found(**changes: Any) -> list[Alert]:
    return list(holding(replace(WELL, **changes)))


def one(**changes: Any) -> Alert:
    (alert,) = found(**changes)
    assert is_over(alert.key, (), replace(WELL, rollout=RolloutFacts("shadow", 0, "")))
    return alert


def test_all_is_well() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sample": 0.0}, "weight 0 and sampling 0 %"),
        ({"recent": recent(new=0, outcomes={"breaker_open": 1000})}, "the breaker is open (1,000 of 1,000 requests)"),
        ({"recent": recent(new=0, outcomes={"match": 1}), "new_failed": True}, "it cannot be reached"),
    ],
)
def test_new_has_had_no_request(changes: dict[str, Any], why: str) -> None:
    alert = one(**{"recent": recent(new=0), **QUIET, **changes})
    assert alert.title == f"new has had no request for 5 min: {why}"
    assert (alert.key, alert.severity, alert.facts["why"]) == ("quiet:new", "warning", why)


@pytest.mark.parametrize(
    "changes",
    [
        {"new_last_ms": NOW - int(QUIET_MS) + 1, "recent": recent(new=0)},
        {**QUIET, "recent": recent(new=0, requests=19)},
        {**QUIET, "recent": recent(new=1)},
    ],
)
def test_new_is_not_quiet(changes: dict[str, Any]) -> None:
    assert found(**changes) == []


def test_a_side_is_failing() -> None:
    old = one(recent=recent(old_failed=60))
    assert (old.key, old.severity) == ("failing:old", "critical")
    assert old.text.startswith("60 of its last 1,000 requests got no answer, or a 5xx.")
    new = one(recent=recent(new_failed=60))
    assert (new.key, new.severity) == ("failing:new", "warning")
    assert found(recent=recent(old_failed=50, new_failed=50)) == []
    assert found(recent=recent(old=10, old_failed=10)) == []


def test_what_both_fail_is_not_the_new_sides_fault() -> None:
    assert one(recent=recent(old_failed=60, new_failed=100)).key == "failing:old"


def test_a_health_url_fails_for_long_enough() -> None:
    health = Unhealthy("http://old:1/h", "answered 500", NOW - UNHEALTHY_MS)
    assert one(unhealthy={"old": health}).severity == "critical"
    assert one(unhealthy={"new": health}).text == "http://old:1/h: answered 500."
    assert found(unhealthy={"old": replace(health, since_ms=NOW - UNHEALTHY_MS + 1)}) == []


def test_missed_writes_per_side_and_endpoint() -> None:
    missed = {("new", "POST /a"): Lately(3, NOW), ("new", "POST /b"): Lately(1, NOW), ("old", "POST /a"): Lately(1, 0)}
    alerts = found(missed=missed)
    assert [alert.key for alert in alerts] == ["missed:new:POST /a", "missed:new:POST /b"]
    assert {alert.severity for alert in alerts} == {"critical"}
    assert "3 writes that the new side did not" in alerts[0].text
    assert found(missed={("new", "POST /a"): Lately(3, NOW - MISSED_MS)}) == []


def test_the_store_and_what_was_lost() -> None:
    assert "disk full" in one(store_error="disk full", held=7).text
    assert one(lost=Lately(5, NOW)).facts == {"pairs": 5}
    assert found(lost=Lately(5, NOW - LOST_MS)) == []


def test_one_is_no_plural() -> None:
    single = {"missed": {("new", "POST /a"): Lately(1, NOW)}, "store_error": "full", "held": 1, "lost": Lately(1, NOW)}
    texts = [f"{alert.title}\n{alert.text}" for alert in found(**single)]
    assert len(texts) == 3
    assert [wrong for text in texts for wrong in wrong_plurals(text)] == []


def test_where_the_rollout_stands() -> None:
    going = RolloutFacts("stepping", 250_000, "All is proved.")
    assert found(rollout=going) == []
    back = one(rollout=replace(going, phase="rolled_back", weight=0, reason="It answers wrongly."))
    assert (back.key, back.severity, back.text) == ("rollout:rolled_back", "critical", "It answers wrongly.")
    paused = one(rollout=replace(going, phase="paused"))
    assert (paused.key, paused.severity) == ("rollout:paused", "warning")
    assert paused.title == "The rollout is paused at 25%"
    assert one(rollout=replace(going, waiting=True)).key == "rollout:approval"
    blinded = replace(going, blind="The store takes no evidence.", blind_ms=NOW - BLIND_MS)
    assert found(rollout=replace(blinded, blind_ms=NOW - BLIND_MS + 1)) == []
    blind = one(rollout=blinded)
    assert (blind.key, blind.text, blind.facts["weight"]) == ("rollout:blind", "The store takes no evidence.", 0.25)


def test_what_is_over() -> None:
    assert is_over("store", {"lost"}, WELL)
    assert not is_over("store", {"store"}, WELL)
    assert not is_over("difference:abc", (), WELL), "is not found here"
    assert not is_over("breaker", (), WELL), "neither"
    assert not is_over("rollout:paused", (), WELL), "nobody has said where it stands"


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_of_our_own(name: str) -> None:
    alert = one(faults={name: Lately(1, NOW, "KeyError: x")})
    assert (alert.key, alert.severity) == (f"fault:{name}", "critical")
    assert "KeyError: x" in alert.text


def test_counts_that_grow() -> None:
    counted = Counted()
    assert counted("a", 0, 1) is None
    assert counted("a", 2, 5) == Lately(2, 5)
    assert counted("a", 2, 9) == Lately(2, 5)
    assert counted("a", 3, 11) == Lately(3, 11)
    assert counted("b", 1, 12) == Lately(1, 12)
