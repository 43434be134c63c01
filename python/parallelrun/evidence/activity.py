"""What went on lately, from the counters as they come: rates for people, and the facts for `doctor`."""

from collections import Counter, deque
from dataclasses import dataclass, field

from parallelrun.evidence.counters import Counters

STEP_MS = 5_000
"""The spacing of samples."""
WINDOW_MS = 600_000
"""How far back they reach."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Cumulative values at a moment."""

    at_ms: int
    requests: int = 0
    old: int = 0
    new: int = 0
    old_failed: int = 0
    new_failed: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recent:
    """What was added in the last `seconds`; `old` and `new` are the requests that each side got, `old_failed` and
    `new_failed` those that it did not answer, or with a 5xx.
    """

    seconds: float
    requests: int
    old: int
    new: int
    old_failed: int
    new_failed: int
    outcomes: dict[str, int]


class Activity:
    """Samples of the last ten minutes, and when each side last got a request."""

    def __init__(self, now_ms: int) -> None:
        self._samples: deque[Sample] = deque([Sample(now_ms)], maxlen=WINDOW_MS // STEP_MS + 1)
        self._latest = self._samples[0]
        self.last_request_ms: int | None = None
        self.last_old_ms: int | None = None
        self.last_new_ms: int | None = None

    def note(self, counters: Counters, now_ms: int) -> None:
        """Takes over the counters as of `now_ms`."""
        outcomes: Counter[str] = Counter()
        for endpoint in counters.endpoints:
            outcomes.update(endpoint.outcomes)
        sides = counters.sides
        sample = Sample(
            now_ms,
            counters.requests,
            sides.old.requests,
            sides.new.requests,
            sides.old.failed,
            sides.new.failed,
            dict(outcomes),
        )
        before = self._latest
        if sample.requests > before.requests:
            self.last_request_ms = now_ms
        if sample.old > before.old:
            self.last_old_ms = now_ms
        if sample.new > before.new:
            self.last_new_ms = now_ms
        self._latest = sample
        if now_ms < before.at_ms:  # the clock has been set back: times of before say nothing any more
            self._samples.clear()
            self._samples.append(sample)
        if now_ms - self._samples[-1].at_ms >= STEP_MS:
            self._samples.append(sample)

    def recent(self, seconds: float) -> Recent:
        """What was added in about the last `seconds` (at most 600, and no more than since the start)."""
        latest = self._latest
        oldest_wanted = latest.at_ms - seconds * 1000
        first = next((sample for sample in self._samples if sample.at_ms >= oldest_wanted), latest)
        outcomes = {name: count - first.outcomes.get(name, 0) for name, count in latest.outcomes.items()}
        return Recent(
            (latest.at_ms - first.at_ms) / 1000,
            latest.requests - first.requests,
            latest.old - first.old,
            latest.new - first.new,
            latest.old_failed - first.old_failed,
            latest.new_failed - first.new_failed,
            {name: count for name, count in outcomes.items() if count},
        )
