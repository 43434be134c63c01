"""The journal of evidence: each look with the verdict on it, one JSON object a line."""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from parallelrun.config.rollout import Gate
from parallelrun.judge.look import Counted, Look
from parallelrun.judge.state import JudgeState
from parallelrun.judge.verdict import Verdict


class Entry(Counted):
    """One line."""

    v: Literal[1] = 1
    """The version of this format."""
    look: Look
    gate: Gate
    verdict: Verdict
    state: JudgeState | None = None
    """What the judge remembered before this look: where a journal begins in the middle of a rollout. Elsewhere it
    follows from the lines before."""

    def line(self) -> str:
        """The entry as one line, with its end."""
        return self.model_dump_json(exclude_none=True) + "\n"


class JournalError(ValueError):
    """A line that is no entry of a journal."""

    def __init__(self, number: int, expected: str) -> None:
        super().__init__(f"line {number}: {expected}")
        self.number = number
        self.expected = expected


def entries(lines: Iterable[str]) -> Iterator[tuple[int, Entry]]:
    """The entries with the numbers of their lines, from 1.

    Raises:
        JournalError: a line is no entry; says where in it and what was expected.
    """
    for number, line in enumerate(lines, start=1):
        try:
            entry = Entry.model_validate_json(line.rstrip("\n"))
        except ValidationError as error:
            raise JournalError(number, _expected(error.errors()[0])) from None
        yield number, entry


def _expected(error: ErrorDetails) -> str:
    """Where in the line, and what should be there."""
    if error["type"] == "json_invalid":
        return f"expected a JSON object: {error['ctx']['error']}".replace(" at line 1 column ", " at column ")
    at = ".".join(map(str, error["loc"]))
    message = error["msg"].removeprefix("Value error, ")
    return f"{at}: {message[0].lower()}{message[1:]}"
