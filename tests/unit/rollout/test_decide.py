"""The state machine, case by case: what follows from what."""

import dataclasses
from datetime import timedelta

import pytest

from parallelrun.rollout.actions import STAY, Refusal
from parallelrun.rollout.asking import PRESSED_AGAIN
from parallelrun.rollout.decide import decide
from parallelrun.rollout.facts import Asked, Command
from parallelrun.rollout.phases import PHASES
from parallelrun.rollout.state import State
from tests.support.repository import ROOT
from tests.unit.rollout.given import MINUTE, STEPS, Walk, plan

HOLD = 10 * MINUTE
MOMENT = timedelta(milliseconds=1)


def test_from_shadow_to_complete() -> None:
    walk = Walk()
    assert walk.goes() == "start"
    seen = [(walk.state.phase, walk.state.weight, walk.state.epoch)]
    for _ in range(5):
        assert walk.goes("advance", after=60 * MINUTE) in ("step", "bake", "complete")
        seen.append((walk.state.phase, walk.state.weight, walk.state.epoch))
    assert seen == [
        ("shadow", 0, 1),
        ("stepping", 100_000, 2),
        ("stepping", 500_000, 3),
        ("stepping", 1_000_000, 4),
        ("baking", 1_000_000, 5),
        ("complete", 1_000_000, 5),
    ]
    assert walk.goes("advance", after=60 * MINUTE) == "stay"


def test_the_last_step_need_not_be_all() -> None:
    walk = Walk(plan(steps=(100,))).to("baking", 100)
    walk.to("complete", 100)


def test_without_a_plan_nothing_moves_until_a_person_starts() -> None:
    walk = Walk(plan(written=False))
    assert walk.goes("advance", after=timedelta(days=100)) == "stay"
    assert (walk.state.started, walk.state.weight, walk.state.going) == (False, 0, False)
    assert walk.asked("start", "go") == "start"
    assert walk.goes("advance", after=HOLD) == "step"


def test_a_step_lasts_at_least_as_long_as_it_says() -> None:
    walk = Walk().to("stepping", STEPS[0])
    assert walk.goes("advance", after=HOLD - timedelta(milliseconds=1)) == "stay"
    assert walk.goes("advance", after=timedelta(milliseconds=1)) == "step"


@pytest.mark.parametrize("kind", ["hold", "blind", None])
def test_nothing_goes_forward_without_proof(kind: str) -> None:
    walk = Walk().to("stepping", STEPS[0])
    assert walk.goes(kind, after=HOLD * 6) == "stay"  # type: ignore[arg-type]
    assert walk.state.weight == STEPS[0]


def test_a_verdict_on_other_counts_says_nothing() -> None:
    walk = Walk().to("stepping", STEPS[0])
    facts = dataclasses.replace(walk.facts("advance"), now=walk.now + HOLD, epoch=walk.state.epoch - 1)
    assert decide(walk.state, facts) == STAY


@pytest.mark.parametrize("phase", ["shadow", "stepping", "baking", "paused"])
def test_proof_that_it_is_bad_goes_back_from_everywhere(phase: str) -> None:
    walk = Walk()
    walk.goes()
    if phase == "stepping":
        walk.to("stepping", STEPS[1])
    elif phase == "baking":
        walk.to("baking", STEPS[2])
    elif phase == "paused":
        walk.to("stepping", STEPS[1]).asked("pause")
    assert walk.goes("roll_back") == "roll_back"
    assert (walk.state.phase, walk.state.weight, walk.state.reason) == ("rolled_back", 0, "Because of roll_back.")


def test_it_goes_back_while_the_breaker_is_open_and_while_it_waits_for_a_person() -> None:
    walk = Walk(plan(approve=frozenset({STEPS[1]}))).to("stepping", STEPS[0])
    assert walk.goes("advance", after=HOLD) == "wait"
    walk.breaker_closed = False
    assert walk.goes("hold") == "fall_back"
    assert walk.goes("roll_back") == "roll_back"
    assert walk.state.shown == "rolled_back"


