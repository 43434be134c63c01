"""The page: whole in itself, and safe whatever the answers hold."""

import re
from html.parser import HTMLParser

from parallelrun.web.page import page
from parallelrun.web.report import Report
from tests.support.fake_core import FakeCore
from tests.support.fake_engine import FakeEngine
from tests.unit.report.conftest import SCRIPT

KNOWN = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "article"),
    *(
        "h1",
        "h2",
        "h3",
        "p",
        "b",
        "strong",
        "small",
        "code",
        "pre",
        "div",
        "span",
        "ul",
        "li",
        "i",
        "dl",
        "dt",
        "dd",
        "br",
    ),
    *("details", "summary", "table", "a", "colgroup", "col", "thead", "tbody", "tr", "th", "td", "mark"),
}
ATTRIBUTES = {
    "class",
    "id",
    "style",
    "open",
    "colspan",
    "lang",
    "charset",
    "name",
    "content",
    "http-equiv",
    "aria-hidden",
    "href",
}


class Reader(HTMLParser):
    """What a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.styles: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.styles += [value or "" for name, value in attrs if name == "style"]
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_nothing_hostile_becomes_markup(hostile: Report) -> None:
    text = page(hostile)
    seen = Reader(text)
    assert seen.tags <= KNOWN
    assert seen.attributes <= ATTRIBUTES
    assert seen.links == [f"#{one}" for one in seen.ids], "the overview leads to the differences, and to nothing else"
    assert len(seen.links) == len(hostile.open) > 3
    assert all(re.fullmatch(r"width:[0-9.]+%", style) for style in seen.styles)
    assert "<script" not in text.lower()
    assert "<img" not in text.lower()
    assert seen.text.count(SCRIPT) > 30, "it is shown, as text"
    assert str(31337 * 31337) not in text, "it is no template"


def test_nothing_hidden_reaches_the_reader(hostile: Report) -> None:
    text = page(hostile)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    assert "\\u202e" in text
    assert "\\u001b" in text


def test_it_needs_nothing_else(hostile: Report) -> None:
    text = page(hostile)
    assert "default-src 'none'" in text
    css = text.split("<style>")[1].split("</style>")[0]
    assert "url(" not in css
    assert "@import" not in css


async def test_it_says_so_when_there_was_no_request(engine: FakeEngine) -> None:
    text = page(await engine.report())
    assert "Nothing was compared" in text
    assert "There has been no request yet." in text


async def test_what_was_compared_stands_beside_every_match(engine: FakeEngine) -> None:
    core: FakeCore = engine.core
    core.count("GET /", "match", 61)
    core.count("GET /", "not_sampled", 39)
    text = page(await engine.report())
    assert "100 % alike of 61 % compared (100 requests)." in text
    assert "left out by `sample`" in text
