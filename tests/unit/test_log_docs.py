"""docs/reference/log.md names every event with its level and its fields, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.repository import ROOT

PAGE = ROOT / "docs" / "reference" / "log.md"
# Made elsewhere than by `Events.publish`: what libraries log.
OTHERS = {"log"}


def literals(node: ast.expr) -> list[str]:
    """The texts that an expression can have; none where it is no literal."""
    if isinstance(node, ast.IfExp):
        return literals(node.body) + literals(node.orelse)
    return [str(node.value)] if isinstance(node, ast.Constant) else []


def published(path: Path) -> Iterator[tuple[str, str, set[str]]]:
    """Name, level (or both, of a choice) and fields of each event that a module publishes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "publish"):
            continue
        texts = [literals(argument) for argument in node.args]
        assert all(texts), f"{path}:{node.lineno}: name and level are to be literal texts"
        (name, *_), levels = (*texts, ["info"])[:2]
        level = ", ".join(sorted(levels))
        yield name, level, {keyword.arg for keyword in node.keywords if keyword.arg}


def documented() -> dict[str, tuple[str, set[str]]]:
    """Of each row, without what stands in brackets: values are not fields."""
    row = re.compile(r"^\| `([a-z._]+)` \| ([a-z, ]+) \| .*? \| ([^|]*) \|$", re.MULTILINE)
    found = {}
    for name, level, fields in row.findall(PAGE.read_text(encoding="utf-8")):
        found[name] = (level, set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", fields))))
    return found


def test_every_event_is_documented_with_its_fields_and_no_other() -> None:
    found = {
        name: (level, fields)
        for path in sorted((ROOT / "python" / "parallelrun").rglob("*.py"))
        for name, level, fields in published(path)
    }
    page = {name: row for name, row in documented().items() if name not in OTHERS}
    assert len(found) > 10
    assert page == found
