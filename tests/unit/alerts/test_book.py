"""Each matter is told once when it comes up, once when it is over, and nothing is lost."""

from collections import Counter
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from parallelrun.alerts.alert import Notice
from parallelrun.alerts.book import RESUME_MS, SETTLE_MS, WAIT_MS, Book
from tests.unit.alerts.given import NOW, alert

KEYS = ("a", "b", "c")


def told(book: Book, at_ms: int) -> list[tuple[str, bool]]:
    return [(notice.alert.key, notice.resolved) for notice in book.due(at_ms)]


def test_what_comes_within_the_wait_is_told_together() -> None:
    book = Book()
    book.begin(alert("a"), NOW)
    book.begin(alert("b"), NOW + 5_000)
    assert told(book, NOW + WAIT_MS["warning"] - 1) == []
    assert told(book, NOW + WAIT_MS["warning"]) == [("a", False), ("b", False)]
    assert told(book, NOW + 10 * WAIT_MS["warning"]) == []


def test_a_critical_one_waits_less_and_takes_the_others_along() -> None:
    book = Book()
    book.begin(alert("a"), NOW)
    book.begin(alert("b", "critical"), NOW + 1_000)
    assert told(book, NOW + 1_000 + WAIT_MS["critical"]) == [("a", False), ("b", False)]


def test_what_goes_on_is_not_told_again() -> None:
    book = Book()
    for second in range(600):
        book.begin(alert("a"), NOW + second * 1000)
        book.due(NOW + second * 1000)
    assert told(book, NOW + 3_600_000) == []


def test_what_comes_and_goes_is_told_once_and_over_once() -> None:
    book, seen = Book(), []
    for second in range(0, 600, 20):
        book.begin(alert("a"), NOW + second * 1000)
        seen += told(book, NOW + second * 1000)
        book.end("a", NOW + second * 1000 + 19_000)
        seen += told(book, NOW + second * 1000 + 19_000)
    seen += told(book, NOW + 600_000 + SETTLE_MS)
    seen += told(book, NOW + 700_000 + SETTLE_MS)
    assert seen == [("a", False), ("a", True)]


def test_what_is_over_says_since_when_and_why() -> None:
    book = Book()
    book.begin(alert("a"), NOW)
    book.due(NOW + 20_000)
    book.end("a", NOW + 30_000, "A rule hides it now.")
    book.due(NOW + 30_000 + SETTLE_MS)
    (notice,) = book.due(NOW + 60_000 + SETTLE_MS)
    assert (notice.since_ms, notice.resolved_ms, notice.alert.text) == (NOW, NOW + 30_000, "A rule hides it now.")
    assert not book.open


def test_what_comes_back_before_its_end_was_told_has_not_ended() -> None:
    book = Book()
    book.begin(alert("a"), NOW)
    book.due(NOW + 20_000)
    book.end("a", NOW + 30_000)
    assert told(book, NOW + 30_000 + SETTLE_MS) == []  # it waits for others
    book.begin(alert("a"), NOW + 31_000 + SETTLE_MS)
    assert told(book, NOW + 90_000 + SETTLE_MS) == []
    assert book.open["a"].told
    assert book.open["a"].since_ms == NOW


def test_what_is_over_before_it_was_told_is_not_told_but_counted() -> None:
    book = Book()
    book.begin(alert("a"), NOW)
    book.end("a", NOW + 1_000)
    assert told(book, NOW + 3_600_000) == []
    assert (book.withdrawn, book.open) == (1, {})


def test_what_is_over_when_its_time_comes_is_told_if_it_comes_back() -> None:
    book = Book()
    book.begin(alert("a"), NOW)
    book.end("a", NOW + 10_000)
    assert told(book, NOW + WAIT_MS["warning"]) == []
    book.begin(alert("a"), NOW + 30_000)
    assert told(book, NOW + 30_000) == [("a", False)]
    assert book.withdrawn == 0


def test_what_has_happened_is_told_each_time() -> None:
    book = Book()
    for number in range(3):
        book.begin(alert(f"moved:{number}", "info", lasting=False), NOW)
    assert len(told(book, NOW + WAIT_MS["info"])) == 3
    assert not book.open


def test_after_a_restart_what_goes_on_is_not_told_again_and_what_ended_meanwhile_is_over() -> None:
    book = Book()
    book.resume([(alert("a"), NOW - 5), (alert("b"), NOW - 5)], NOW)
    book.begin(alert("a"), NOW + 300_000)
    assert told(book, NOW + RESUME_MS - 1) == []
    book.due(NOW + RESUME_MS)
    assert told(book, NOW + RESUME_MS + WAIT_MS["info"]) == [("b", True)]


Step = tuple[Literal["begin", "end", "wait", "happen"], str, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(("begin", "end", "wait", "happen")), st.sampled_from(KEYS), st.integers(0, 90_000)),
    max_size=60,
)


@given(STEPS)
def test_one_alert_per_matter_until_it_is_over_and_nothing_lost(steps: list[Step]) -> None:
    book, now, notices, begun, happened = Book(), NOW, list[Notice](), Counter[str](), 0
    for what, key, ms in steps:
        now += ms
        if what == "begin":
            begun[key] += key not in book.open
            book.begin(alert(key, "critical" if key == "c" else "warning"), now)
        elif what == "end":
            book.end(key, now)
        elif what == "happen":
            happened += 1
            book.begin(alert(f"{key}{happened}", lasting=False), now)
        notices += book.due(now)
    for _ in range(2):  # what ends is told; then what was told to have ended
        now += 10 * SETTLE_MS
        notices += book.due(now)
    for key in KEYS:
        of_key = [notice.resolved for notice in notices if notice.alert.key == key]
        assert of_key == [bool(index % 2) for index in range(len(of_key))]
        still_open = key in book.open and book.open[key].over_ms is None
        assert len(of_key) % 2 == still_open
    assert sum(not notice.alert.lasting for notice in notices) == happened
    raised = sum(not notice.resolved and notice.alert.lasting for notice in notices)
    # What came back before its end was told was begun once more than it was told.
    assert raised + book.withdrawn <= sum(begun.values())
    assert not book._waiting
