"""The loop when something breaks: a rollback is never undone, and nothing goes forward without evidence of its own."""

import asyncio
import contextlib
import threading
import zlib
from datetime import timedelta
from typing import Any

import pytest

from parallelrun.evidence import StoreError
from parallelrun.evidence.events import Event, Subscription
from parallelrun.judge import replay
from parallelrun.rollout import Rollout, books, watching
from parallelrun.rollout.keeping import UnreadableError
from parallelrun.rollout.sums import Sums
from tests.support.fake_world import World
from tests.unit.rollout.given import STEPS
from tests.unit.rollout.loops import at_half, journal, moves, quick, ticks, until


async def at_first(world: World) -> Rollout:
    """A rollout at its first step."""
    rollout = await world.process()
    await rollout.tick()
    await rollout.ask("advance", "")
    await ticks(world, rollout, 2)
    return rollout


def unreadable(world: World) -> None:
    """Writes what a newer version would."""
    world.store.memory = zlib.compress(b'{"of_a_newer_version": 1}')
    world.store.revision_ += 1


def breaks(world: World, name: str) -> None:
    """Lets a part of the core or of the collector raise from now on."""

    def broken(*_: object) -> None:
        raise RuntimeError(f"{name} is broken")

    setattr(world, name, broken)


def mends(world: World, name: str) -> None:
    """Lets it work again."""
    delattr(world, name)


async def heard(told: Subscription) -> list[Event]:
    """What has been told up to now."""
    told.close()
    found = await told.next()
    return found[0] if found else []


async def test_the_rollback_of_another_process_is_taken_over_even_if_the_moves_cannot_be_read() -> None:
    world = World(quick())
    one = await at_half(world)
    await (await world.process()).ask("rollback", "from the other one")
    world.store.failing = {"moves"}
    await ticks(world, one, 1)
    assert (one.state.phase, world.weight) == ("rolled_back", 0)
    await ticks(world, one, 5)
    assert (world.stored.phase, world.stored.reason) == ("rolled_back", "from the other one")
    world.store.failing = set()
    await ticks(world, one, 1)
    assert one.standing().history[0].reason == "from the other one"


async def test_a_rollback_elsewhere_that_is_noticed_while_writing_is_taken_over() -> None:
    world = World(quick())
    one = await at_half(world)
    other = await world.process()
    revision = world.store.revision

    async def late() -> int:
        found = await revision()
        world.store.revision = revision  # type: ignore[method-assign]
        await other.ask("rollback", "from the other one")
        return found

    world.store.revision = late  # type: ignore[method-assign]
    world.store.failing = {"moves"}
    with contextlib.suppress(StoreError):
        await one.ask("pause", "")
    await ticks(world, one, 5)
    assert (one.state.phase, world.stored.phase, world.weight) == ("rolled_back", "rolled_back", 0)


async def test_what_another_process_did_is_taken_over_while_the_counters_cannot_be_read() -> None:
    world = World(quick())
    one = await at_half(world)
    await (await world.process()).ask("rollback", "from the other one")
    world.weight = STEPS[1]
    breaks(world, "refresh")
    with pytest.raises(RuntimeError):
        await one.tick()
    assert (one.state.phase, world.weight) == ("rolled_back", 0)


async def test_what_a_newer_version_has_written_makes_it_blind() -> None:
    world = World(quick())
    rollout = await at_half(world)
    unreadable(world)
    await ticks(world, rollout, 70)
    verdict = rollout.standing().verdict
    assert verdict
    assert verdict.kind == "blind"
    assert "cannot be read" in verdict.reason
    assert (rollout.state.weight, world.weight) == (STEPS[1], STEPS[1])
    with pytest.raises(UnreadableError):
        await rollout.ask("advance", "")
    await rollout.stop()


async def test_it_goes_back_whatever_a_newer_version_has_written() -> None:
    world = World(quick())
    rollout = await at_half(world)
    unreadable(world)
    world.raised.clear()
    await rollout.ask("rollback", "now")
    await ticks(world, rollout, 5)
    assert {weight for weight, _ in world.raised} == {0}
    unsaved = rollout.standing().unsaved
    assert unsaved
    assert "cannot be read" in unsaved


