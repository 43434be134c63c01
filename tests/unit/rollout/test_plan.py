"""What another configuration means for a rollout: another one, the step again, or nothing."""

from datetime import date
from typing import Any

import pytest

from parallelrun.config import Config, Loaded, keys
from parallelrun.config.attachments import Attachments
from parallelrun.rollout.plan import COMPARED, VERSIONS, Plan, make_plan
from tests.support.repository import ROOT

TODAY = date(2026, 3, 1)
SIDES = {"old": "http://old:1", "new": "http://new:2"}


def plan(*, day: date = TODAY, **settings: Any) -> Plan:
    return make_plan(Loaded(Config.model_validate({**SIDES, **settings}), Attachments()), day)


@pytest.mark.parametrize(
    "settings",
    [
        {"new": "http://new:3"},
        {"new": {"url": "http://new:2", "version": "2"}},
        {"old": "http://old:2"},
        {"old": {"url": "http://old:1", "version": "1"}},
    ],
)
def test_another_version(settings: dict[str, Any]) -> None:
    assert plan(**settings).versions != plan().versions


@pytest.mark.parametrize(
    "settings",
    [
        {"compare": {"ignore": ["$.at"]}},
        {"compare": {"headers": ["x-total"]}},
        {"routes": [{"match": "GET /a", "mirror": False}]},
        {"databases": "separate"},
        {"sample": "10%"},
        {"verify": True},
        {"rescue": "both"},
        {"sticky": {"cookie": "session"}},
        {"new": {"url": "http://new:2", "timeout": "3s"}},
        {"rollout": {"steps": ["50%", "100%"]}},
        {"rollout": {"gate": {"mismatch": "1%"}}},
        {"rollout": {"never": ["status"]}},
        {"limits": {"body": "2MiB"}},
        {"limits": {"samples": 0}},
    ],
)
def test_evidence_of_before_says_nothing(settings: dict[str, Any]) -> None:
    assert plan(**settings).versions == plan().versions
    assert plan(**settings).judged != plan().judged


@pytest.mark.parametrize(
    "settings",
    [
        {"rollout": {"hold": "1m", "deadline": "2d", "bake": "5m", "approve": ["100%"]}},
        {"alerts": [{"to": "json://x"}]},
        {"limits": {"keep": "3d", "memory": "1GiB"}},
        {"redact": {"headers": ["x-secret"]}},
        {"breaker": {"failures": 9}},
        {"stop": {"grace": "1s"}},
        {"compare": {"ignore": [{"at": "$.at", "until": "2026-02-28"}]}},
        {"new": {"url": "http://new:2", "health": "/healthz"}},
    ],
)
def test_evidence_still_holds(settings: dict[str, Any]) -> None:
    assert plan(**settings).versions == plan().versions
    assert plan(**settings).judged == plan().judged


def test_a_rule_that_expires_changes_what_is_compared() -> None:
    rules: dict[str, Any] = {"compare": {"ignore": [{"at": "$.at", "until": "2026-03-01"}]}}
    assert plan(**rules).judged != plan(day=date(2026, 3, 2), **rules).judged == plan().judged


def test_a_plan_is_written_or_not() -> None:
    assert not plan().written
    assert plan(rollout={"hold": "1m"}).written
    assert not plan(rollout=None).written


def test_what_it_says() -> None:
    given = plan(rollout={"steps": ["0.01%", "100%"], "approve": ["100%"], "never": ["status", {"at": "$.total"}]})
    assert given.steps == (100, 1_000_000)
    assert given.approve == {1_000_000}
    assert given.never == ("status", "$.total")
    assert [given.after(weight) for weight in (0, 100, 1000, 1_000_000)] == [100, 1_000_000, 1_000_000, None]
    assert [given.number(weight) for weight in (0, 100, 1_000_000)] == [None, 1, 2]
    assert given.asks_again
    assert not plan(limits={"samples": 0}).asks_again


@pytest.mark.parametrize("name", [*VERSIONS, *COMPARED])
def test_the_settings_that_count_exist_and_are_documented(name: str) -> None:
    assert keys.field_at(tuple(name.split("."))) is not None
    page = (ROOT / "docs" / "explanation" / "rollout.md").read_text()
    assert f"`{name}`" in page
