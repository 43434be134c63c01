"""What a target is told: no more than the rate, nothing lost without a count, no end of what it never heard of."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from parallelrun.alerts.alert import Message, Notice, Severity
from parallelrun.alerts.outbox import (
    BURST,
    GIVE_UP_MS,
    LISTED,
    REFILL_MS,
    RETRY_FIRST_MS,
    RETRY_MOST_MS,
    Outbox,
)
from tests.unit.alerts.given import NOW, notice


def outbox(least: Severity = "info") -> Outbox:
    numbers = count(1)
    return Outbox(least, NOW, lambda: f"msg_{next(numbers)}")


def taken(box: Outbox, at_ms: int) -> Message:
    message = box.message(at_ms)
    assert message
    box.sent(message)
    return message


def test_only_what_is_severe_enough() -> None:
    box = outbox("warning")
    box.offer([notice("a", "info"), notice("b", "warning"), notice("c", "critical"), notice("d", "info")])
    assert [one.alert.key for one in taken(box, NOW).notices] == ["c", "b"]
    assert box.message(NOW) is None


def test_the_worst_first_and_the_rest_as_a_number() -> None:
    box = outbox()
    box.offer(notice(f"w{number}", "warning", since=NOW + number) for number in range(LISTED + 5))
    box.offer([notice("c", "critical", since=NOW + 99)])
    message = taken(box, NOW)
    assert message.notices[0].alert.key == "c"
    assert [one.alert.key for one in message.notices[1:]] == [f"w{number}" for number in range(LISTED - 1)]
    assert message.more == 6
    assert (box.counts.told, box.counts.unlisted) == (LISTED, 6)


def test_beyond_the_rate_they_go_out_together() -> None:
    box = outbox()
    for number in range(BURST):
        box.offer([notice(f"{number}")])
        taken(box, NOW)
    box.offer([notice("x")])
    box.offer([notice("y")])
    assert box.message(NOW) is None
    due = box.next_ms(NOW)
    assert due
    assert NOW < due <= NOW + REFILL_MS + 1
    assert len(taken(box, due).notices) == 2


def test_at_the_end_neither_the_rate_nor_a_failure_is_waited_for() -> None:
    box = outbox()
    for number in range(BURST - 1):
        box.offer([notice(f"{number}")])
        taken(box, NOW)
    box.offer([notice("a")])
    message = box.message(NOW)
    assert message
    for _ in range(5):
        box.failed(message, "down", NOW, 1.0)
    box.offer([notice("x"), notice("y")])
    assert box.message(NOW + RETRY_FIRST_MS) is None
    box.hurry()
    assert taken(box, NOW) == message
    assert [one.alert.key for one in taken(box, NOW).notices] == ["x", "y"]


def test_at_the_end_a_failure_counts_as_the_first() -> None:
    box = outbox()
    box.offer([notice("a")])
    message = box.message(NOW)
    assert message
    for _ in range(5):
        box.failed(message, "down", NOW, 1.0)
    box.hurry()
    assert box.message(NOW) == message
    box.failed(message, "down", NOW, 1.0)
    assert box.next_ms(NOW) == NOW + RETRY_FIRST_MS


def test_one_that_never_heard_of_it_does_not_hear_of_its_end() -> None:
    box = outbox()
    box.offer([notice("a", over=NOW + 5)])
    assert box.next_ms(NOW) is None
    box.offer([notice("b")])
    taken(box, NOW)
    box.offer([notice("b", over=NOW + 5)])
    assert taken(box, NOW).resolved


def test_after_a_restart_it_hears_of_the_end_of_what_concerned_it() -> None:
    box = outbox("warning")
    box.resume([notice("a").alert, notice("b", "info").alert])
    box.offer([notice("a", over=NOW + 5), notice("b", "info", over=NOW + 5), notice("c", over=NOW + 5)])
    assert [one.alert.key for one in taken(box, NOW).notices] == ["a"]


def test_a_message_stays_the_same_until_it_is_taken_and_newer_notices_wait() -> None:
    box = outbox()
    box.offer([notice("a")])
    first = box.message(NOW)
    assert first
    box.failed(first, "refused", NOW, 1.0)
    box.offer([notice("b"), notice("a", over=NOW + 9)])
    assert box.message(NOW) is None
    assert box.retry_ms
    again = box.message(box.retry_ms)
    assert again is first
    box.sent(first)
    assert [box.error, box.error_ms, box.retry_ms] == [None, None, None]
    assert [(one.alert.key, one.resolved) for one in taken(box, NOW).notices] == [("b", False), ("a", True)]


def test_of_one_matter_only_the_newest_waits() -> None:
    box = outbox()
    box.offer([notice("a"), notice("b")])
    box.offer([notice("a", over=NOW + 5)])
    assert [(one.alert.key, one.resolved) for one in taken(box, NOW).notices] == [("b", False), ("a", True)]
    box.offer([notice("b", over=NOW + 6)])
    box.offer([notice("b", since=NOW + 7)])  # told as open, and open again
    assert box.message(NOW) is None
    assert box.counts.merged == 3


def test_the_wait_doubles_up_to_a_bound_and_is_spread() -> None:
    box, now, waits = outbox(), NOW, []
    box.offer([notice()])
    for _ in range(15):
        message = box.message(now)
        assert message
        box.failed(message, "refused", now, 1.0)
        assert box.retry_ms
        waits.append(box.retry_ms - now)
        now = box.retry_ms
    assert waits[:4] == [RETRY_FIRST_MS * 2**exponent for exponent in range(4)]
    assert waits[-1] == RETRY_MOST_MS
    message = box.message(now)
    assert message
    box.failed(message, "refused", now, 0.0)
    assert box.retry_ms == now + RETRY_MOST_MS // 2
    assert (box.error, box.error_ms, box.counts.failures) == ("refused", NOW, 16)


def test_a_message_that_nobody_takes_for_a_day_is_dropped_and_counted() -> None:
    box = outbox()
    box.offer([notice("a")])
    message = box.message(NOW)
    assert message
    assert not box.failed(message, "refused", NOW, 0.5)
    assert box.failed(message, "refused", NOW + GIVE_UP_MS, 0.5)
    assert (box.counts.dropped, box.queued, box.error) == (1, 0, "refused")


Offer = tuple[str, Severity, bool, bool]
STEPS = st.lists(
    st.tuples(
        st.integers(0, 40_000),
        st.lists(
            st.tuples(
                st.integers(0, 40).map(str),
                st.sampled_from(("info", "warning", "critical")),
                st.booleans(),
                st.booleans(),
            ),
            max_size=30,
        ),
        st.booleans(),
    ),
    max_size=40,
)


@given(STEPS)
def test_never_more_than_the_rate_and_nothing_lost(steps: list[tuple[int, list[Offer], bool]]) -> None:
    box, now, serial, accepted = outbox("warning"), NOW, 0, 0
    sent, listed = list[tuple[int, Message]](), list[Notice]()
    for ms, offers, works in steps:
        now += ms
        notices = []
        for key, severity, over, lasting in offers:
            serial += 1
            name = key if lasting else f"happened{serial}"
            notices.append(notice(name, severity, since=now, over=now if over and lasting else None, lasting=lasting))
        before = _known(box)
        box.offer(notices)
        accepted += _known(box) - before
        while message := box.message(now):
            if not works:
                box.failed(message, "refused", now, 0.5)
                break
            box.sent(message)
            sent.append((now, message))
            listed += message.notices
    counts = box.counts
    assert counts.told == len(listed)
    assert accepted == counts.told + counts.unlisted + counts.merged + counts.dropped + box.queued
    assert box.queued - (len(box.current.notices) + box.current.more if box.current else 0) >= 0
    assert len(box._pending) <= LISTED
    assert all(len(message.notices) <= LISTED for _, message in sent)
    assert all(one.alert.severity != "info" for one in listed)
    for first, (begin, _) in enumerate(sent):
        for last in range(first, len(sent)):
            messages, seconds = last - first + 1, sent[last][0] - begin
            assert messages <= BURST + seconds / REFILL_MS + 1
    assert len({message.id for _, message in sent}) == len(sent)


def _known(box: Outbox) -> int:
    counts = box.counts
    return counts.told + counts.unlisted + counts.merged + counts.dropped + box.queued
