"""Writes the parts of docs/reference that follow from the code: every setting and every command, in its own words.

    python -m tools.reference            writes them anew
    python -m tools.reference --check    says what would change; exit 1 if anything would

A part stands between two comments, `<!-- begin NAME -->` and `<!-- end NAME -->`; what is around it is written by hand.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from tools.reference.commands import commands
from tools.reference.settings import fixed, settings

PAGES = Path(__file__).resolve().parents[2] / "docs" / "reference"
PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "configuration.md": {"fixed": fixed, "settings": settings},
    "commands.md": {"commands": commands},
}


def written(page: str) -> str:
    """The page with its parts as they should be."""
    text = (PAGES / page).read_text()
    for name, make in PARTS[page].items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise SystemExit(f"{page}: no part {name}")
        text = f"{before}{begin}\n{make()}\n\n{end}{after}"
    return text


def main(arguments: list[str]) -> int:
    """Writes or checks all pages; returns the exit code."""
    stale = [page for page in PARTS if written(page) != (PAGES / page).read_text()]
    for page in stale:
        if "--check" in arguments:
            print(f"docs/reference/{page} does not say what the code does: run `python -m tools.reference`")
        else:
            (PAGES / page).write_text(written(page))
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
