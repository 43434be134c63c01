"""Where the reading commands print."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

_WIDE = 160
"""Columns where standard output is no terminal: enough for tables."""


def print_json(model: "BaseModel") -> None:
    """As indented JSON."""
    print_text(model.model_dump_json(indent=2))


def print_text(text: str) -> None:
    """UTF-8 whatever the locale says, since the text names its own encoding or is JSON."""
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + (b"" if text.endswith("\n") else b"\n"))
    sys.stdout.flush()


def console() -> "Console":
    """Standard output, for text that holds no markup."""
    from rich.console import Console  # noqa: PLC0415 - `--help` needs none of it

    made = Console(highlight=False, markup=False)
    return made if made.is_terminal else Console(highlight=False, markup=False, width=_WIDE)