async def test_moves_of_a_newer_version_do_not_keep_it_from_starting() -> None:
    world = World(quick())
    await at_half(world)
    world.store.moves_.append('{"of_a_newer_version": 1}')
    rollout = await world.process()
    assert (rollout.state.weight, world.weight) == (STEPS[1], STEPS[1])


@pytest.mark.parametrize("part", ["refresh", "set_slow"])
async def test_a_rollback_is_done_whatever_breaks(part: str) -> None:
    world = World(quick())
    rollout = await at_half(world)
    world.slow.clear()  # so that it has to be set again
    breaks(world, part)
    world.raised.clear()
    await rollout.ask("rollback", "now")
    with contextlib.suppress(RuntimeError):
        await ticks(world, rollout, 1)
    mends(world, part)
    await ticks(world, rollout, 1)
    assert {weight for weight, _ in world.raised} == {0}
    assert (world.stored.phase, world.stored.reason) == ("rolled_back", "now")
    assert [move.action for move in moves(world)].count("roll_back") == 1


async def test_a_rollback_is_done_however_often_other_processes_write_first() -> None:
    world = World(quick())
    rollout = await at_half(world)
    write = world.store.write

    async def overtaken(_: object) -> bool:
        world.store.revision_ += 1
        return False

    world.store.write = overtaken  # type: ignore[method-assign, assignment]
    world.raised.clear()
    await rollout.ask("rollback", "now")
    world.store.write = write  # type: ignore[method-assign]
    await ticks(world, rollout, 1)
    assert {weight for weight, _ in world.raised} == {0}
    assert world.stored.phase == "rolled_back"


async def test_a_rollback_goes_on_when_the_one_who_asked_has_gone() -> None:
    world = World(quick())
    rollout = await at_half(world)
    await rollout._lock.acquire()  # something else is under way
    asking = asyncio.create_task(rollout.ask("rollback", "now"))
    for _ in range(3):
        await asyncio.sleep(0)
    assert world.weight == 0
    asking.cancel()
    await asyncio.wait({asking})
    assert world.weight == 0
    rollout._lock.release()
    async with rollout._lock:
        assert (world.stored.phase, world.weight) == ("rolled_back", 0)


async def test_the_judge_goes_back_whatever_breaks() -> None:
    world = World(quick())
    rollout = await at_half(world)

    async def broken(_: object) -> bool:
        raise RuntimeError("a bug")

    write, world.store.write = world.store.write, broken  # type: ignore[method-assign, assignment]
    for _ in range(100):
        with contextlib.suppress(RuntimeError):
            await ticks(world, rollout, 1, mismatches=0.5)
    world.store.write = write  # type: ignore[method-assign]
    await ticks(world, rollout, 1)
    assert (world.stored.phase, world.weight) == ("rolled_back", 0)


async def test_stopping_raises_nothing() -> None:
    world = World(quick())
    rollout = await at_half(world)
    breaks(world, "refresh")
    with world.events.subscribe() as told:
        await rollout.stop()
        found = await heard(told)
    assert [event.name for event in found] == ["rollout.failing"]


@pytest.mark.parametrize("part", ["refresh", "set_weight"])
async def test_after_a_step_nothing_of_before_is_evidence_whatever_breaks(part: str, monkeypatch: Any) -> None:
    world = World(quick())
    rollout = await world.process()
    working = getattr(world, part)
    failed: list[str] = []

    def broken(*args: object) -> object:
        if world.store.state and world.stored.weight == STEPS[0] and not failed:
            failed.append(part)
            raise RuntimeError(f"{part} is broken")
        return working(*args)

    monkeypatch.setattr(world, part, broken)
    while not failed:
        with contextlib.suppress(RuntimeError):
            await ticks(world, rollout, 1)
    world.quiet = True
    for _ in range(200):
        await ticks(world, rollout, 1, requests=0)
    assert (rollout.state.weight, world.stored.weight, world.weight) == (STEPS[0],) * 3


