"""Records of the core: example pairs, read and validated. The format is in docs/explanation/boundary.md.

Secrets were replaced before a record left Rust; nothing here adds to a record, so nothing unredacted can be stored.
"""

import zlib
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json

from parallelrun.evidence.signature import signature

Verdict = Literal["confirmed", "unconfirmed", "noise", "race", "ignored"]


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Body(_Read):
    """A body, decoded, redacted and cut; `text` or `base64`. `bytes` and `hash` are those of the full body."""

    text: str | None = None
    base64: str | None = None
    bytes: int = Field(ge=0)
    truncated: bool = False
    hash: str = ""


class Request(_Read):
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: Body | None = None


class Answer(_Read):
    """One side's answer. `status` is 0 where none came; `failure` says why. `ms`: time to its head, or None."""

    status: int = Field(ge=0, le=999)
    headers: tuple[tuple[str, str], ...] = ()
    body: Body | None = None
    ms: float | None = Field(default=None, ge=0)
    failure: str | None = None


class Difference(_Read):
    """One place where the answers differ; `old` and `new` are short texts, None where absent."""

    location: str
    kind: str
    old: str | None = None
    new: str | None = None
    verdict: Verdict
    rule: str | None = None


class Pair(_Read):
    """One request with both answers."""

    type: Literal["pair"] = "pair"
    id: str = Field(min_length=1, max_length=64)
    at_ms: int = Field(ge=0, lt=2**53)
    endpoint: str
    outcome: str
    serving: Literal["old", "new"]
    generation: int = 0
    rescued: bool = False
    request: Request
    old: Answer
    new: Answer
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A pair on its way to the store: what it is filed under, and the core's JSON as it came, deflated."""

    id: str
    at_ms: int
    endpoint: str
    outcome: str
    differences: tuple[Difference, ...]
    signatures: tuple[str, ...]
    """One per difference, in their order."""
    deflated: bytes


def read_record(raw: bytes) -> Record | None:
    """Reads one record; None for a type that is not known here.

    Raises:
        ValueError: it is not a record.
    """
    value = from_json(raw)
    if not isinstance(value, dict):
        raise ValueError("a record must be a JSON object")
    if value.get("type") != "pair":
        return None
    pair = Pair.model_validate(value)
    signatures = tuple(signature(pair.endpoint, d.location, d.kind) for d in pair.differences)
    deflated = zlib.compress(raw, 1)
    return Record(pair.id, pair.at_ms, pair.endpoint, pair.outcome, pair.differences, signatures, deflated)


def read_pair(deflated: bytes) -> Pair:
    """The pair as it was stored.

    Raises:
        ValueError: the stored bytes are damaged.
    """
    try:
        return Pair.model_validate_json(zlib.decompress(deflated))
    except zlib.error as error:
        raise ValueError(f"a stored pair is damaged: {error}") from None
