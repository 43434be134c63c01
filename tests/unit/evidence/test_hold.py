"""The bounded memory in front of the store."""

import json

from hypothesis import given
from hypothesis import strategies as st

from parallelrun.evidence.hold import OVERHEAD, Hold
from parallelrun.evidence.records import Record, read_record
from tests.support.fake_core import difference, pair


def record(name: str, *locations: str, outcome: str = "mismatch", text: str = "") -> Record:
    made = read_record(json.dumps(pair(name, *map(difference, locations), outcome=outcome, target=f"/{text}")).encode())
    assert made
    return made


def test_keeps_the_order_and_lets_go_of_what_was_written() -> None:
    hold = Hold(10**6)
    records = [record(str(i), "$.a") for i in range(5)]
    for one in records:
        assert hold.add(one) == []
    taken = hold.take(2, 10**6)
    assert taken == records[:2]
    assert len(hold) == 5
    hold.put_back(taken)
    assert hold.all() == records
    assert hold.take(9, 1) == records[:1], "one always goes, however large"
    hold.done(records[:1])
    assert hold.take(2, 10**6) == records[1:3]
    assert hold.get("1") is records[1]
    hold.done(records[1:3])
    assert hold.all() == records[3:]
    assert hold.get("0") is None


def test_what_is_being_written_is_not_dropped() -> None:
    hold = Hold(3 * (OVERHEAD + 400))
    first = record("first", "$.a")
    hold.add(first)
    assert hold.take(1, 10**6) == [first]
    for i in range(20):
        hold.add(record(str(i), "$.a"))
    assert hold.bytes <= hold.limit
    assert hold.get("first")
    hold.put_back([first])
    assert hold.all()[0] is first
    dropped = hold.add(record("21", "$.a"))
    assert dropped == [first]


def test_the_same_pair_is_held_once() -> None:
    hold = Hold(10**6)
    hold.add(record("1", "$.a"))
    assert hold.add(record("1", "$.a")) == []
    assert len(hold) == 1


def test_a_flood_cannot_push_out_the_only_example_of_another_difference() -> None:
    rare = record("rare", "$.rare")
    failed = record("failed", outcome="new_failed")
    hold = Hold((len(rare.deflated) + OVERHEAD) * 10)
    hold.add(rare)
    hold.add(failed)
    dropped = []
    for i in range(1000):
        dropped += hold.add(record(f"flood{i}", "$.flood"))
    assert hold.get("rare")
    assert hold.get("failed")
    assert hold.get("flood999")
    assert len(dropped) + len(hold) == 1002


def test_a_record_larger_than_the_whole_is_dropped_at_once() -> None:
    hold = Hold(OVERHEAD)
    large = record("large", "$.a")
    assert hold.add(large) == [large]
    assert (len(hold), hold.bytes) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3000)), max_size=60), st.integers(0, 20_000))
def test_never_over_the_limit_and_nothing_vanishes_unseen(steps: list[tuple[int, int]], limit: int) -> None:
    hold = Hold(limit)
    dropped = []
    for number, (group, size) in enumerate(steps):
        dropped += hold.add(record(str(number), f"$.{group}", text="".join(map(str, range(size)))))
        assert hold.bytes <= limit
    assert sorted(one.id for one in (*dropped, *hold.all())) == sorted(str(number) for number in range(len(steps)))
    held = hold.all()
    assert hold.clear() == held
    assert (hold.bytes, len(hold)) == (0, 0)
