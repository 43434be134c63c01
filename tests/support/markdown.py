"""Reads the Markdown pages of the project, for tests that hold them against the code."""

from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.support.repository import committed_files

_PARSER = MarkdownIt("gfm-like", {"linkify": False})


def pages() -> list[Path]:
    """All Markdown files that are committed."""
    return [path for path in committed_files() if path.suffix == ".md"]


def tokens(page: Path) -> Iterator[Token]:
    """The page's tokens, those within a line after the line's own."""
    for token in _PARSER.parse(page.read_text()):
        yield token
        yield from token.children or ()


def blocks(page: Path, language: str) -> Iterator[str]:
    """The fenced blocks of code in that language."""
    return (token.content for token in tokens(page) if token.type == "fence" and token.info == language)


def spans(page: Path) -> Iterator[str]:
    """The spans of code within the text."""
    return (token.content for token in tokens(page) if token.type == "code_inline")
