"""The loop, in a world that is made up: it stores before it moves, goes back at once, and survives being killed."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from parallelrun.alerts.alert import Message, Notice
from parallelrun.alerts.happenings import change
from parallelrun.alerts.text import body
from parallelrun.evidence import StoreError
from parallelrun.judge import replay
from parallelrun.judge.journal import entries
from parallelrun.rollout import Rollout, watching
from parallelrun.rollout.rollout import RefusedError
from tests.support.fake_world import KilledError, World
from tests.unit.rollout.given import STEPS
from tests.unit.rollout.loops import at_half, journal, moves, quick, ticks, until


async def test_a_good_version_goes_all_the_way() -> None:
    world = World(quick())
    rollout = await world.process()
    assert world.weight == 0
    await until(world, rollout, "complete")
    assert [(move.phase, move.weight) for move in moves(world)] == [
        ("shadow", 0),
        *(("stepping", step) for step in STEPS),
        ("baking", STEPS[-1]),
        ("complete", STEPS[-1]),
    ]
    assert world.weight == STEPS[-1]
    assert not world.sampling
    again = replay(journal(world))
    assert (again.differing, again.rollouts) == ((), 1)
    assert again.verdicts > 100


async def test_the_journal_can_be_begun_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "WHOLE_EACH", 5)
    world = World(quick())
    await until(world, await world.process(), "complete", mismatches=0.02)
    lines, begins = journal(world), [number for number, whole in enumerate(world.store.whole) if whole]
    assert len(begins) > 20
    for number in begins[::5]:
        assert replay(lines[number:]).differing == ()
    assert replay(lines[begins[-1] + 1 :]).differing


async def test_traffic_moves_only_to_what_is_stored() -> None:
    world = World(quick())
    await until(world, await world.process(), "complete")
    assert all(weight in (0, stored) for weight, stored in world.raised)


async def test_a_bad_version_goes_back_and_stays() -> None:
    world = World(quick())
    rollout = await at_half(world)
    await until(world, rollout, "rolled_back", mismatches=0.5)
    assert (world.weight, world.stored.weight, world.stored.phase) == (0, 0, "rolled_back")
    assert "differ" in rollout.state.reason
    await ticks(world, rollout, 100)
    assert rollout.state.phase == "rolled_back"
    assert replay(journal(world)).differing == ()
    await rollout.ask("start", "fixed")
    await until(world, rollout, "stepping")
    assert rollout.state.number == 2


async def test_one_confirmed_difference_where_none_may_be() -> None:
    world = World(quick(never=("$.total",)))
    rollout = await world.process()
    world.differences["GET /", "$.total", "value"] = 5  # of before
    await rollout.tick()
    world.differences["GET /", "$.items", "value"] = 100
    await ticks(world, rollout, 3)
    phases: list[str] = [rollout.state.phase]
    world.differences["GET /", "$.total.net", "value"] = 1
    await ticks(world, rollout, 1)
    assert [*phases, rollout.state.phase] == ["shadow", "rolled_back"]
    assert "$.total.net of GET /" in rollout.state.reason
    assert replay(journal(world)).differing == ()


async def test_a_rollback_goes_first_and_is_stored_when_it_can_be() -> None:
    world = World(quick())
    rollout = await at_half(world)
    world.store.broken = True
    await rollout.ask("rollback", "now")
    assert (world.weight, rollout.state.phase, world.stored.phase) == (0, "rolled_back", "stepping")
    assert rollout.standing().unsaved == "disk full"
    await ticks(world, rollout, 3)
    assert world.weight == 0
    world.store.broken = False
    await ticks(world, rollout, 1)
    assert (world.stored.phase, world.stored.reason) == ("rolled_back", "now")
    assert rollout.standing().unsaved is None
    assert moves(world)[-1].action == "roll_back"


async def test_two_who_advance_at_once_take_one_step() -> None:
    world = World(quick())
    one, other = await world.process(), await world.process()
    await one.tick()
    asked = [each.ask("advance", "looked at it") for each in (one, one, other)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each).__name__ for each in done] == ["Action", "RefusedError", "RefusedError"]
    assert (world.stored.weight, world.weight) == (STEPS[0], STEPS[0])


async def test_a_second_rollback_moves_nothing_and_its_reason_is_noted() -> None:
    world = World(quick())
    rollout = await at_half(world)
    await rollout.ask("rollback", "errors at checkout")
    before = world.stored
    with world.events.subscribe() as subscription:
        done = await rollout.ask("rollback", "support gets calls")
        heard = await subscription.next()
    assert (done.kind, world.stored) == ("note", before)
    for found in (moves(world)[-2:], rollout.standing().history[1::-1]):
        assert [(move.action, move.reason) for move in found] == [
            ("roll_back", "errors at checkout"),
            ("note", "support gets calls"),
        ]
    assert heard
    (noted,) = heard[0]
    assert (noted.level, change(noted)) == ("info", None)
    assert (await rollout.ask("rollback", "")).kind == "stay"


async def test_notes_do_not_fill_the_books() -> None:
    world = World(quick())
    rollout = await at_half(world)
    await rollout.ask("rollback", "errors at checkout")
    for minute in range(150):
        world.passes(60)
        await rollout.ask("rollback", f"the build failed, {minute}")
    shown = rollout.standing().history
    assert [move.action for move in shown].count("note") == 20
    assert "errors at checkout" in [move.reason for move in shown]
    assert list(shown) == moves(world)[::-1]


async def test_a_second_rollback_does_not_come_before_one_that_is_not_stored_yet() -> None:
    world = World(quick())
    rollout = await at_half(world)
    world.store.broken = True
    await rollout.ask("rollback", "errors at checkout")
    world.store.broken, world.store.failing = False, {"read"}
    assert not (await rollout.ask("rollback", "support gets calls")).moves
    world.store.failing = set()
    await ticks(world, rollout, 1)
    assert [(move.action, move.reason) for move in moves(world)[-1:]] == [("roll_back", "errors at checkout")]


async def test_what_was_counted_without_a_store_counts_once_it_is_back() -> None:
    world = World(quick())
    rollout = await at_half(world)
    world.store.broken = True
    await ticks(world, rollout, 100, mismatches=0.5)
    assert world.weight == STEPS[1]
    world.store.broken = False
    await ticks(world, rollout, 3, requests=0)
    assert (world.weight, world.stored.phase) == (0, "rolled_back")
    assert replay(journal(world)).differing == ()


@pytest.mark.parametrize("command", ["pause", "advance"])
async def test_what_cannot_be_stored_is_not_done(command: Any) -> None:
    world = World(quick())
    rollout = await world.process()
    await until(world, rollout, "stepping", weight=STEPS[0])
    before = rollout.state
    world.store.broken = True
    with pytest.raises(StoreError):
        await rollout.ask(command, "")
    assert (rollout.state, world.weight) == (before, STEPS[0])


async def test_without_a_store_it_is_blind_and_goes_on_afterwards() -> None:
    world = World(quick())
    with world.events.subscribe() as told:
        rollout = await world.process()
        await until(world, rollout, "stepping", weight=STEPS[0])
        world.store.broken = True
        await ticks(world, rollout, 200)
        found = await told.next()
    assert rollout.state.weight == STEPS[0]
    verdict = rollout.standing().verdict
    assert verdict
    assert verdict.kind == "blind"
    assert "the store does not take evidence (disk full)" in verdict.reason
    assert found
    assert [event.name for event in found[0]].count("rollout.blind") == 1
    assert rollout.standing().blind_since
    world.store.broken = False
    await until(world, rollout, "stepping", weight=STEPS[1])
    assert not rollout.standing().blind_since
    assert replay(journal(world)).differing == ()


async def test_without_traffic_it_is_blind() -> None:
    world = World(quick(hold=timedelta(minutes=10)))
    rollout = await world.process()
    await until(world, rollout, "stepping", weight=STEPS[0])
    await ticks(world, rollout, 5)
    for _ in range(400):
        world.passes(1)
        world.quiet = True
        await rollout.tick()
    verdict = rollout.standing().verdict
    assert verdict
    assert (verdict.kind, rollout.state.weight) == ("blind", STEPS[0])
    assert "nothing has been compared for 7 min" in verdict.reason


async def test_the_time_of_a_fallback_is_no_evidence_but_what_opened_the_breaker_is_one_failure() -> None:
    world = World(quick(hold=timedelta(hours=1)))
    world.quiet = True
    rollout = await world.process()
    await rollout.tick()
    await rollout.ask("advance", "")
    await ticks(world, rollout, 3)
    counted = rollout._watch.own.compared
    world.requests(10, failures=1.0)
    world.breaker = "open"
    await ticks(world, rollout, 1, requests=0)
    shown: list[str] = [rollout.state.shown]
    own = rollout._watch.own.endpoints["GET /orders/{id}"]
    assert own["failures.new_only"] == 1
    judged = rollout._watch.own.compared
    assert judged > counted
    await ticks(world, rollout, 50, failures=1.0)
    assert rollout._watch.own.compared == judged
    world.breaker = "closed"
    await ticks(world, rollout, 1)
    assert [*shown, rollout.state.shown] == ["fallback", "stepping"]
    assert rollout._watch.own.compared == judged
    await ticks(world, rollout, 1)
    assert rollout._watch.own.compared == judged + 100


@pytest.mark.parametrize(("reason", "told"), [("", ""), ("go", "\ngo")])
async def test_an_alert_makes_up_no_reason(reason: str, told: str) -> None:
    world = World(quick())
    rollout = await world.process()
    await rollout.tick()
    with world.events.subscribe() as subscription:
        await rollout.ask("advance", reason)
        heard = await subscription.next()
    assert heard
    (moved,) = heard[0]
    begun = change(moved)
    assert begun
    assert begun.begun
    text = body(Message("msg_1", 0, (Notice(begun.begun, 0),)), "old, new")
    assert text == f"info: The rollout has gone to 10%, as a person asked{told}\n\nold, new"


async def test_what_was_proved_is_looked_at_again_before_anything_moves() -> None:
    world = World(quick(hold=timedelta(hours=1)))
    rollout = await world.process()
    await rollout.tick()
    await rollout.ask("advance", "")
    await ticks(world, rollout, 3)
    world.now = rollout.state.since + timedelta(minutes=59, seconds=50)
    await ticks(world, rollout, 1)
    verdict = rollout.standing().verdict
    assert verdict
    assert verdict.kind == "advance"
    world.requests(1000, mismatches=0.5)  # ten seconds before the next regular look
    world.passes(9)
    await rollout.tick()
    assert rollout.state.weight == STEPS[0]


async def test_another_version_gets_nobody_before_it_is_in_force() -> None:
    world = World(quick())
    rollout = await at_half(world)
    rollout.planned(quick(versions="v1 v3"))
    assert world.weight == 0
    rollout.planned(quick())  # it was refused after all
    assert world.weight == STEPS[1]
    rollout.planned(quick(versions="v1 v3"))
    await rollout.tick()
    assert (rollout.state.phase, rollout.state.number, world.weight) == ("shadow", 2, 0)
    world.plan = quick(versions="v1 v4")
    await world.process()
    assert world.weight == 0


async def test_two_processes_share_evidence_and_never_step_twice() -> None:
    world = World(quick())
    one = await world.process()
    await until(world, one, "stepping", weight=STEPS[0])
    counted = one._watch.own.compared
    other = await world.process()
    assert world.weight == STEPS[0]
    await ticks(world, other, 1)
    assert other._watch._sums().compared > counted
    one.leave()
    await one.stop()
    await until(world, other, "complete")
    assert [move.weight for move in moves(world) if move.action == "step"] == list(STEPS)


async def test_what_another_process_did_is_taken_over() -> None:
    world = World(quick())
    one = await world.process()
    await until(world, one, "stepping", weight=STEPS[1])
    other = await world.process()
    await other.ask("rollback", "from the other one")
    world.weight = STEPS[1]
    await one.tick()
    assert (one.state.phase, world.weight) == ("rolled_back", 0)
    assert one.standing().history[0].reason == "from the other one"
    with pytest.raises(RefusedError, match="rolled back"):
        await one.ask("advance", "")


@pytest.mark.parametrize("changed", [{"versions": "v1 v3"}, {"judged": "other rules"}])
async def test_of_two_configurations_the_newer_process_has_its_way(changed: dict[str, str]) -> None:
    world = World(quick())
    one = await world.process()
    await until(world, one, "stepping", weight=STEPS[1])
    world.plan = quick(**changed)
    other = await world.process()
    await other.tick()
    epoch = other.state.epoch
    for _ in range(5):
        await ticks(world, one, 1)
        await ticks(world, other, 1)
    assert one.state.epoch == other.state.epoch == epoch
    one._set_weight()
    assert world.weight == (0 if "versions" in changed else STEPS[1])
    await one.stop()
    await one.ask("rollback", "works here, too")
    assert world.stored.phase == "rolled_back"
    one.planned(world.plan)
    await one.ask("start", "now it knows")
    assert one.state.going


async def test_a_store_that_is_replaced_costs_the_evidence_and_nothing_else() -> None:
    world = World(quick())
    rollout = await at_half(world)
    epoch = rollout.state.epoch
    world.store.revision_, world.store.state, world.store.counts = 0, "", {}
    await ticks(world, rollout, 1)
    assert (world.stored.weight, world.weight) == (STEPS[1], STEPS[1])
    assert world.stored.epoch == epoch + 1
    await until(world, rollout, "complete")


async def test_a_command_is_refused_with_what_can_be_done_instead() -> None:
    world = World(quick(written=False))
    rollout = await world.process()
    with pytest.raises(RefusedError, match="`start` does"):
        await rollout.ask("advance", "")
    await rollout.ask("rollback", "")
    assert world.store.moves_ == []
    await rollout.ask("start", "let us go")
    assert (moves(world)[0].by, moves(world)[0].reason) == ("person", "let us go")


KILLS = st.lists(st.integers(1, 60), max_size=30)


@settings(max_examples=20, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(KILLS, st.integers(0, 2**32), st.booleans())
def test_killed_at_any_moment_it_neither_goes_on_too_early_nor_forgets(kills: list[int], seed: int, bad: bool) -> None:
    asyncio.run(_killed(kills, seed, bad=bad))


async def _killed(kills: list[int], seed: int, *, bad: bool) -> None:
    short = {"hold": timedelta(seconds=5), "bake": timedelta(seconds=10)}
    world = World(quick(approve=frozenset({STEPS[1]}), **short), seed)
    left = list(kills)
    rollout: Rollout | None = None
    approved = False
    for _ in range(1500):
        try:
            if rollout is None:
                rollout = await world.process()
                stored = world.stored if world.store.state else None
                assert world.weight == (stored.weight if stored else 0)
                world.ends_in = left.pop() if left else None
            world.passes(1)
            turned = bad and world.store.epoch >= 3
            world.requests(100, mismatches=0.5 if turned else 0.0)
            await rollout.tick()
            assert world.weight == world.stored.weight
            if rollout.state.waiting_since and not approved:
                await rollout.ask("advance", "approved")
                approved = True
        except KilledError:
            rollout = None
        if rollout and rollout.state.phase in ("complete", "rolled_back"):
            break
    assert rollout
    assert rollout.state.phase == ("rolled_back" if bad else "complete")
    assert all(weight in (0, stored) for weight, stored in world.raised)
    _check_moves(world)
    _check_evidence(world)


def _check_moves(world: World) -> None:
    """Each step of the judge's follows from an entry of the journal, no earlier than its time."""
    found = [entry for _, entry in entries(journal(world))]
    done = moves(world)
    steps = [move.weight for move in done if move.action == "step"]
    assert steps == list(STEPS[: len(steps)])
    for move in done:
        if move.by != "judge" or move.action in ("roll_back", "wait"):
            continue
        of = move.epoch if move.action == "complete" else move.epoch - 1
        last = [entry for entry in found if entry.look.epoch == of][-1]
        least = world.plan.bake if last.look.phase == "baking" else world.plan.hold
        assert last.verdict.kind == "advance"
        assert last.look.at - last.look.since >= least
        assert move.at - last.look.at < timedelta(seconds=1)


def _check_evidence(world: World) -> None:
    """Within an epoch counts only rise, whoever counted; none is counted twice; and every verdict follows from them."""
    before: dict[int, int] = {}
    for _, entry in entries(journal(world)):
        epoch, requests = entry.look.epoch, entry.look.requests
        assert requests >= before.get(epoch, 0)
        assert requests <= world.truth[epoch]
        before[epoch] = requests
    lines = journal(world)
    assert replay(lines).differing == ()
    for number, whole in enumerate(world.store.whole):
        if whole:
            assert replay(lines[number:]).differing == ()


async def test_between_two_looks_counts_are_stored_all_the_same() -> None:
    world = World(quick(hold=timedelta(hours=5)))
    rollout = await world.process()
    await ticks(world, rollout, 3)
    world.passes(3 * 3600)
    await ticks(world, rollout, 2)  # a look, and a minute until the next one
    looks = len(world.store.entries)
    await ticks(world, rollout, 10)
    assert len(world.store.entries) == looks
    counted = rollout._watch.own.compared
    other = await world.process()
    assert other._watch._sums().compared >= counted - 5 * 50 * 2
    assert other._watch._sums().compared > 0