async def test_a_core_that_does_not_take_the_sampling_gets_it_again() -> None:
    world = World(quick())
    rollout = await world.process()
    wanted: list[bool] = []

    def sample(on: bool) -> None:
        wanted.append(on)
        if len(wanted) == 1:
            raise RuntimeError("broken")
        world.sampling = on

    rollout._sample = sample
    with pytest.raises(RuntimeError):
        await ticks(world, rollout, 1)
    await ticks(world, rollout, 1)
    assert world.sampling
    assert rollout.state.phase == "shadow"


@pytest.mark.parametrize("known", [True, False])
async def test_a_store_that_is_replaced_is_answered_once_it_takes_the_answer(known: bool) -> None:
    world = World(quick())
    rollout = await at_half(world)
    epoch, older = rollout.state.epoch, world.store.state
    world.store.revision_, world.store.state, world.store.counts = (3, older, {}) if known else (0, "", {})
    world.store.failing = {"write"}
    await ticks(world, rollout, 5)
    world.store.failing = set()
    await ticks(world, rollout, 1)
    assert (world.stored.epoch, world.stored.weight, world.weight) == (epoch + 1, STEPS[1], STEPS[1])
    assert moves(world)[-1].by == "store"
    await ticks(world, rollout, 5)
    assert world.stored.epoch == epoch + 1


async def test_what_cannot_be_tidied_up_is_no_failed_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "TRIM_EACH", 1)
    world = World(quick())
    rollout = await world.process()
    world.store.failing = {"trim"}
    with world.events.subscribe() as told:
        await until(world, rollout, "complete")
        found = await heard(told)
    assert [move.weight for move in moves(world) if move.action == "step"] == list(STEPS)
    steps = [event for event in found if event.data.get("action") == "step"]
    assert len(steps) == len(STEPS)
    assert replay(journal(world)).differing == ()
    assert world.store.trims == 0
    world.store.failing = set()
    await rollout.ask("rollback", "")
    await ticks(world, rollout, 1)
    assert world.store.trims == 1


async def test_a_clock_that_is_set_back_stops_neither_the_looks_nor_the_telling() -> None:
    world = World(quick(hold=timedelta(hours=5)))
    rollout = await at_first(world)
    looks = len(world.store.entries)
    world.passes(-1800)
    await ticks(world, rollout, 130)
    assert len(world.store.entries) > looks + 1
    for _ in range(400):
        world.passes(1)
        world.quiet = True
        await rollout.tick()
    verdict = rollout.standing().verdict
    assert verdict
    assert verdict.kind == "blind"
    with world.events.subscribe() as told:
        world.passes(-1800)
        for _ in range(700):
            world.passes(1)
            await rollout.tick()
        found = await heard(told)
    assert "rollout.blind" in [event.name for event in found]


async def test_a_clock_that_is_set_back_does_not_keep_counts_from_being_stored() -> None:
    world = World(quick(hold=timedelta(hours=5)))
    rollout = await at_first(world)
    world.passes(3 * 3600)
    await ticks(world, rollout, 2)  # a look, and a minute until the next one
    looks = len(world.store.entries)
    await ticks(world, rollout, 40)
    world.passes(-30)
    behind = []
    for _ in range(12):
        await ticks(world, rollout, 1)
        (packed,) = world.store.counts.values()
        stored = Sums.model_validate_json(zlib.decompress(packed))
        behind.append(_requests(rollout._watch.own) - _requests(stored))
    assert len(world.store.entries) == looks
    assert max(behind) < 5 * 60, "those of five seconds"


def _requests(sums: Sums) -> int:
    return sum(cells["requests"] for cells in sums.endpoints.values())