def test_what_was_rolled_back_stays_so_until_a_start_or_another_version() -> None:
    walk = Walk().to("stepping", STEPS[1])
    walk.goes("roll_back")
    assert walk.goes("advance", after=timedelta(days=9)) == "stay"
    walk.plan = plan(judged="other rules", steps=(1000,))
    assert walk.goes("advance") == "stay"
    assert [walk.asked(command) for command in ("resume", "advance", "pause")] == ["refused"] * 3
    assert walk.asked("rollback") == "stay"
    before = walk.state
    assert walk.asked("rollback", "support gets calls") == "note"
    assert walk.state == before
    epoch = walk.state.epoch
    assert walk.asked("start", "fixed") == "start"
    assert (walk.state.phase, walk.state.weight, walk.state.number) == ("shadow", 0, 2)
    assert walk.state.epoch > epoch
    walk.goes("roll_back")
    walk.plan = plan(versions="v1 v3")
    assert walk.goes() == "start_over"
    assert (walk.state.phase, walk.state.weight, walk.state.number) == ("shadow", 0, 3)


def test_at_the_deadline_it_pauses_and_says_why() -> None:
    walk = Walk().to("stepping", STEPS[0])
    assert walk.goes("hold", after=timedelta(days=1) - timedelta(seconds=1)) == "stay"
    assert walk.goes("hold", after=timedelta(seconds=1)) == "pause"
    assert walk.state.reason == "No decision within 1d. Because of hold."
    assert walk.state.weight == STEPS[0]
    assert walk.goes("advance", after=HOLD) == "stay"
    assert walk.asked("resume") == "resume"
    assert walk.goes("hold", after=timedelta(days=1) - timedelta(seconds=1)) == "stay"
    assert walk.goes("advance") == "step"


def test_the_bake_has_its_own_time() -> None:
    walk = Walk().to("baking", STEPS[2])
    assert walk.goes("advance", after=60 * MINUTE - timedelta(seconds=1)) == "stay"
    assert walk.goes("hold", after=timedelta(days=1)) == "stay"
    assert walk.goes("hold", after=timedelta(seconds=1)) == "pause"
    assert walk.asked("resume") == "resume"
    assert walk.state.phase == "baking"
    assert walk.goes("advance") == "complete"


def test_a_step_that_needs_a_person_waits_and_tells_once() -> None:
    walk = Walk(plan(approve=frozenset({STEPS[2]}))).to("stepping", STEPS[1])
    assert walk.goes("advance", after=HOLD) == "wait"
    assert walk.actions[-1].reason.endswith("A person has to approve 100%.")
    assert walk.goes("advance", after=HOLD) == "stay"
    assert walk.state.waiting_since is not None
    assert walk.asked("advance", "looks good") == "step"
    assert not walk.state.waiting_since
    assert (walk.state.weight, walk.state.reason) == (STEPS[2], "looks good")


def test_waiting_for_a_person_has_a_deadline_too() -> None:
    walk = Walk(plan(approve=frozenset({STEPS[0]})))
    walk.goes()
    assert walk.goes("advance", after=HOLD) == "wait"
    assert walk.goes("advance", after=timedelta(days=1)) == "pause"
    assert walk.state.reason == "No decision within 1d. Nobody has approved the next step."
    assert walk.asked("advance") == "step"
    assert walk.state.phase == "stepping"


def test_the_time_of_a_pause_counts_for_nothing() -> None:
    walk = Walk().to("stepping", STEPS[0])
    walk.goes("advance", after=6 * MINUTE)
    assert walk.asked("pause", "lunch") == "pause"
    assert walk.asked("pause") == "stay"
    assert walk.asked("pause", "and a nap") == "note"
    assert walk.state.reason == "lunch"
    assert walk.goes("advance", after=60 * MINUTE) == "stay"
    assert walk.asked("resume") == "resume"
    assert walk.goes("advance", after=4 * MINUTE - timedelta(seconds=1)) == "stay"
    assert walk.goes("advance", after=timedelta(seconds=1)) == "step"


