"""What is wrong with a configuration, in one line each: where, which key, what was expected."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from parallelrun.config.positions import KeyPath


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Args:
        origin: where the value came from: a file's name, the name of an environment variable, or a command-line option.
        line: the line in that file, from 1; None where the origin has no lines.
        key: the setting, as `limits.body` or `compare.ignore[0].at`; empty for the document itself.
        message: what was expected.
    """

    origin: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        where = self.origin if self.line is None else f"{self.origin}:{self.line}"
        return ": ".join(part for part in (where, self.key, self.message) if part)


class BadConfigError(Exception):
    """A configuration that cannot be used.

    Args:
        problems: everything that is wrong, put in the order of the file.
        files: the files that it was read from; a change in one of them may mend it.
    """

    def __init__(self, problems: Iterable[Problem], files: Iterable[Path] = ()) -> None:
        self.problems = sorted(problems, key=lambda problem: (problem.line is None, problem.line or 0))
        self.files = tuple(files)
        super().__init__("\n".join(map(str, self.problems)))


def key_text(path: KeyPath) -> str:
    """The usual way to write a path: `compare.ignore[0].at`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
