"""Settings for some endpoints."""

import re
from itertools import zip_longest
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from parallelrun.config.rules import Compare
from parallelrun.config.section import Section

_METHOD = re.compile(r"[A-Z][A-Z-]*")
_SEGMENT = re.compile(r"(?:\{[A-Za-z_][A-Za-z0-9_-]*\})?[^{}*]*")
_REST = re.compile(r"\{\*[A-Za-z_][A-Za-z0-9_-]*\}")


def split_match(match: str) -> tuple[str | None, str]:
    """The method, or None for any, and the path template of `POST /orders/{id}`."""
    method, _, path = match.rpartition(" ")
    return method.strip() or None, path


def specificity(method: str | None, path: str) -> tuple[bool, list[tuple[bool, int]], bool]:
    """How near a route comes to the one path that it is about; the core chooses so, and of equal ones the first.

    A path that ends in `{*rest}` comes after all that do not; then counts the first segment in which one is literal, or
    has more of an ending, and the other not; then whether the route is for one method alone.
    """
    segments = [("{" not in segment, len(segment.partition("}")[2])) for segment in path.split("/")]
    return "{*" not in path, segments, method is not None


def overlap(one: str, other: str) -> bool:
    """Whether a request may come under both of two matches."""
    (method, path), (other_method, other_path) = split_match(one), split_match(other)
    if method != other_method and method and other_method:
        return False
    for mine, theirs in zip_longest(path.split("/"), other_path.split("/")):
        if mine is None or theirs is None:
            return False
        if mine.startswith("{*") or theirs.startswith("{*"):
            return True
        if not _same(mine, theirs):
            return False
    return True


def _same(segment: str, other: str) -> bool:
    """Whether a piece of a path may be both."""
    (name, _, ending), (other_name, _, other_ending) = segment.rpartition("}"), other.rpartition("}")
    if name and other_name:
        return ending.endswith(other_ending) or other_ending.endswith(ending)
    if name or other_name:
        literal, ending = (other, ending) if name else (segment, other_ending)
        return literal.endswith(ending) and literal != ending
    return segment == other


def path_problem(path: str) -> str | None:
    """What is wrong with a path template, or None."""
    if not path.startswith("/") or any(char in path for char in "?#"):
        return "expected a path that starts with / and has no query"
    *segments, last = path[1:].split("/")
    if all(map(_SEGMENT.fullmatch, segments)) and (_SEGMENT.fullmatch(last) or _REST.fullmatch(last)):
        return None
    return (
        "expected literal segments, {name} or {name}.ending for one segment, or {*rest} at the end for all that follow"
    )


def _match(value: str) -> str:
    method, path = split_match(" ".join(value.split()))
    if method is not None and not _METHOD.fullmatch(method):
        raise ValueError("expected METHOD /path or /path, such as POST /orders or GET /orders/{id}")
    problem = path_problem(path)
    if problem:
        raise ValueError(problem)
    return f"{method} {path}" if method else path


class Route(Section):
    """Settings for the requests of one endpoint."""

    match: Annotated[str, AfterValidator(_match)] = Field(examples=["GET /orders/{id}"])
    """Which requests: `METHOD /path`, or `/path` for any method. `{name}` is one segment, `{name}.csv` one with
    that ending, `{*rest}` all to the end.
    The most specific path wins, one that ends in `{*rest}` only where no other holds."""
    writes: Literal["one-side", "both-sides", "old-only"] | None = Field(default=None, examples=["both-sides"])
    """Where requests of an unsafe method go, in place of what `databases` says."""
    mirror: bool = Field(default=True, examples=[False])
    """Whether these requests may be copied at all."""
    verify: bool | None = Field(default=None, examples=[True])
    """Whether answers of the new side are verified before a client gets them, in place of what `verify` says."""
    compare: Compare = Field(default_factory=Compare)
    """Rules for this endpoint, added to the global ones."""
