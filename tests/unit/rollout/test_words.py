"""What people read of a rollout: where it stands, what comes next, what it waits for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from parallelrun.api.rollout import Position, position, shown
from parallelrun.cli.diagnosis import Diagnosis, Finding
from parallelrun.cli.diagnosis import _rollout as _findings
from parallelrun.cli.diagnosis_text import diagnosis_text
from parallelrun.cli.rollout_text import rollout_text
from parallelrun.rollout.standing import Standing
from parallelrun.rollout.words import reason, summary
from tests.unit.report.test_text import printed
from tests.unit.rollout.given import MINUTE, STEPS, Walk, plan, verdict

HOLD = 10 * MINUTE


def standing(walk: Walk, kind: Any = None, **more: Any) -> Standing:
    judged = verdict(kind) if kind else None
    made = Standing(walk.now, walk.state, walk.plan, judged, (), None)
    return replace(made, **more)


def findings(found: Position) -> list[Finding]:
    return list(_findings(found))


def position_of(walk: Walk, kind: Any = None, **more: Any) -> Position:
    return position(standing(walk, kind, **more))


def told(walk: Walk, kind: Any = None, **more: Any) -> list[str]:
    """What `doctor` says."""
    return [finding.what for finding in findings(position_of(walk, kind, **more))]


def test_before_a_start() -> None:
    walk = Walk(plan(written=False))
    assert summary(standing(walk)).startswith("No rollout has been started: the old side serves everybody")
    assert reason(standing(walk)) == "No rollout has been started, so nothing is judged."
    assert told(walk) == []


def test_at_a_step_before_and_after_its_least_time() -> None:
    walk = Walk().to("stepping", STEPS[1])
    text = summary(standing(walk, "hold"))
    until = f"{walk.now + HOLD:%Y-%m-%d %H:%M:%S}"
    assert text == (
        "Step 2 of 3: the new side serves 50% of the clients. "
        f"Next is 100%, with proof of every budget, not before {until} UTC."
    )
    assert reason(standing(walk, "hold")) == "Because of hold."
    walk.now += HOLD
    assert summary(standing(walk)).endswith("Next is 100%, with proof of every budget.")
    assert reason(standing(walk)) == "Nothing has been judged yet."
    found = position_of(walk, "hold")
    assert (found.step, found.next, found.verdict) == (2, 1.0, "hold")
    assert found.deadline == walk.state.since + timedelta(days=1)
    assert told(walk, "hold") == []


def test_the_last_steps_are_followed_by_the_bake_and_the_end() -> None:
    assert "Next is the bake" in summary(standing(Walk().to("stepping", STEPS[2])))
    baking = summary(standing(Walk().to("baking", STEPS[2])))
    assert baking.startswith("Baking: the new side serves 100% of the clients")
    assert "Next is complete" in baking
    complete = standing(Walk().to("complete", STEPS[2]))
    assert summary(complete).startswith("Complete since")
    assert position(complete).verdict == "advance"


def test_a_step_that_waits_for_a_person() -> None:
    walk = Walk(plan(approve=frozenset({STEPS[1]}))).to("stepping", STEPS[0])
    assert "and a person's approval" in summary(standing(walk, "hold"))
    walk.goes("advance", after=HOLD)
    assert "`parallelrun rollout advance` gives it" in summary(standing(walk, "advance"))
    assert told(walk, "advance") == [
        f"the rollout waits for approval since {walk.now:%Y-%m-%d %H:%M:%S} UTC, weight 10 %"
    ]
    assert told(walk, "hold") == []


def test_paused() -> None:
    walk = Walk().to("stepping", STEPS[0])
    walk.asked("pause", "lunch")
    assert "Paused since" in summary(standing(walk, "hold"))
    assert reason(standing(walk, "hold")) == "lunch\nBecause of hold."
    (text,) = told(walk, "hold")
    assert text.startswith("the rollout is paused since")
    assert text.endswith(" weight 10 %:\nlunch\nBecause of hold.")
    assert told(walk) == [f"the rollout is paused since {walk.now:%Y-%m-%d %H:%M:%S} UTC, weight 10 %: lunch"]
    found = position_of(walk, "hold")
    assert (found.phase, found.hold_until, found.deadline, found.paused_since) == ("paused", None, None, walk.now)


def test_rolled_back() -> None:
    walk = Walk().to("stepping", STEPS[0])
    walk.goes("roll_back")
    assert summary(standing(walk)).startswith("Rolled back at")
    assert position_of(walk).verdict == "roll_back"
    assert told(walk) == ["the rollout was rolled back: Because of roll_back."]


def test_each_reason_has_a_line_of_its_own() -> None:
    walk = Walk().to("stepping", STEPS[0])
    walk.asked("pause", "lunch\nand a nap")
    now = standing(walk, "blind", blind_since=walk.now - MINUTE)
    both = ["lunch and a nap", "Because of blind."]
    assert reason(now).splitlines() == both
    for text in (rollout_text(shown(now)), diagnosis_text(Diagnosis(findings=findings(position(now))))):
        said = [line.removeprefix("why").strip() for line in printed(text).splitlines()]
        assert [line for line in said if line in both] == both
    paused, blind = told(walk, "blind", blind_since=walk.now - MINUTE)
    assert "lunch" in paused
    assert blind.endswith("weight 10 %: Because of blind.")


def test_where_nobody_gave_a_reason_none_is_made_up() -> None:
    walk = Walk().to("stepping", STEPS[0])
    walk.asked("pause", " ")
    assert reason(standing(walk, "hold")) == "Because of hold."
    assert told(walk) == [f"the rollout is paused since {walk.now:%Y-%m-%d %H:%M:%S} UTC, weight 10 %"]
    walk.asked("rollback")
    assert (walk.state.reason, reason(standing(walk))) == ("", "")
    assert told(walk) == ["the rollout was rolled back"]


def test_fallback() -> None:
    walk = Walk().to("stepping", STEPS[0])
    walk.breaker_closed = False
    walk.goes()
    text = summary(standing(walk, "hold"))
    assert "the breaker sends everybody to the old side" in text
    assert "Next is" not in text
    assert position_of(walk).phase == "fallback"


@pytest.mark.parametrize(("seconds", "said"), [(5, 0), (60, 1)])
def test_blind_is_said_once_it_lasts(seconds: int, said: int) -> None:
    walk = Walk().to("stepping", STEPS[0])
    since = walk.now - timedelta(seconds=seconds)
    found = told(walk, "blind", blind_since=since)
    assert len(found) == said
    assert all("is blind since" in each for each in found)


def test_what_is_not_stored_and_what_another_process_does() -> None:
    walk = Walk().to("stepping", STEPS[0])
    assert "a restart would not know of it" in summary(standing(walk, unsaved="disk full"))
    assert told(walk, unsaved="disk full") == ["its last move is not stored: disk full"]
    assert "this one decides nothing" in summary(standing(walk, outdated=True))
    assert len(told(walk, outdated=True)) == 1


def test_a_weight_that_is_no_step_any_more() -> None:
    walk = Walk().to("stepping", STEPS[0])
    walk.plan = plan(steps=(1000, 1_000_000))
    assert summary(standing(walk)).startswith("Between two steps: the new side serves 10% of the clients.")
