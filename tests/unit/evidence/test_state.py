"""The evidence in memory: what past runs left plus what the core counts now."""

import json

from hypothesis import given
from hypothesis import strategies as st

from parallelrun.evidence.counters import Counters, EndpointCounts
from parallelrun.evidence.model import Difference, Example, Past, Times
from parallelrun.evidence.records import Record, read_record
from parallelrun.evidence.rules import SETTLE_MS, Rules, RulesInForce
from parallelrun.evidence.signature import signature
from parallelrun.evidence.state import Evidence
from parallelrun.evidence.status import Verdicts
from tests.support.fake_core import FakeCore, difference, pair

ENDPOINT = "GET /orders/{id}"
NAME = signature(ENDPOINT, "$.total", "value")


def counters(core: FakeCore) -> Counters:
    return Counters.model_validate_json(core.counters())


def record(name: str, *differences: dict[str, object], at_ms: int = 0) -> Record:
    made = read_record(json.dumps(pair(name, *differences, at_ms=at_ms)).encode())
    assert made
    return made


def past(verdicts: Verdicts, times: Times, requests: int = 10) -> Past:
    return Past(
        since_ms=1,
        endpoints={ENDPOINT: EndpointCounts(endpoint=ENDPOINT, requests=requests, outcomes={"match": requests})},
        differences={NAME: Difference(NAME, ENDPOINT, "$.total", "value", verdicts, times)},
    )


def test_the_ledger_adds_this_run_to_the_others() -> None:
    core, evidence = FakeCore(), Evidence()
    evidence.rebase(past(Verdicts(confirmed=1), Times(1, 1)), [])
    core.count(ENDPOINT, "mismatch", 2)
    core.count("GET /", "noise", 5)
    evidence.observe(counters(core), 100)
    ledger = evidence.ledger()
    assert (ledger.requests, ledger.outcomes) == (17, {"match": 10, "mismatch": 2, "noise": 5})
    assert [(one.endpoint, one.requests) for one in evidence.endpoints()] == [(ENDPOINT, 12), ("GET /", 5)]


def test_when_a_difference_was_first_and_last_seen() -> None:
    core, evidence = FakeCore(), Evidence()
    core.differ(confirmed=1)
    evidence.observe(counters(core), 100)
    evidence.observe(counters(core), 200)
    assert evidence.judge(NAME).difference.times == Times(100, shown=100)
    core.differ(ignored=1)
    evidence.observe(counters(core), 300)
    assert evidence.judge(NAME).difference.times == Times(100, shown=100, hidden=300)
    evidence.rebase(past(Verdicts(noise=4), Times(7, 50, 60)), [])
    judged = evidence.judge(NAME)
    assert judged.difference.times == Times(7, shown=100, hidden=300)
    assert judged.difference.verdicts == Verdicts(confirmed=1, noise=4, ignored=1)


def test_a_difference_is_news_once() -> None:
    core, evidence = FakeCore(), Evidence()
    core.differ(noise=3)
    assert evidence.observe(counters(core), 1) == [], "noise is no news"
    core.differ("$.b", confirmed=1)
    assert [one.difference.location for one in evidence.observe(counters(core), 2)] == ["$.b"]
    core.differ("$.b", confirmed=1)
    assert evidence.observe(counters(core), 3) == []


def test_a_difference_of_an_earlier_run_is_no_news() -> None:
    core, evidence = FakeCore(), Evidence()
    evidence.rebase(past(Verdicts(confirmed=1), Times(1, 1)), [])
    core.differ(confirmed=1)
    assert evidence.observe(counters(core), 2) == []


def rules(*places: str) -> Rules:
    compare = {"ignore": [{"at": at, "id": None} for at in places]}
    return Rules.of(json.dumps({"compare": compare, "routes": []}))


def change(evidence: Evidence, at_ms: int, *places: str) -> None:
    evidence.rules = (
        evidence.rules.then(rules(*places), at_ms) if evidence.rules else RulesInForce.first(rules(*places), at_ms)
    )


def see(evidence: Evidence, core: FakeCore, at_ms: int, **verdicts: int) -> str:
    """What is said of the difference once it has been seen so."""
    core.differ("$.total", "value", endpoint=ENDPOINT, **verdicts)
    evidence.observe(counters(core), at_ms)
    return evidence.judge(NAME).status


