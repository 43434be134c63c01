"""Where a rollout is kept, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from parallelrun.evidence import Store, open_store
from parallelrun.evidence.rollouts import Change, Rollouts, Stored, StoredEntry


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = open_store(store_url)
    yield opened
    await opened.close()


@pytest.fixture
def rollouts(store: Store) -> Rollouts:
    return Rollouts(store)


def change(known: int, **more: Any) -> Change:
    values: dict[str, Any] = {"epoch": 1, "state": f"state {known}", "memory": b"\0m", "run": "a", "counts": b"c"}
    return Change(known, **(values | more))


def entry(text: str, *, whole: bool = False) -> StoredEntry:
    return StoredEntry(1, whole, text.encode())


async def journal(rollouts: Rollouts) -> list[str]:
    return [each.decode() async for each in rollouts.journal()]


async def test_what_is_written_is_read_back(rollouts: Rollouts) -> None:
    assert (await rollouts.read("a"), await rollouts.revision()) == (None, 0)
    assert await rollouts.write(change(0))
    assert await rollouts.read("a") == Stored(1, "state 0", b"\0m", ())
    assert await rollouts.write(change(1, memory=b"n"))
    assert await rollouts.read("b") == Stored(2, "state 1", b"n", (b"c",))
    assert await rollouts.revision() == 2


async def test_who_does_not_know_the_last_write_writes_nothing(rollouts: Rollouts) -> None:
    assert await rollouts.write(change(0))
    assert await rollouts.write(change(1))
    for known in (0, 1, 3):
        late = change(known, counts=b"other", moves=[(1, "m")], entries=[entry("e")])
        assert not await rollouts.write(late)
    assert await rollouts.read("b") == Stored(2, "state 1", b"\0m", (b"c",))
    assert await rollouts.moves(10) == []
    assert await journal(rollouts) == []


async def test_of_two_at_once_one_wins(rollouts: Rollouts) -> None:
    for known in (0, 1, 2):
        both = (rollouts.write(change(known, run=name)) for name in "ab")
        assert sorted(await asyncio.gather(*both)) == [False, True]


async def test_counts_are_of_the_present_epoch(rollouts: Rollouts) -> None:
    await rollouts.write(change(0, run="a", counts=b"1"))
    await rollouts.write(change(1, run="b", counts=b"2"))
    await rollouts.write(change(2, run="b", counts=b"3"))
    found = await rollouts.read("c")
    assert found
    assert sorted(found.others) == [b"1", b"3"]
    await rollouts.write(change(3, run="b", epoch=2, counts=b"4"))
    found = await rollouts.read("c")
    assert found
    assert found.others == (b"4",)


async def test_counts_alone_are_of_the_present_epoch_too(rollouts: Rollouts) -> None:
    await rollouts.write_counts(1, "b", b"nothing to count for yet")
    await rollouts.write(change(0, counts=b"1"))
    await rollouts.write_counts(1, "a", b"2")
    await rollouts.write_counts(1, "b", b"3")
    await rollouts.write_counts(2, "c", b"4")
    found = await rollouts.read("none")
    assert found
    assert (found.revision, sorted(found.others)) == (1, [b"2", b"3"])


async def test_moves_are_the_newest_first_and_bounded(rollouts: Rollouts) -> None:
    for known in range(5):
        await rollouts.write(change(known, moves=[(known, f"move {known}")]))
    assert await rollouts.moves(2) == ["move 4", "move 3"]
    await rollouts.trim(most_moves=3)
    assert await rollouts.moves(10) == ["move 4", "move 3", "move 2"]


async def test_the_journal_is_in_order_and_loses_whole_parts(rollouts: Rollouts) -> None:
    await rollouts.trim()
    for known in range(450):
        await rollouts.write(change(known, entries=[entry(f"{known:03}", whole=known % 10 == 0)]))
    assert await journal(rollouts) == [f"{number:03}" for number in range(450)]
    await rollouts.trim(most_bytes=3 * 450)
    assert len(await journal(rollouts)) == 450
    await rollouts.trim(most_bytes=3 * 25)
    assert await journal(rollouts) == [f"{number:03}" for number in range(430, 450)]
    await rollouts.trim(most_bytes=5)
    assert await journal(rollouts) == []
