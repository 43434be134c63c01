"""What `serve` shows on a terminal."""

import io
from collections import Counter
from dataclasses import replace

import pytest
from rich.console import Console

from parallelrun.cli.picture import Picture, summary
from parallelrun.evidence.counters import Counters
from parallelrun.evidence.model import Difference, Example, Judged, Times
from parallelrun.evidence.status import Verdicts
from parallelrun.web.report import compared
from tests.support.plural import wrong_plurals

COUNTERS = Counters.model_validate(
    {
        "uptime_ms": 600_000,
        "requests": 12_345,
        "in_flight": 3,
        "rescued": 2,
        "sides": {"old": {"requests": 12_345}, "new": {"requests": 9_000, "status_5xx": 4, "failures": {"timeout": 5}}},
        "endpoints": [
            {
                "endpoint": "GET /orders/{id}",
                "outcomes": {"match": 9_000, "mismatch": 50, "method_not_mirrored": 3_000},
                "old": {"latency": {"count": 10, "buckets": [[1000, 95], [250_000, 5]]}},
                "new": {"latency": {"count": 10, "buckets": [[2000, 50], [3_000_000, 50]]}},
            },
            {"endpoint": "GET /", "outcomes": {"match": 292}, "old": {"latency": {"buckets": [[1000, 100]]}}},
        ],
    }
)


def judged(endpoint: str, location: str, times: int, old: str | None = "10.5", new: str | None = "10.4") -> Judged:
    difference = Difference("s", endpoint, location, "value", Verdicts(confirmed=times), Times(1, 1))
    return Judged(difference, "open", Example("p", 1, "confirmed", old, new))


PICTURE = Picture(
    title="parallelrun 1.2.3",
    listen="http://127.0.0.1:8080",
    admin="127.0.0.1:8081",
    old="http://old:1",
    new="http://new:2",
    store="sqlite:///parallelrun.db",
    phase="stepping",
    counters=COUNTERS,
    rate=1234.5,
    differences=(judged("GET /orders/{id}", "$.total", 50),),
    troubles=(),
)


def drawn(picture: Picture, width: int = 100, height: int = 40) -> str:
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=False)
    console.print(picture.drawn(width, height))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_everything_is_there() -> None:
    text = drawn(PICTURE)
    for piece in (
        "parallelrun 1.2.3",
        "http://127.0.0.1:8080",
        "admin http://127.0.0.1:8081",
        "12,345 requests in 10 min, 1,234/s, 3 in flight, 2 rescued",
        "99.4 % alike of 75.6 % compared",
        "outcome              requests   share",
        "method_not_mirrored",
        "24.3 %",
        "250 ms",
        "3 s",
        "GET /orders/{id}",
        "$.total",
        "10.5 → 10.4",
    ):
        assert piece in text, f"{piece} in {text}"


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("height", [5, 24, 50])
def test_it_fits(width: int, height: int) -> None:
    many = tuple(judged(f"GET /{'long/' * 30}{n}", "$.a" * 60, n, "x" * 300, None) for n in range(50))
    picture = replace(PICTURE, differences=many, troubles=("w" * 500,))
    lines = drawn(picture, width, height).splitlines()
    assert all(len(line.rstrip()) <= width for line in lines)
    if width >= 80 and height >= 24:
        assert len(lines) <= height


def test_a_narrow_terminal_leaves_examples_and_reasons_out() -> None:
    text = drawn(PICTURE, 60)
    assert "10.5" not in text
    assert "unsafe method" not in text
    assert "$.total" in text


def test_nothing_of_strangers_reaches_the_terminal_unwritten() -> None:
    evil = "\x1b]0;owned\x07\u202e\r\n"
    text = drawn(replace(PICTURE, differences=(judged(evil, evil, 1, evil, evil),), troubles=(evil,)), 200)
    assert not {"\x1b", "\x07", "\u202e", "\r"} & set(text)
    assert "\\u001b" in text


def test_troubles_are_shown() -> None:
    assert "the store does not take evidence" in drawn(replace(PICTURE, troubles=("the store does not take evidence",)))


def test_the_summary() -> None:
    assert summary(PICTURE) == (
        "12,345 requests in 10 min: 99.4 % alike of 75.6 % compared. 1 open difference, most often $.total of "
        "GET /orders/{id} (value, 50 times). 2 answers were rescued. The evidence is in sqlite:///parallelrun.db."
    )
    assert "No open differences." in summary(replace(PICTURE, differences=()))
    nothing = replace(PICTURE, differences=(), counters=Counters(uptime_ms=3000))
    assert summary(nothing) == "0 requests in 3 s: no requests yet. The evidence is in sqlite:///parallelrun.db."


def test_one_is_no_plural() -> None:
    counters = COUNTERS.model_copy(update={"requests": 1, "rescued": 1})
    single = replace(PICTURE, counters=counters, differences=(judged("GET /", "$.total", 1),))
    assert wrong_plurals(summary(single)) == wrong_plurals(drawn(single)) == []
    assert summary(single).startswith("1 request in 10 min: ")
    assert "1 open difference, most often $.total of GET / (value, 1 time). 1 answer was rescued." in summary(single)


@pytest.mark.parametrize(
    ("outcomes", "text"),
    [
        ({}, "no requests yet"),
        ({"not_sampled": 3, "new_failed": 1}, "nothing compared"),
        ({"match": 3}, "100 % alike of 100 % compared"),
        ({"match": 9999, "mismatch": 1}, "99.9 % alike of 100 % compared"),
        ({"noise": 1, "not_sampled": 9_999}, "100 % alike of <0.1 % compared"),
        ({"noise": 5, "ignored": 2, "race": 1, "mismatch": 2}, "80 % alike of 100 % compared"),
    ],
)
def test_the_rate_never_stands_alone(outcomes: dict[str, int], text: str) -> None:
    assert compared(Counter(outcomes)) == text