def test_the_time_of_a_fallback_counts_for_nothing() -> None:
    walk = Walk().to("stepping", STEPS[0])
    walk.now += 6 * MINUTE
    walk.breaker_closed = False
    assert walk.goes("advance") == "fall_back"
    assert (walk.state.shown, walk.state.phase) == ("fallback", "stepping")
    assert walk.goes("advance", after=timedelta(days=2)) == "stay"
    assert walk.asked("advance") == "refused"
    walk.breaker_closed = True
    assert walk.goes("advance") == "go_on"
    assert (walk.state.shown, walk.state.weight) == ("stepping", STEPS[0])
    assert walk.goes("advance", after=4 * MINUTE - timedelta(seconds=1)) == "stay"
    assert walk.goes("advance", after=timedelta(seconds=1)) == "step"


def test_a_pause_across_the_end_of_a_fallback() -> None:
    walk = Walk().to("stepping", STEPS[0])
    walk.breaker_closed = False
    walk.goes("hold", after=6 * MINUTE)
    walk.now += MINUTE
    walk.asked("pause")
    shown = [walk.state.shown]
    walk.breaker_closed = True
    assert walk.goes("hold", after=MINUTE) == "go_on"
    assert [*shown, walk.state.shown] == ["fallback", "paused"]
    walk.now += MINUTE
    walk.asked("resume")
    assert walk.goes("advance", after=4 * MINUTE - timedelta(seconds=1)) == "stay"
    assert walk.goes("advance", after=timedelta(seconds=1)) == "step"


def test_other_rules_begin_the_step_again_and_move_nobody() -> None:
    walk = Walk().to("stepping", STEPS[1])
    epoch = walk.state.epoch
    walk.plan = plan(judged="other rules")
    assert walk.goes("advance", after=HOLD) == "begin_again"
    assert (walk.state.phase, walk.state.weight, walk.state.epoch) == ("stepping", STEPS[1], epoch + 1)
    assert walk.goes("advance", after=HOLD - timedelta(seconds=1)) == "stay"
    assert walk.goes("advance", after=timedelta(seconds=1)) == "step"


def test_other_steps_go_on_from_the_present_weight() -> None:
    walk = Walk().to("stepping", STEPS[1])
    walk.plan = plan(judged="other steps", steps=(10_000, 750_000))
    walk.goes()
    assert walk.goes("advance", after=HOLD) == "step"
    assert walk.state.weight == 750_000
    walk.to("baking", 750_000)


def test_another_version_starts_over_with_everybody_on_the_old_one() -> None:
    for phase, weight in (("stepping", STEPS[1]), ("baking", STEPS[2]), ("complete", STEPS[2])):
        walk = Walk().to(phase, weight)
        walk.plan = plan(versions="v1 v3")
        assert walk.goes("advance") == "start_over"
        assert (walk.state.phase, walk.state.weight, walk.state.going) == ("shadow", 0, True)


def test_another_version_without_a_plan_waits_for_a_person() -> None:
    walk = Walk(plan(written=False))
    walk.asked("start")
    walk.to("stepping", STEPS[0])
    walk.plan = plan(written=False, versions="v1 v3")
    assert walk.goes("advance") == "start_over"
    assert (walk.state.started, walk.state.weight) == (False, 0)
    assert walk.goes("advance", after=timedelta(days=1)) == "stay"


def test_a_plan_that_is_taken_away_pauses() -> None:
    walk = Walk().to("stepping", STEPS[0])
    walk.plan = plan(written=False, judged="default")
    assert walk.goes("advance", after=HOLD) == "pause"
    assert walk.goes("advance") == "begin_again"
    assert walk.goes("advance", after=HOLD) == "stay"
    assert walk.asked("resume", "go on without") == "resume"
    assert walk.goes("advance", after=HOLD) == "step"


def test_a_person_may_go_on_before_anything_is_proved() -> None:
    walk = Walk()
    walk.goes()
    for weight in STEPS:
        assert walk.asked("advance", "I know what I do", after=PRESSED_AGAIN) == "step"
        assert walk.state.weight == weight
    assert [walk.asked("advance", after=PRESSED_AGAIN) for _ in range(3)] == ["bake", "complete", "refused"]
    assert walk.asked("rollback", "after all") == "roll_back"


