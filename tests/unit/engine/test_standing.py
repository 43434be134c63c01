"""What the alerts get to know of the rollout."""

from dataclasses import replace
from datetime import datetime

import pytest

from parallelrun.alerts.facts import RolloutFacts
from parallelrun.engine.standing import rollout_facts
from parallelrun.judge.verdict import Kind
from parallelrun.rollout.standing import Standing
from tests.unit.rollout.given import BEGAN, Walk, verdict


def standing(said: Kind | None = None, blind_since: datetime | None = None) -> Standing:
    walk = Walk()
    return Standing(
        now=BEGAN,
        state=walk.state,
        plan=walk.plan,
        verdict=verdict(said) if said else None,
        history=(),
        blind_since=blind_since,
        unsaved=None,
        outdated=False,
    )


def test_where_it_stands() -> None:
    assert rollout_facts(standing("hold")) == RolloutFacts("shadow", 0, "")
    there = standing()
    moved = there.state.model_copy(
        update={"phase": "paused", "weight": 250_000, "reason": "Because.", "waiting_since": BEGAN}
    )
    assert rollout_facts(replace(there, state=moved)) == RolloutFacts("paused", 250_000, "Because.", waiting=True)


@pytest.mark.parametrize(("said", "blind"), [("blind", "Because of blind."), ("hold", None), (None, None)])
def test_whether_it_is_blind(said: Kind | None, blind: str | None) -> None:
    facts = rollout_facts(standing(said, BEGAN))
    assert facts
    assert (facts.blind, facts.blind_ms) == (blind, int(BEGAN.timestamp() * 1000))


def test_it_is_for_the_process_that_leads_it_to_say() -> None:
    assert rollout_facts(replace(standing(), outdated=True)) is None
