"""The loop when something breaks: a rollback is never undone, and nothing goes forward without evidence of its own."""

import asyncio
import contextlib
import zlib
from typing import Any

import pytest

from parallelrun.evidence import StoreError
from parallelrun.rollout import Rollout
from parallelrun.rollout.keeping import UnreadableError
from tests.support.fake_world import World
from tests.unit.rollout.given import STEPS
from tests.unit.rollout.loops import moves, quick, ticks, until


async def at_half(world: World) -> Rollout:
    """A rollout at its second step."""
    rollout = await world.process()
    await until(world, rollout, "stepping", weight=STEPS[1])
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
        found = await told.next()
    assert found
    assert [event.name for event in found[0]] == ["rollout.failing"]


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
