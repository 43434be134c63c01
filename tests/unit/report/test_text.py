"""What the reading commands print on a terminal."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from parallelrun.api.models import Differences
from parallelrun.cli.differences_text import differences_text
from parallelrun.cli.pair_text import pair_text
from parallelrun.cli.report_text import report_text
from parallelrun.cli.status_text import status_text
from parallelrun.cli.words import clean, milliseconds, size
from parallelrun.config.words import span
from parallelrun.web.report import Report
from tests.support.fake_engine import FakeEngine
from tests.unit.report.conftest import SCRIPT


def printed(what: RenderableType, width: int = 160) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False, markup=False, color_system=None).print(what, soft_wrap=True)
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 160])
def test_nothing_that_a_terminal_obeys_gets_through(hostile: Report, width: int) -> None:
    found = Differences(items=[*hostile.open, *hostile.noise, *hostile.races, *hostile.ignored], total=99)
    texts = [
        printed(report_text(hostile), width),
        printed(differences_text(found), width),
        printed(status_text(hostile.status, hostile.ledger), width),
        *(printed(pair_text(pair, width), width) for pair in hostile.pairs.values()),
    ]
    for text in texts:
        assert not set(text) & set("\x1b\x00\u202e\r\x07\x08")
    assert "\\u202e" in texts[0]
    assert SCRIPT in texts[0]
    assert len(texts) == 8


async def test_an_empty_report(engine: FakeEngine) -> None:
    text = printed(report_text(await engine.report()))
    assert text.startswith("Nothing was compared.\nThere has been no request yet.")


def test_every_part_of_a_report(hostile: Report) -> None:
    text = printed(report_text(hostile))
    for title in ("Open differences", "The new side failed", "Not compared, and why", "Endpoints", "Races", "Noise"):
        assert title in text
    assert "Hidden by rules" in text
    assert "1 of 5 compared (20 %, 95 % interval " in text


@given(st.text())
def test_clean_is_one_short_line(text: str) -> None:
    shown = clean(text).plain
    assert len(shown) <= 200
    assert len(shown.splitlines()) <= 1


def test_words() -> None:
    assert [span(value) for value in (5, 119, 120, 7200, 200_000)] == ["5 s", "119 s", "2 min", "2 h", "2 d"]
    assert [size(value) for value in (0, 1023, 1024, 268_435_456, 5 * 2**40)] == [
        "0 B",
        "1023 B",
        "1 KiB",
        "256 MiB",
        "5120 GiB",
    ]
    assert [milliseconds(value) for value in (None, 0.128, 12.34, 4096)] == ["n/a", "0.128 ms", "12.3 ms", "4.1 s"]
