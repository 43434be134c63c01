"""A window of the bench that did not measure what its row says is refused."""

from typing import Any

import pytest

from harness.rows import ROWS, Row
from harness.trust import problems

EQUAL = Row("parallelrun", "compare", "equal", 2048)
DIFFERS = Row("parallelrun", "compare", "differs", 2048)
PASS = Row("parallelrun", "pass", "equal", 2048)
MIRROR = Row("nginx", "mirror", "equal", 2048)
PROXY = Row("envoy", "proxy", "equal", 2048)


def cell(old: int = 100, new: int = 100, **outcomes: int) -> dict[str, Any]:
    load = {"sent": 100, "ok": 100, "errors": {}}
    return {"load": load, "old": {"requests": old}, "new": {"requests": new}, "outcomes": outcomes}


@pytest.mark.parametrize(
    ("row", "good"),
    [
        (EQUAL, cell(match=100)),
        (DIFFERS, cell(mismatch=100)),
        (DIFFERS, cell(old=103, new=102, mismatch=100)),
        (PASS, cell(new=0, not_sampled=100)),
        (MIRROR, cell()),
        (PROXY, cell(new=0)),
    ],
)
def test_a_window_in_order_passes(row: Row, good: dict[str, Any]) -> None:
    assert problems(row, good) == []


@pytest.mark.parametrize(
    ("row", "bad", "says"),
    [
        (EQUAL, cell(match=99, breaker_open=1), "ledger"),
        (EQUAL, cell(mismatch=100), "ledger"),
        (EQUAL, cell(old=101, match=100), "old upstream saw 101"),
        (EQUAL, cell(new=99, match=100), "99 copies, expected 100"),
        (DIFFERS, cell(match=100), "ledger"),
        (DIFFERS, cell(new=99, mismatch=100), "99 copies, expected 100"),
        (PASS, cell(new=1, not_sampled=100), "1 copies, expected 0"),
        (PASS, cell(new=0), "ledger"),
        (MIRROR, cell(new=99), "99 copies, expected 100"),
        (MIRROR, cell(new=101), "101 copies, expected 100"),
        (PROXY, cell(old=99, new=0), "old upstream saw 99"),
    ],
)
def test_a_window_with_something_missing_is_refused(row: Row, bad: dict[str, Any], says: str) -> None:
    assert [says in problem for problem in problems(row, bad)] == [True]


def test_a_failed_request_is_a_problem() -> None:
    bad = cell()
    bad["load"] = {"sent": 100, "ok": 99, "errors": {"timeout": 1}}
    assert problems(MIRROR, bad) == ["of 100 requests some failed: {'timeout': 1}"]


def test_rows_are_named_apart() -> None:
    assert len({row.key for row in ROWS}) == len(ROWS)
