"""Every relative link in a Markdown file leads somewhere, and every page of the docs can be reached from the README."""

import re
from collections import deque
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.support.markdown import pages, tokens
from tests.support.repository import ROOT

PAGES = pages()


def links(page: Path) -> list[str]:
    """The targets of the links and images on a page; code is not a link."""
    targets = (token.attrGet("href") or token.attrGet("src") for token in tokens(page))
    return [str(target) for target in targets if target]


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    found: set[str] = set()
    heading = False
    for token in tokens(page):
        if heading and token.type == "inline":
            slug = re.sub(r"[^\w\- ]", "", token.content.lower()).replace(" ", "-")
            repeats = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", anchor) is not None for anchor in found)
            found.add(f"{slug}-{repeats}" if repeats else slug)
        heading = token.type == "heading_open"
    return found


def resolve(page: Path, target: str) -> tuple[Path, str] | None:
    """The file and the anchor that a relative link means; None for an address elsewhere."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return None
    return (page.parent / unquote(parts.path)).resolve() if parts.path else page, parts.fragment


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    broken = []
    for target in links(page):
        match resolve(page, target):
            case (path, _) if not path.exists():
                broken.append(f"{target}: no such file")
            case (path, anchor) if anchor and path.suffix == ".md" and anchor not in anchors(path):
                broken.append(f"{target}: no heading gives that anchor")
    assert not broken


def test_every_page_of_the_docs_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    queue = deque([ROOT / "README.md"])
    while queue:
        page = queue.popleft()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        queue.extend(found[0] for target in links(page) if (found := resolve(page, target)))
    docs = {path for path in PAGES if path.is_relative_to(ROOT / "docs")}
    assert docs, "the docs were not found"
    assert not {str(path.relative_to(ROOT)) for path in docs - reached}


def test_a_broken_link_would_be_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One `two`: three\n\n[a](gone.md) ![b](gone.png) [c](#one-two-three) `[d](code.md)`\n\n    [e](code.md)\n"
    )
    assert links(page) == ["gone.md", "gone.png", "#one-two-three"]
    assert anchors(page) == {"one-two-three"}
    assert resolve(page, "gone.md") == (tmp_path / "gone.md", "")
    assert resolve(page, "https://example.org/x") is None