def test_an_advance_that_is_pressed_twice_takes_one_step() -> None:
    walk = Walk()
    walk.goes()
    for phase, weight in [*(("stepping", step) for step in STEPS), ("baking", STEPS[2]), ("complete", STEPS[2])]:
        assert walk.asked("advance", "looked at it", after=PRESSED_AGAIN) in ("step", "bake", "complete")
        presses = [walk.asked("advance", after=after) for after in (timedelta(), MOMENT, PRESSED_AGAIN - 2 * MOMENT)]
        assert presses == ["refused"] * 3
        assert (walk.state.phase, walk.state.weight) == (phase, weight)


def test_an_advance_just_after_a_step_says_why_it_does_nothing() -> None:
    walk = Walk().to("stepping", STEPS[1])
    walk.now += timedelta(seconds=3)
    refused = decide(walk.state, walk.facts(asked=Asked("advance")))
    assert isinstance(refused, Refusal)
    assert refused.why.startswith("It came to 50% 3 s ago. An `advance` within 10 s of that counts as the same one,")
    assert "To go on from 50%, ask again after that. `parallelrun rollout status` tells who" in refused.why
    assert walk.asked("advance", after=PRESSED_AGAIN) == "step"


def test_an_advance_is_pressed_again_also_where_the_clock_is_a_little_behind() -> None:
    walk = Walk().to("stepping", STEPS[1])
    walk.now -= timedelta(seconds=3)
    assert walk.asked("advance") == "refused"
    walk.now -= PRESSED_AGAIN
    assert walk.asked("advance") == "step", "a clock set back by far must not lock anybody out"


def test_an_advance_after_something_else_is_another_one() -> None:
    walk = Walk(plan(hold=MOMENT, approve=frozenset({STEPS[1]}))).to("stepping", STEPS[0])
    assert walk.goes("advance", after=MOMENT) == "wait"
    assert walk.asked("advance") == "step"
    assert walk.asked("pause") == "pause"
    assert walk.asked("advance") == "step"
    assert [walk.asked("pause", after=MOMENT), walk.asked("resume"), walk.asked("advance")] == [
        "pause",
        "resume",
        "bake",
    ]


def test_an_advance_that_names_its_epoch_leaves_that_one_and_no_other() -> None:
    walk = Walk().to("stepping", STEPS[0])
    first = walk.state.epoch
    assert walk.asked("advance", epoch=first) == "step"
    assert walk.asked("advance", epoch=first, after=HOLD) == "refused"
    assert walk.asked("advance", epoch=walk.state.epoch) == "step"
    assert [walk.asked("advance", epoch=walk.state.epoch) for _ in range(3)] == ["bake", "complete", "refused"]


def test_a_clock_that_is_set_back_keeps_nobody_from_advancing() -> None:
    walk = Walk().to("stepping", STEPS[0])
    assert walk.asked("advance", after=-HOLD) == "step"


@pytest.mark.parametrize("command", ["pause", "resume", "advance"])
def test_before_a_start_there_is_nothing_to_do(command: Command) -> None:
    walk = Walk(plan(written=False))
    assert walk.asked(command) == "refused"
    assert walk.asked("rollback") == "stay"


def test_a_state_is_stored_and_read_back() -> None:
    walk = Walk(plan(approve=frozenset({STEPS[1]}))).to("stepping", STEPS[0])
    walk.goes("advance", after=HOLD)
    walk.breaker_closed = False
    walk.goes()
    assert walk.state.stopped_at
    assert State.model_validate_json(walk.state.model_dump_json()) == walk.state


def test_each_phase_has_its_line_in_the_docs() -> None:
    page = (ROOT / "docs" / "explanation" / "rollout.md").read_text()
    assert len(PHASES) == 7
    for phase, meaning in PHASES.items():
        assert f"| `{phase}` | {meaning} |" in page
