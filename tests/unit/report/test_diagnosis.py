"""What `doctor` says."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from parallelrun.api.alerts import Alerts, Target
from parallelrun.api.status import OtherSides
from parallelrun.cli.diagnosis import Finding, diagnose
from parallelrun.cli.status_text import status_text
from parallelrun.config.words import span, time
from parallelrun.engine.health import Health
from parallelrun.web.notes import notes
from parallelrun.web.report import Report
from tests.support.fake_engine import FakeEngine
from tests.support.plural import wrong_plurals
from tests.unit.report.test_text import printed

NOW = datetime(2100, 3, 1, 12, 0, 0, tzinfo=UTC)
BUSY = {"seconds": 300.0, "requests": 100, "per_s": 0.3, "old": 100, "new": 100, "outcomes": {"match": 100}}

Change = Callable[..., list[Finding]]


@pytest.fixture
async def findings(engine: FakeEngine) -> Change:
    """What is found in a healthy process after some changes: to the status, to `recent`, to a side, to the report."""
    engine.core.count("GET /", "match", 100)
    healthy = await engine.report()

    def diagnosed(
        *,
        recent: dict[str, Any] | None = None,
        new: dict[str, Any] | None = None,
        store: dict[str, Any] | None = None,
        config: dict[str, Any] | None = None,
        report: dict[str, Any] | None = None,
        here: datetime = NOW,
        **status: Any,
    ) -> list[Finding]:
        seen = {"last_request_at": NOW}
        before = healthy.status.model_copy(update={"time": NOW, "uptime_s": 3600.0, **seen})
        changed = before.model_copy(
            update={
                "recent": before.recent.model_copy(update=BUSY | (recent or {})),
                "old": before.old.model_copy(update=seen),
                "new": before.new.model_copy(update=seen | (new or {})),
                "store": before.store.model_copy(update=store or {}),
                "config": before.config.model_copy(update=config or {}),
                **status,
            }
        )
        made: Report = healthy.model_copy(update={"status": changed, **(report or {})})
        return diagnose(made, here)

    return diagnosed


def one(found: list[Finding]) -> Finding:
    assert len(found) == 1, found
    return found[0]


def test_all_is_well(findings: Change) -> None:
    assert findings() == []


def test_no_traffic(findings: Change) -> None:
    found = one(findings(requests=0, last_request_at=None, uptime_s=600.0, recent=BUSY | {"requests": 0, "new": 0}))
    assert found.what == "no request has come in the 10 min since the start"
    found = one(findings(last_request_at=NOW - timedelta(hours=3), recent={"requests": 0, "new": 0}))
    assert (found.severity, found.what) == ("warning", "no request has come for 3 h")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sample": 0.0, "weight": 0.0, "recent": {"outcomes": {"not_sampled": 100}}}, "weight 0 and sampling 0 %"),
        ({"recent": {"outcomes": {"breaker_open": 90, "not_sampled": 10}}}, "the breaker is open (90 of 100 requests)"),
        ({"recent": {"outcomes": {"method_not_mirrored": 100}}}, "all requests have unsafe methods"),
        ({"recent": {"outcomes": {"overload": 100}}}, "copies meet `limits.shadows` or `limits.memory`"),
        ({"recent": {"outcomes": {"route_not_mirrored": 100}}}, "their routes say `mirror: false`"),
        ({"recent": {"outcomes": {}}}, "no copy was sent"),
    ],
)
def test_new_had_no_request_and_why(findings: Change, changes: dict[str, Any], why: str) -> None:
    changes["recent"] = {"new": 0, **changes.get("recent", {})}
    found = one(findings(**changes, new={"last_request_at": NOW - timedelta(minutes=7)}))
    assert found.topic == "new"
    assert found.what.startswith(f"new has had no request for 7 min: {why}")
    assert found.do


def test_new_cannot_be_reached(findings: Change) -> None:
    gone = {"last_request_at": NOW - timedelta(minutes=7), "failures": {"connect": 50}, "requests": 50}
    found = findings(recent={"new": 0, "outcomes": {"new_failed": 100}}, new=gone)
    assert [finding.what for finding in found] == [
        "new has had no request for 7 min: it cannot be reached",
        "new gave no answer to 50 of 50 requests (50 connect)",
    ]


def test_sides(findings: Change) -> None:
    health = Health(url="http://new/healthz", ok=False, error="answered 503", checked_at=NOW)
    assert one(findings(new={"health": health})).what == "the health URL http://new/healthz fails: answered 503"
    assert "missed 2 writes that the other side took" in one(findings(new={"missed_writes": 2})).what
    assert findings(new={"requests": 1000, "failures": {"reset": 1}}) == [], "one in a thousand is no finding"


@pytest.mark.parametrize(
    ("failures", "do"), [({"tls": 2, "connect": 1}, "`new.ca`"), ({"timeout": 3}, "`new.timeout`")]
)
def test_a_side_that_fails_has_its_certificate_or_itself_looked_at(
    findings: Change, failures: dict[str, int], do: str
) -> None:
    assert do in one(findings(new={"requests": 3, "failures": failures})).do


def test_store(findings: Change) -> None:
    found = one(findings(store={"error": "database or disk is full", "held": 3}))
    assert "database or disk is full; 3 pairs wait in memory" in found.what
    assert one(findings(store={"lost": 1})).what == "1 example pair never reached the store"
    others = OtherSides(old="http://a", new="http://b", since=NOW)
    told = one(findings(store={"other_sides": others}))
    assert told.severity == "warning"
    assert "evidence of other addresses since 2100-03-01 12:00:00 UTC, old http://a and new http://b" in told.what
    assert "if the same two have only moved" in told.do


@pytest.fixture
async def holding(tmp_path: Path) -> AsyncIterator[Report]:
    """Of a rollout that would need days of this traffic, and has a minute."""
    plan = {"steps": ["100%"], "hold": "1m", "deadline": "1m", "gate": {"mismatch": "0.0001%"}}
    engine = FakeEngine(f"sqlite:///{tmp_path / 'holding.db'}", rollout=plan)
    await engine.rollout.tick()
    for _ in range(3):
        engine.core.count("GET /", "match", 100)
        await engine.rollout.tick()
    yield await engine.report()
    await engine.close()


def changed(report: Report, per_s: float = 0.0, **rollout: Any) -> list[str]:
    """What is found of the rollout after changes to the traffic, and to where it stands."""
    before = report.status
    recent = before.recent.model_copy(update={"per_s": per_s})
    status = before.model_copy(update={"recent": recent, "rollout": before.rollout.model_copy(update=rollout)})
    found = diagnose(report.model_copy(update={"status": status}), status.time)
    return [finding.what for finding in found if finding.topic == "rollout"]


def test_traffic_too_thin_to_prove_the_step_before_its_deadline(holding: Report) -> None:
    rollout = holding.status.rollout
    assert rollout.deadline
    assert rollout.more_requests
    assert rollout.more_requests > 1000
    left_s = (rollout.deadline - holding.status.time).total_seconds()
    thin = rollout.more_requests / (left_s + 1)
    when = f"{span(left_s + 1)} at the present rate; its deadline is {time(rollout.deadline)}, weight 0 %"
    needed = f"the rollout needs about {rollout.more_requests:,} more answers for a decision"
    assert changed(holding, eta_s=left_s + 1) == [f"{needed}, in about {when}"]
    assert changed(holding, per_s=thin, eta_s=None) == [f"{needed}, in at least {when}"], "nothing of the kind yet"
    (what,) = changed(holding, more_requests=1, eta_s=left_s + 1, endpoint="GET /")
    assert "about 1 more answer at GET / for a decision" in what
    assert holding.rollout
    only_clean = [
        each.model_copy(update={"more": None, "more_if_clean": rollout.more_requests})
        for each in holding.rollout.evidence
    ]
    if_clean = holding.model_copy(update={"rollout": holding.rollout.model_copy(update={"evidence": only_clean})})
    assert changed(if_clean, eta_s=left_s + 1) == [f"{needed.replace('about', 'at least')}, in at least {when}"]
    enough: list[dict[str, Any]] = [
        {"eta_s": left_s - 1},
        {"eta_s": None},
        {"eta_s": None, "per_s": rollout.more_requests / (left_s - 1)},
        {"eta_s": left_s + 1, "deadline": None},
        {"eta_s": left_s + 1, "verdict": "advance"},
    ]
    assert [changed(holding, **well) for well in enough] == [[]] * len(enough)


@pytest.mark.parametrize("back_s", [None, 3600.0])
def test_what_is_counted_already_proves_nothing_before_the_deadline(holding: Report, back_s: float | None) -> None:
    """So many answers would come in time, were none of them bad; but those so far speak for neither decision."""
    assert holding.rollout
    evidence = [each.model_copy(update={"more": None, "more_if_clean": 50}) for each in holding.rollout.evidence]
    bad = holding.model_copy(update={"rollout": holding.rollout.model_copy(update={"evidence": evidence})})
    now: dict[str, Any] = {"more_requests": 50, "eta_s": 5.0, "reason": "3 of 2,000 answers differ.", "back_s": back_s}
    (what,) = changed(bad, **now)
    assert what.startswith("the rollout comes to no decision at this rate, and its deadline is ")
    assert what.endswith(", weight 0 %: 3 of 2,000 answers differ.")


def test_no_word_of_the_deadline_where_it_goes_back_before(holding: Report) -> None:
    rollout = holding.status.rollout
    assert rollout.deadline
    left_s = (rollout.deadline - holding.status.time).total_seconds()
    unproved: list[dict[str, Any]] = [{"more_requests": 50, "eta_s": left_s + 1}, {"more_requests": None}]
    for needed in unproved:
        assert changed(holding, **needed, back_s=left_s - 1) == []
        assert changed(holding, **needed, back_s=left_s + 1) != []


def test_a_step_that_no_number_of_answers_proves(holding: Report) -> None:
    (what,) = changed(holding, more_requests=None, eta_s=None, reason="3 of 10 answers differ.")
    assert what.startswith("the rollout comes to no decision at this rate, and its deadline is ")
    assert what.endswith(", weight 0 %: 3 of 10 answers differ.")
    nothing_judged = holding.model_copy(update={"rollout": None})
    assert changed(nothing_judged, more_requests=None, eta_s=None) == []


async def test_one_is_no_plural(findings: Change, engine: FakeEngine) -> None:
    side = {"missed_writes": 1, "failures": {"connect": 1}, "requests": 1}
    found = findings(new=side, store={"error": "full", "held": 1, "lost": 1})
    texts = [finding.what for finding in found]
    assert "new gave no answer to 1 of 1 request (1 connect)" in texts
    status = (await engine.report()).status
    ones = {"old": status.old, "new": status.new, "store": status.store} | {"requests": 1}
    for name, changes in (("new", side | {"status_5xx": 1}), ("store", {"held": 1, "lost": 1})):
        ones[name] = getattr(status, name).model_copy(update=changes)
    report = (await engine.report()).model_copy(update={"status": status.model_copy(update=ones)})
    texts += [printed(status_text(report.status, report.ledger)), *notes(report)]
    assert [wrong for text in texts for wrong in wrong_plurals(text)] == []


async def test_clock(findings: Change, engine: FakeEngine) -> None:
    assert "are 10 min apart" in one(findings(here=NOW + timedelta(minutes=10))).what
    assert findings(here=NOW + timedelta(seconds=3)) == []
    engine.core.differ(noise=1)
    noise = (await engine.report()).noise
    future = [noise[0].model_copy(update={"last_seen": NOW + timedelta(hours=1)})]
    assert "evidence from the future (2100-03-01 13:00:00 UTC)" in one(findings(report={"noise": future})).what


async def test_settings_and_rules(findings: Change, tmp_path: Any) -> None:
    refused = findings(
        config={"refused": ["p.yaml:3: sampel: unknown key"]}, new={"missed_writes": 1}, store={"lost": 1}
    )
    assert [finding.severity for finding in refused] == ["error", "error", "warning"], "errors first"
    assert one(findings(config={"needs_restart": ["listen", "store"]})).what.endswith("takes it over: listen, store")
    assert one(findings(config={"warnings": ["odd"]})).what == "odd"
    engine = FakeEngine(
        f"sqlite:///{tmp_path}/rules.db", compare={"ignore": [{"at": "$.a", "until": "2024-01-01", "owner": "jo"}]}
    )
    rules = (await engine.report()).rules
    await engine.close()
    said = "p.yaml:3: compare.ignore[0]: its last day was 2024-01-01"
    found = one(findings(report={"rules": rules}, config={"warnings": [said]}))
    assert found.what == "the rule ignore at $.a (compare.ignore[0]) expired on 2024-01-01 and hides nothing any more"
    assert found.do.endswith("(ask jo)")


@pytest.mark.parametrize("name", ["overload", "request_too_large", "response_too_large", "looped", "breaker_open"])
def test_much_is_left_out(findings: Change, name: str) -> None:
    found = one(findings(recent={"outcomes": {"match": 80, name: 20}}))
    assert found.what.startswith("20 of the last 100 requests were not compared: ")
    assert findings(recent={"outcomes": {"match": 96, name: 4}}) == []


async def test_evidence_that_proves_nothing(findings: Change, engine: FakeEngine) -> None:
    engine.core.differ("$.id", "value", endpoint="POST /", unconfirmed=30)
    unconfirmed = (await engine.report()).open
    found = one(findings(report={"open": unconfirmed}))
    assert found.what == "no difference could be confirmed (30 pairs): noise cannot be told from real ones"
    engine.core.differ("$.now", "value", noise=100)
    noisy = await engine.report()
    only = {"noise": noisy.noise, "ledger": noisy.ledger.model_copy(update={"outcomes": {"noise": 100}})}
    assert "all of it is noise" in one(findings(report=only)).what
    nothing = noisy.compared.model_copy(update={"count": 0, "of": 100})
    found = one(findings(report={"compared": nothing}))
    assert "nothing of 100 requests was compared" in found.what
    assert found.do == "`parallelrun report` says what each name means, under `Not compared, and why`"


def test_a_target_that_takes_no_alerts(findings: Change) -> None:
    target = Target(
        target="mailto://mail.example.org",
        min="warning",
        ok=False,
        error="connection refused",
        failing_since=NOW - timedelta(hours=1),
        next_try_at=NOW + timedelta(minutes=2),
        queued=3,
        told=1,
        unlisted=0,
        merged=0,
        dropped=0,
        messages=1,
        failures=20,
    )
    alerts = Alerts(open=[], told={"warning": 4}, withdrawn=0, missed=0, targets=[target])
    found = one(findings(alerts=alerts))
    assert found.what == (
        "mailto://mail.example.org has taken no alert since 11:00:00 UTC: connection refused; "
        "3 alerts wait, the next try is at 12:02:00"
    )
    well = target.model_copy(update={"error": None, "failing_since": None, "next_try_at": None, "dropped": 2})
    found = one(findings(alerts=alerts.model_copy(update={"targets": [well]})))
    assert (found.severity, found.what) == ("warning", "2 alerts never reached mailto://mail.example.org")
