"""The JSON of the admin API. Times are RFC 3339 in UTC; shares are 0 to 1."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel


class Rate(BaseModel):
    """A share of `of` with its 95 % Wilson interval; `share` is None where `of` is 0."""

    count: int
    of: int
    share: float | None
    low: float
    high: float


class Ledger(BaseModel):
    """Every request by its one outcome, over all runs in the store; the outcomes sum to `requests` once nothing is in
    flight.
    """

    since: datetime
    requests: int
    outcomes: dict[str, int]
    rescued: int


class Latency(BaseModel):
    """Times to the head of the answer, in ms. A quantile is the upper bound of its bucket: at most 25 % too high."""

    count: int
    mean: float | None
    p50: float | None
    p90: float | None
    p99: float | None


class EndpointSide(BaseModel):
    """One side at one endpoint."""

    status_5xx: int
    missed_writes: int
    latency_ms: Latency


class Endpoint(BaseModel):
    """The ledger of one endpoint. `alike`, `match` and `mismatch` are shares of what was compared, `compared` of all
    requests; `alike` are those that match, or differ only by noise, by a race or where a rule says so.
    """

    endpoint: str
    requests: int
    outcomes: dict[str, int]
    rescued: int
    compared: Rate
    alike: Rate
    match: Rate
    mismatch: Rate
    new_failed: Rate
    old: EndpointSide
    new: EndpointSide


class Endpoints(BaseModel):
    """All endpoints, the busiest first."""

    items: list[Endpoint]


class Verdicts(BaseModel):
    """The pairs that showed a difference, by what asking again said."""

    confirmed: int
    unconfirmed: int
    noise: int
    race: int
    ignored: int


class Silence(BaseModel):
    """A rule that would hide a difference, as YAML for the configuration."""

    kind: str
    at: str
    route: str | None
    yaml: str


class Difference(BaseModel):
    """One difference. `count`: pairs that showed it; `noise_count`: those in which old also differed from itself there.

    `rate` is the share of the compared requests of its endpoint that show it and are neither noise nor hidden by a
    rule. `old` and `new` are the values in the example `pair_id`: JSON for JSON values, None where absent.
    """

    signature: str
    endpoint: str
    location: str
    kind: str
    status: Literal["open", "noise", "race", "ignored"]
    count: int
    noise_count: int
    verdicts: Verdicts
    rate: Rate
    first_seen: datetime
    last_seen: datetime
    pair_id: str | None
    old: str | None
    new: str | None
    silence: Silence


class Differences(BaseModel):
    """Differences, the most important first; `total` counts also those beyond `limit`."""

    items: list[Difference]
    total: int


class Body(BaseModel):
    """A body, decoded, redacted and cut: `text` or `base64`. `bytes` and `hash` are those of the full body."""

    text: str | None
    base64: str | None
    bytes: int
    truncated: bool
    hash: str


class Request(BaseModel):
    """The request as the client sent it, secrets replaced."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: Body | None


class Answer(BaseModel):
    """One side's answer. `status` is 0 where none came; `failure` says why. `ms`: time to its head, or None."""

    status: int
    headers: list[tuple[str, str]]
    body: Body | None
    ms: float | None
    failure: str | None


class PairDifference(BaseModel):
    """One place where the two answers of a pair differ; `rule` names the rule that hid it."""

    signature: str
    location: str
    kind: str
    old: str | None
    new: str | None
    verdict: str
    rule: str | None


class Pair(BaseModel):
    """One request with both answers and their differences."""

    id: str
    at: datetime
    endpoint: str
    outcome: str
    serving: Literal["old", "new"]
    rescued: bool
    generation: int
    request: Request
    old: Answer
    new: Answer
    differences: list[PairDifference]
