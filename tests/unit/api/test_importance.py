"""The order in which differences are shown."""

from parallelrun.api.importance import importance
from parallelrun.evidence.model import Difference, Judged, Times
from parallelrun.evidence.status import Status, Verdicts


def judged(location: str, kind: str = "value", status: Status = "open", count: int = 1) -> Judged:
    return Judged(Difference(location, "GET /", location, kind, Verdicts(confirmed=count), Times(1)), status, None)


def test_what_is_most_likely_to_hurt_comes_first() -> None:
    right = [
        judged("status"),
        judged("$.gone", "missing"),
        judged("$.other", "type"),
        judged("$.list", "length"),
        judged("$.value"),
        judged("header:location"),
        judged("$.hits", "order"),
        judged("$.more", "extra"),
        judged("status", status="race"),
        judged("status", status="noise"),
        judged("status", status="ignored"),
    ]
    right.reverse()
    assert sorted(right, key=lambda one: importance(one, 0.1)) == right[::-1]


def test_of_two_alike_the_more_frequent() -> None:
    rare, often = judged("$.a", count=1), judged("$.b", count=9)
    shares = {"$.a": 0.5, "$.b": 0.1}
    assert sorted([often, rare], key=lambda one: importance(one, shares[one.difference.location])) == [rare, often]
    assert sorted([rare, often], key=lambda one: importance(one, 0.1)) == [often, rare]
