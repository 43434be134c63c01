"""Nothing that is committed names a path of one machine or the address of a package registry."""

import os
import re
import tomllib
from pathlib import Path

from tests.support.repository import ROOT, committed_files

# Written with a class around one letter, so that this file does not find itself.
REGISTRIES = re.compile(
    r"pypi\.or[g]/simple|pythonhosted\.or[g]|(index|static)\.crates\.i[o]|registry\.npmjs\.or[g]|proxy\.golang\.or[g]"
    r"|repo1?\.maven\.(apache\.)?or[g]|extra-index-ur[l]|index-url\s*[=]|find-links\s*[=]"
)
MACHINE_PATHS = re.compile(
    r"(?<![\w.~/-])/(root|home/(?!USER\b)[\w.-]+|Users/(?!USER\b)[\w.-]+|work)/[\w.]|[A-Z]:\\Users\\"
)
# What cargo writes for every crate of the public index, wherever it came from.
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def own_places() -> re.Pattern[str]:
    """What only this machine knows: where the checkout lies, and where its clients were told to find packages."""
    checkout = [str(ROOT)] if len(ROOT.parts) > 2 else []
    told = [os.environ.get(name) for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS")]
    return re.compile(
        "|".join(rf"(?<![\w.~/-]){re.escape(place)}\b" for place in (*checkout, *filter(None, told))) or r"(?!)"
    )


FORBIDDEN = (REGISTRIES, MACHINE_PATHS, own_places())


def offences(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if any(pattern.search(line) for pattern in FORBIDDEN)]


def text_of(path: Path) -> str:
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode(errors="replace")


def test_no_committed_file_names_this_machine_or_a_registry() -> None:
    found = {str(path.relative_to(ROOT)): lines for path in committed_files() if (lines := offences(text_of(path)))}
    assert not found


def test_the_lock_file_knows_only_the_public_index() -> None:
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    assert {package["source"] for package in packages if "source" in package} == {CRATES_IO}


def test_the_constraints_are_names_and_versions_only() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines
    assert not [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)]


def test_an_offence_would_be_seen() -> None:
    assert offences("see " + "/roo" + "t/project")
    assert offences("pip install --extra-index-ur" + "l https://example.org/simple")
    assert offences(f"cd {ROOT}")
    assert not offences("a path/work/of/ours, /usr/bin/env, ~/.config, a relative root/x")
