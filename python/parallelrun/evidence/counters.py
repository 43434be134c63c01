"""The counters of the core, read and validated. The format is in docs/explanation/boundary.md; a field unknown here is
skipped.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from parallelrun.evidence.status import Verdicts


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Latency(_Read):
    """A histogram of answer times. Each bucket is (upper bound in µs, count in that bucket); empty buckets are left
    out.
    """

    count: int = 0
    sum_us: int = 0
    buckets: tuple[tuple[int, int], ...] = ()

    def __add__(self, other: "Latency") -> "Latency":
        counts = dict(self.buckets)
        for bound, count in other.buckets:
            counts[bound] = counts.get(bound, 0) + count
        return Latency(
            count=self.count + other.count, sum_us=self.sum_us + other.sum_us, buckets=tuple(sorted(counts.items()))
        )

    def quantile_ms(self, q: float) -> float | None:
        """Upper bound, in ms, of the bucket that holds the quantile `q` (0 to 1); None without any answer."""
        total = sum(count for _, count in self.buckets)
        if not total:
            return None
        seen = 0
        for bound, count in self.buckets:
            seen += count
            if seen >= q * total:
                return bound / 1000
        return self.buckets[-1][0] / 1000


class SideOfEndpoint(_Read):
    """What one side did at one endpoint. `missed_writes`: it did not take them, though the other side did."""

    status_5xx: int = 0
    missed_writes: int = 0
    latency: Latency = Latency()

    def __add__(self, other: "SideOfEndpoint") -> "SideOfEndpoint":
        return SideOfEndpoint(
            status_5xx=self.status_5xx + other.status_5xx,
            missed_writes=self.missed_writes + other.missed_writes,
            latency=self.latency + other.latency,
        )


class Fourfold(_Read):
    """Pairs, by the side for which something holds."""

    new_only: int = 0
    old_only: int = 0
    both: int = 0
    neither: int = 0

    def __add__(self, other: "Fourfold") -> "Fourfold":
        return Fourfold(**{cell: count + getattr(other, cell) for cell, count in self.model_dump().items()})


class SlowPairs(Fourfold):
    """Pairs by which side was slow: took longer than its limit, in µs. Counted since both limits were set."""

    old_us: int
    new_us: int


class AskedAlone(_Read):
    """Requests that one side alone was asked, and how many of them failed there."""

    requests: int = 0
    failures: int = 0

    def __add__(self, other: "AskedAlone") -> "AskedAlone":
        return AskedAlone(requests=self.requests + other.requests, failures=self.failures + other.failures)


class Alone(_Read):
    """Requests of which no copy was sent, by the side that served them."""

    old: AskedAlone = AskedAlone()
    new: AskedAlone = AskedAlone()

    def __add__(self, other: "Alone") -> "Alone":
        return Alone(old=self.old + other.old, new=self.new + other.new)


class Verified(_Read):
    """Answers of the new side that were held until they had proved equal, by whose the client got."""

    passed: int = 0
    fell_back: int = 0

    def __add__(self, other: "Verified") -> "Verified":
        return Verified(passed=self.passed + other.passed, fell_back=self.fell_back + other.fell_back)


class EndpointCounts(_Read):
    """The ledger of one endpoint. `outcomes` sums to `requests` once nothing is in flight.

    `failures`: where both sides were asked, which of them failed. `sampled`: pairs taken at random, of which old was
    asked again: for new it holds that it differs from old, for old that it differs from itself.
    """

    endpoint: str
    requests: int = 0
    outcomes: dict[str, int] = Field(default_factory=dict)
    rescued: int = 0
    old: SideOfEndpoint = SideOfEndpoint()
    new: SideOfEndpoint = SideOfEndpoint()
    failures: Fourfold = Fourfold()
    sampled: Fourfold = Fourfold()
    alone: Alone = Alone()
    slow: SlowPairs | None = None
    """Of one process: limits differ between runs, so it is not added up."""
    verified: Verified = Verified()

    def __add__(self, other: "EndpointCounts") -> "EndpointCounts":
        outcomes = dict(self.outcomes)
        for name, count in other.outcomes.items():
            outcomes[name] = outcomes.get(name, 0) + count
        return EndpointCounts(
            endpoint=self.endpoint,
            requests=self.requests + other.requests,
            outcomes=outcomes,
            rescued=self.rescued + other.rescued,
            old=self.old + other.old,
            new=self.new + other.new,
            failures=self.failures + other.failures,
            sampled=self.sampled + other.sampled,
            alone=self.alone + other.alone,
            verified=self.verified + other.verified,
        )


class DifferenceCounts(_Read):
    """One difference and the number of pairs that showed it, by verdict."""

    endpoint: str
    location: str
    kind: str
    confirmed: int = 0
    unconfirmed: int = 0
    noise: int = 0
    race: int = 0
    ignored: int = 0

    @property
    def verdicts(self) -> Verdicts:
        return Verdicts(self.confirmed, self.unconfirmed, self.noise, self.race, self.ignored)


class Connections(_Read):
    accepted: int = 0
    open: int = 0
    held_back: int = 0


class Memory(_Read):
    """Bytes reserved for bodies under way, and the limit."""

    reserved: int = 0
    limit: int = 0


class Shadows(_Read):
    """Copies under way, and the limit."""

    in_flight: int = 0
    limit: int = 0


class RecordCounts(_Read):
    """Records that wait to be polled, and those the core dropped because nobody polled in time."""

    queued: int = 0
    lost: int = 0


class SecondOpinions(_Read):
    """Requests asked again after a mismatch, and those not asked: too many in a second, or no room among the copies."""

    asked: int = 0
    skipped: int = 0


class SideCounts(_Read):
    """What one side did since the start of the process."""

    requests: int = 0
    status_5xx: int = 0
    connects: int = 0
    truncated: int = 0
    failures: dict[str, int] = Field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Requests that it did not answer, or with a 5xx."""
        return sum(self.failures.values()) + self.status_5xx


class Sides(_Read):
    old: SideCounts = SideCounts()
    new: SideCounts = SideCounts()


class BreakerChange(_Read):
    """When the breaker went into a state, in ms since the epoch, and why. `after_ms`: how long ago the first of the
    failures that opened it was.
    """

    at_ms: int
    state: Literal["closed", "open", "half_open"]
    reason: str
    after_ms: int | None = None


class Breaker(_Read):
    """Whether the data plane holds the new side for healthy. `weight_ppm`: the share that it serves in fact. `changed`
    counts all changes, `changes` are the last of them.
    """

    state: Literal["closed", "open", "half_open"] = "closed"
    healthy: bool = True
    opened: int = 0
    changed: int = 0
    weight_ppm: int = 0
    changes: tuple[BreakerChange, ...] = ()


class Counters(_Read):
    """All counters, cumulative since the start of the process."""

    generation: int = 0
    weight_ppm: int = 0
    uptime_ms: int = 0
    draining: bool = False
    workers: int = 0
    requests: int = 0
    in_flight: int = 0
    rescued: int = 0
    connections: Connections = Connections()
    refused: dict[str, int] = Field(default_factory=dict)
    memory: Memory = Memory()
    shadows: Shadows = Shadows()
    records: RecordCounts = RecordCounts()
    second_opinions: SecondOpinions = SecondOpinions()
    caps: dict[str, int] = Field(default_factory=dict)
    panics: int = 0
    breaker: Breaker = Breaker()
    sides: Sides = Sides()
    endpoints: tuple[EndpointCounts, ...] = ()
    differences: tuple[DifferenceCounts, ...] = ()