def test_a_rule_added_later_shows_its_effect_with_the_next_request() -> None:
    core, evidence = FakeCore(), Evidence()
    change(evidence, 0)
    assert see(evidence, core, 100_000, confirmed=50) == "open"
    change(evidence, 200_000, "$.total")
    began_before = see(evidence, core, 201_000, confirmed=1)
    assert began_before == "open", "no rule has hidden it yet"
    assert see(evidence, core, 202_000, ignored=1) == "ignored"
    covers_only_some = see(evidence, core, 200_001 + SETTLE_MS, confirmed=1)
    assert covers_only_some == "open"


def test_what_a_rule_hides_stays_hidden_while_others_come_and_go() -> None:
    core, evidence = FakeCore(), Evidence()
    change(evidence, 0)
    see(evidence, core, 100_000, confirmed=50)
    change(evidence, 200_000, "$.total")
    assert see(evidence, core, 201_000, ignored=1) == "ignored"
    for at_ms, others in ((300_000, ["$.b"]), (400_000, ["$.b", "$..c"]), (500_000, ["$..c"]), (600_000, [])):
        change(evidence, at_ms, "$.total", *others)
        assert evidence.judge(NAME).status == "ignored"


def test_a_removed_rule_that_may_have_hidden_it_shows_it_until_the_next_request() -> None:
    core, evidence = FakeCore(), Evidence()
    change(evidence, 0)
    see(evidence, core, 100_000, confirmed=50)
    change(evidence, 200_000, "$.total", "$")
    assert see(evidence, core, 201_000, ignored=1) == "ignored"
    change(evidence, 300_000, "$.total")
    assert evidence.judge(NAME).status == "open"
    assert see(evidence, core, 301_000, ignored=1) == "ignored"


def test_what_only_a_removed_rule_hid_is_open_at_once_and_stays_so() -> None:
    core, evidence = FakeCore(), Evidence()
    change(evidence, 0, "$.total", "$.b")
    see(evidence, core, 100_000, confirmed=5)
    change(evidence, 200_000, "$.total", "$.b")
    assert see(evidence, core, 201_000, ignored=1) == "open", "the rule covers only some of it"
    change(evidence, 300_000, "$.b")
    assert see(evidence, core, 301_000, confirmed=1) == "open"
    began_before = see(evidence, core, 302_000, ignored=1)
    assert began_before == "open"


def test_a_rule_that_covers_only_some_hides_no_more_once_others_have_changed() -> None:
    core, evidence = FakeCore(), Evidence()
    change(evidence, 0, "$.total")
    see(evidence, core, 100_000, ignored=1)
    assert see(evidence, core, 100_000, confirmed=1) == "open"
    change(evidence, 200_000, "$.total", "$.b")
    assert see(evidence, core, 300_000, ignored=1) == "open"


def test_the_best_example_wins_and_a_dropped_one_is_not_pointed_at() -> None:
    core, evidence = FakeCore(), Evidence()
    core.differ(confirmed=3)
    evidence.observe(counters(core), 1)
    assert evidence.judge(NAME).example is None
    evidence.saw(record("noisy", difference(verdict="noise"), at_ms=9))
    confirmed = record("confirmed", difference(verdict="confirmed", old="1", new="2"), at_ms=5)
    evidence.saw(confirmed)
    evidence.saw(record("older", difference(verdict="confirmed"), at_ms=4))
    evidence.saw(record("later", difference(verdict="unconfirmed"), at_ms=99))
    assert evidence.judge(NAME).example == Example("confirmed", 5, "confirmed", "1", "2")
    evidence.dropped(confirmed)
    assert evidence.judge(NAME).example is None


def test_what_is_too_old_is_not_shown() -> None:
    core, evidence = FakeCore(), Evidence()
    core.differ(confirmed=1)
    evidence.observe(counters(core), 1_000)
    assert evidence.differences(1_001) == []
    assert len(evidence.differences(1_000)) == 1


@given(
    st.lists(st.tuples(st.sampled_from(["confirmed", "noise", "race", "ignored", "unconfirmed"]), st.integers(1, 5)))
)
def test_counts_never_depend_on_how_often_one_looked(steps: list[tuple[str, int]]) -> None:
    core, often, once = FakeCore(), Evidence(), Evidence()
    for moment, (verdict, times) in enumerate(steps, 1):
        core.differ("$.total", "value", endpoint=ENDPOINT, **{verdict: times})
        often.observe(counters(core), moment)
        often.observe(counters(core), moment)
    once.observe(counters(core), 99)
    assert [one.difference.verdicts for one in often.differences()] == [
        one.difference.verdicts for one in once.differences()
    ]
