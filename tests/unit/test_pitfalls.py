"""The page of pitfalls names every one of them, and only tests that exist."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.repository import ROOT

PAGE = ROOT / "docs/explanation/pitfalls.md"
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
ROWS = {int(number): (pitfall, answer, tests) for number, pitfall, answer, tests in ROW.findall(PAGE.read_text())}


def test_all_38_are_there_once_and_in_order() -> None:
    assert [int(row[0]) for row in ROW.findall(PAGE.read_text())] == list(range(1, 39))


@pytest.mark.parametrize("number", ROWS)
def test_each_has_tests_that_exist(number: int) -> None:
    named = re.findall(r"`([^`]+)::(\w+)`", ROWS[number][2])
    assert named
    missing = [f"{file}::{name}" for file, name in named if name not in names_in(path_of(file))]
    assert not missing


def path_of(file: str) -> Path:
    return ROOT / file if "/" in file else ROOT / "tests/integration/proxy" / file


def names_in(path: Path) -> set[str]:
    text = path.read_text()
    if path.suffix == ".rs":
        return set(re.findall(r"#\[test\]\s+fn (\w+)\(", text))
    functions = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}


def test_a_test_that_is_not_there_would_be_seen() -> None:
    assert "test_one_request_or_none" in names_in(path_of("test_smuggling.py"))
    assert "what_a_side_answers" in names_in(path_of("crates/proxy/tests/fuzz.rs"))
    assert "compose" not in names_in(path_of("crates/proxy/tests/fuzz.rs"))
    assert "request_or_none" not in names_in(path_of("test_smuggling.py"))
