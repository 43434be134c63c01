"""Lower rooms know nothing of upper ones (CONTRIBUTING.md, "The rooms")."""

import ast
import tomllib
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

from tests.support.repository import ROOT

PACKAGE = ROOT / "python" / "parallelrun"

# What each room of the Python package may import from the others. A new room says so here first.
ALLOWED: dict[str, set[str]] = {
    "config": set(),
    "compare": {"config"},
    "evidence": {"config"},
    "judge": {"config"},
    "rollout": {"config", "evidence", "judge"},
    "alerts": {"config", "evidence"},
    "engine": {"config", "evidence", "rollout", "alerts"},
    "api": {"config", "evidence", "judge", "rollout", "alerts", "engine"},
    "web": {"config", "evidence", "api"},
    "cli": {"config", "evidence", "judge", "rollout", "engine", "api", "web"},
}
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py")))

# Crates that a crate must not depend on, because they are another room's business.
FORBIDDEN = {
    "compare": {"parallelrun-proxy", "parallelrun-python", "pyo3", "tokio", "hyper", "hyper-util", "socket2"},
    "proxy": {"parallelrun-python", "pyo3"},
}


def imported_rooms(source: str, package: str = "") -> Iterator[str]:
    """The rooms that a module of `package` imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            names = [base] if base != "parallelrun" else [f"parallelrun.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("parallelrun."))


def package_of(path: Path) -> str:
    return ".".join(path.parent.relative_to(PACKAGE.parent).parts)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    assert room in ALLOWED, "a new room: say in this test and in CONTRIBUTING.md what it may import"
    strangers = set(ALLOWED) - ALLOWED[room] - {room}
    found = {
        str(path.relative_to(ROOT)): sorted(bad)
        for path in sorted((PACKAGE / room).rglob("*.py"))
        if (bad := strangers.intersection(imported_rooms(path.read_text(), package_of(path))))
    }
    assert not found


@pytest.mark.parametrize("crate", sorted(FORBIDDEN))
def test_a_crate_depends_only_on_what_it_may(crate: str) -> None:
    manifest = tomllib.loads((ROOT / "crates" / crate / "Cargo.toml").read_text())
    assert not FORBIDDEN[crate].intersection(manifest["dependencies"])


def test_the_shop_stands_on_its_own() -> None:
    sources: dict[Path, str] = {path: path.read_text() for path in (ROOT / "examples" / "shop").rglob("*.py")}
    assert sources
    assert not [str(path.relative_to(ROOT)) for path, source in sources.items() if any(imported_rooms(source))]


def test_an_import_is_seen_wherever_it_stands() -> None:
    nested = "def f():\n    from parallelrun import cli\n    from parallelrun.web.pages import x\n"
    source = f"import parallelrun.api.app\n{nested}"
    assert sorted(imported_rooms(source)) == ["api", "cli", "web"]
    assert list(imported_rooms("from ..cli.main import x\nfrom .store import y", "parallelrun.api")) == ["cli", "api"]
    assert not list(imported_rooms("import parallelrun\nfrom parallelrun_x import api\nimport os\n"))
