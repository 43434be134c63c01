"""The examples in docs/reference/comparing.md are true, and no kind and no cap is left out."""

from __future__ import annotations

import json
import re

import pytest

from parallelrun import _core
from tests.support.repository import ROOT

PAGE = (ROOT / "docs/reference/comparing.md").read_text()


def rows(*header: str) -> list[list[str]]:
    """The rows of all tables with these headings, as cells."""
    found, inside = [], False
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if cells == list(header):
            inside = True
        elif not cells:
            inside = False
        elif inside and set(cells[0]) != {"-"}:
            found.append(cells)
    return found


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


EXAMPLES = [["`{}`", *row] for row in rows("old", "new", "found")] + rows("rule", "old", "new", "found")


def test_the_examples_are_found() -> None:
    assert len(EXAMPLES) > 30
    assert all(len(example) == 4 for example in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: " ".join(example[:3]))
def test_example(example: list[str]) -> None:
    (rules,), (old,), (new,), expected = (code(cell) for cell in example)
    assert bool(expected) != (example[3] == "nothing")
    side = (200, [("content-type", "application/json")])
    found = json.loads(_core.Comparator(rules).compare((*side, old.encode()), (*side, new.encode())))
    seen = [f"{d['location']} {d['kind']}{' hidden' if d['rule'] else ''}" for d in found["differences"]]
    assert seen == expected


def test_each_kind_and_cap_is_explained() -> None:
    """The names that the Rust enums have."""
    source = (ROOT / "crates/compare/src/difference.rs").read_text()
    named = set(re.findall(r'=> "(\w+)"', source)) - {"match", "ignored", "mismatch"}
    explained = {row[0].strip("`") for row in rows("kind", "meaning", "texts") + rows("cap", "at", "then")}
    assert named == explained
    assert len(named) == 12
