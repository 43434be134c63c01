"""The report as Markdown."""

import re

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from parallelrun.cli.report_markdown import code, markdown, plain
from parallelrun.evidence.visible import in_one_line
from parallelrun.web.report import Report
from tests.unit.report.conftest import SCRIPT

TAGS = {
    *("h1", "h2", "p", "em", "code", "pre", "blockquote", "details", "summary"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
RENDERER = MarkdownIt("gfm-like", {"linkify": False, "html": True})


def test_nothing_hostile_becomes_markup(hostile: Report) -> None:
    html = RENDERER.render(markdown(hostile))
    assert set(re.findall(r"<(\w+)", html)) <= TAGS
    assert SCRIPT.replace("<", "&lt;").replace(">", "&gt;") in html


def test_no_row_has_a_cell_too_many_or_too_few(hostile: Report) -> None:
    html = RENDERER.render(markdown(hostile))
    for table in re.findall(r"<table>.*?</table>", html, re.DOTALL):
        rows = re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
        assert len({len(re.findall(r"<t[hd]", row)) for row in rows}) == 1
    assert html.count("<table>") >= 6


@given(st.text())
def test_code_shows_what_it_is_given(text: str) -> None:
    html = RENDERER.render(f"| a |\n| --- |\n| {code(text)} |\n")
    (cell,) = re.findall(r"<td>(.*?)</td>", html, re.DOTALL)
    shown = re.fullmatch(r"<code>(.*)</code>", cell, re.DOTALL)
    if not in_one_line(text).strip():
        assert cell.startswith("<em>")
        return
    assert shown
    plain_text = shown[1].replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    assert plain_text.strip() == in_one_line(text)[:200].strip()


@given(st.text(max_size=60))
def test_plain_text_stays_plain(text: str) -> None:
    html = RENDERER.render(f"x{plain(text)}x")
    assert not re.findall(r"<(?!/?p>)\w+", html)
