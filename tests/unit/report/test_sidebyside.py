"""Two answers beside each other."""

import json
from typing import Any

from hypothesis import given

from parallelrun.api.models import Answer, Body
from parallelrun.web.document import lines
from parallelrun.web.sidebyside import MOST_ROWS, Cell, Row, _aligned, everything, side_by_side
from tests.unit.report.test_document import JSON


def answer(
    value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = (), failure: str | None = None
) -> Answer:
    text = value if isinstance(value, str) else json.dumps(value)
    body = Body(text=text, base64=None, bytes=len(text.encode()), truncated=False, hash="00")
    return Answer(status=status, headers=list(headers), body=body, ms=1.0, failure=failure)


def text(cell: Cell | None) -> str:
    return cell.before + cell.marked + cell.after if cell else ""


def here(rows: list[Row]) -> list[tuple[str, str]]:
    return [(row.old.marked if row.old else "", row.new.marked if row.new else "") for row in rows if row.here]


def test_the_changed_place_is_marked_and_the_rest_left_out() -> None:
    old = {"items": [{"id": i, "price": i * 1.5} for i in range(50)], "total": 10.50}
    new = {"items": [{"id": i, "price": i * 1.5} for i in range(50)], "total": 10.49}
    rows = side_by_side(answer(old), answer(new), "$.total")
    assert here(rows) == [("10.5", "10.49")]
    assert len(rows) < 10
    assert rows[0].state == "gap"


def test_of_several_changes_only_the_one_asked_for_is_marked() -> None:
    old, new = {"a": 1, "b": 2, "c": 3}, {"a": 9, "b": 8, "c": 3}
    assert here(side_by_side(answer(old), answer(new), "$.b")) == [("2", "8")]
    rows = side_by_side(answer(old), answer(new), "$.b")
    assert [row.state for row in rows].count("changed") == 2


def test_an_element_more_in_front_does_not_change_all_others() -> None:
    old = {"items": [{"id": i, "price": i} for i in range(9)]}
    new = {"items": [{"id": 99, "price": 1}, *({"id": i, "price": i + (i == 5) * 100} for i in range(9))]}
    rows = side_by_side(answer(old), answer(new), "$.items[*].price")
    assert ("5", "105") in here(rows)
    assert [row.state for row in rows].count("changed") == 1


def test_a_missing_field_has_nothing_beside_it() -> None:
    rows = side_by_side(answer({"a": 1, "zip": "12"}), answer({"a": 1}), "$.zip")
    assert here(rows) == [('"zip": "12"', "")]


def test_members_of_one_name_stand_beside_each_other_in_their_order() -> None:
    """As they are compared: `$.a` has another value, and one is missing."""
    rows = side_by_side(answer('{"a":1,"a":2}'), answer('{"a":2}'), "$.a")
    assert here(rows) == [("1", "2"), ('"a": 2', "")]
    rows = side_by_side(answer('{"a":{"x":1},"a":{"x":2},"b":0}'), answer('{"a":{"x":2},"b":0}'), "$.a.x")
    assert here(rows)[0] == ("1", "2")


def test_below_the_place_counts_as_the_place() -> None:
    rows = side_by_side(answer({"a": {"b": [1]}, "ab": 1}), answer({"a": {"b": [2]}, "ab": 2}), "$.a")
    assert here(rows) == [("1", "2")]


def test_status_and_failure_and_header() -> None:
    rows = side_by_side(answer({}), answer({}, 404), "status")
    assert here(rows)[0] == ("status 200", "status 404")
    assert text(side_by_side(answer({}), answer({}, 0, failure="timeout"), "status")[0].new) == "timeout"
    headers = (("Location", "/a"), ("x", "1"))
    rows = side_by_side(answer({}, headers=headers), answer({}, headers=(("location", "/b"),)), "header:location")
    assert len(rows) == 1
    rows = side_by_side(answer({}, headers=headers), answer({}), "header:location")
    assert [(text(row.old), text(row.new)) for row in rows] == [("Location: /a", "no location")]


def test_long_lines_are_cut_around_the_change() -> None:
    rows = side_by_side(
        answer({"a": "x" * 5000 + " 1 " + "y" * 5000}), answer({"a": "x" * 5000 + " 2 " + "y" * 5000}), "$.a"
    )
    (row,) = [row for row in rows if row.here]
    assert (row.old and row.old.marked, row.new and row.new.marked) == ("1", "2")
    assert len(text(row.old)) < 300


def test_huge_bodies_are_bounded() -> None:
    old, new = [{"n": i} for i in range(9000)], [{"n": i * 7 % 9001} for i in range(9000)]
    assert len(side_by_side(answer(old), answer(new), "$[*].n")) == MOST_ROWS


@given(JSON, JSON)
def test_no_line_is_lost_or_invented(old: Any, new: Any) -> None:
    one, other = lines(answer(old).body), lines(answer(new).body)
    rows = _aligned(one, other, "$")
    assert [row.old.number for row in rows if row.old] == list(range(1, len(one) + 1))
    assert [row.new.number for row in rows if row.new] == list(range(1, len(other) + 1))
    for row in rows:
        if row.state == "same":
            assert text(row.old).rstrip(",") == text(row.new).rstrip(",")


@given(JSON)
def test_equal_answers_show_no_change(value: Any) -> None:
    assert {row.state for row in everything(answer(value), answer(value))} <= {"same", "gap"}