@pytest.mark.parametrize("part", ["make_look", "with_measured"])
async def test_a_look_that_cannot_be_made_is_blind(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(quick())
    rollout = await at_half(world)

    def broken(*_: object, **__: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(watching, part, broken)
    await ticks(world, rollout, 70)
    verdict = rollout.standing().verdict
    assert verdict
    assert (verdict.kind, rollout.state.weight) == ("blind", STEPS[1])
    assert "a bug" in verdict.reason
    assert rollout.standing().blind_since


async def test_a_judge_that_hangs_is_blind_and_asked_no_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(quick())
    rollout = await at_half(world)
    asked, released, judge = [], threading.Event(), watching._judge

    def hangs(*args: Any) -> Any:
        asked.append(1)
        released.wait()
        return judge(*args)

    monkeypatch.setattr(watching, "JUDGE_S", 0.01)
    monkeypatch.setattr(watching, "_judge", hangs)
    try:
        await ticks(world, rollout, 150)
        verdict = rollout.standing().verdict
        assert verdict
        assert (verdict.kind, len(asked), rollout.state.weight) == ("blind", 1, STEPS[1])
        assert "the judge" in verdict.reason
    finally:
        released.set()


async def test_one_that_is_leaving_goes_back_with_its_successor() -> None:
    world = World(quick())
    one = await at_half(world)
    other = await world.process()
    one.leave()
    await other.ask("rollback", "from the successor")
    world.weight = STEPS[1]
    await one.tick()
    assert (one.state.phase, world.weight) == ("rolled_back", 0)


@pytest.mark.parametrize("ticking", [True, False])
async def test_one_that_is_leaving_stores_what_it_owes(ticking: bool) -> None:
    world = World(quick())
    rollout = await at_half(world)
    world.store.broken = True
    await rollout.ask("rollback", "now")
    rollout.leave()
    world.store.broken = False
    await (rollout.tick() if ticking else rollout.stop())
    assert (world.stored.phase, world.stored.reason) == ("rolled_back", "now")


async def test_what_is_owed_ends_no_later_rollout() -> None:
    world = World(quick())
    one = await at_half(world)
    other = await world.process()
    world.store.broken = True
    await one.ask("rollback", "of the first")
    world.store.broken = False
    await other.ask("rollback", "of the first, too")
    await other.ask("start", "another one")
    await ticks(world, one, 1)
    assert (world.stored.phase, world.stored.number, one.state) == ("shadow", 2, world.stored)
    assert one.standing().unsaved is None


@pytest.mark.parametrize("changed", [{"versions": "v1 v3"}, {"judged": "other rules"}])
async def test_one_that_follows_another_that_has_ended_says_so_and_decides_again(changed: dict[str, str]) -> None:
    world = World(quick())
    one = await at_half(world)
    world.plan = quick(**changed)
    other = await world.process()
    await other.tick()
    await ticks(world, one, 1)
    assert one.standing().outdated
    with world.events.subscribe() as told:
        await ticks(world, one, 100)
        verdict = one.standing().verdict
        assert one.standing().outdated
        found = await heard(told)
    assert verdict
    assert verdict.kind == "blind"
    assert "rollout.blind" in [event.name for event in found]
    await ticks(world, one, 30)
    assert not one.standing().outdated
    assert (world.stored.versions, world.stored.judged) == ("v1 v2", "rules")
    await until(world, one, "complete")


@pytest.mark.parametrize("idle", ["complete", "fallback"])
async def test_one_that_follows_another_keeps_doing_so_while_that_lives(idle: str) -> None:
    world = World(quick())
    one = await at_half(world)
    world.plan = quick(versions="v1 v3")
    other = await world.process()
    if idle == "complete":
        await until(world, other, "complete")
    else:
        await ticks(world, other, 1)
        world.breaker = "open"
    for _ in range(300):
        world.passes(1)
        await other.tick()
        await one.tick()
        assert one.standing().outdated
    assert (world.stored.versions, other.state.shown) == ("v1 v3", idle)


async def test_a_breaker_that_flaps_does_not_fill_the_books() -> None:
    world = World(quick())
    rollout = await world.process()
    await until(world, rollout, "complete")
    with world.events.subscribe() as told:
        for _ in range(200):
            world.breaker = "open" if world.breaker == "closed" else "closed"
            await ticks(world, rollout, 1, requests=0)
        found = await heard(told)
    assert len([event for event in found if event.name == "rollout.moved"]) == 200
    shown = rollout.standing().history
    assert [move.action for move in shown].count("complete") == 1
    assert list(shown) == moves(world)[::-1]
    assert len([move for move in shown if move.by == "breaker"]) == 20
    world.passes(86_400)
    world.breaker = "open"
    await ticks(world, rollout, 1, requests=0)
    assert moves(world)[-1].action == "fall_back"
