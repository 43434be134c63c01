"""The evidence as it stands: what past runs left plus what the core counts now. No I/O and no clock in here."""

from collections import Counter

from parallelrun.evidence.counters import Counters, EndpointCounts
from parallelrun.evidence.model import Difference, Example, Judged, Ledger, Past, Times
from parallelrun.evidence.outcomes import COMPARED, ended_in
from parallelrun.evidence.records import Record
from parallelrun.evidence.rules import RulesInForce, Since
from parallelrun.evidence.signature import signature
from parallelrun.evidence.status import Verdicts, repeatable, status


class Evidence:
    """Everything the faces show, in memory: it answers while the store does not."""

    def __init__(self) -> None:
        self.past = Past()
        self.now = Counters()
        self._rules: RulesInForce | None = None
        self._since: dict[str, tuple[Since, ...]] = {}
        self._signatures: dict[tuple[str, str, str], str] = {}
        self._current: dict[str, Difference] = {}
        self._examples: dict[str, Example] = {}
        self._opened: set[str] = set()

    def observe(self, counters: Counters, now_ms: int) -> list[Judged]:
        """Takes over the core's counters as of `now_ms`.

        Returns:
            The differences that are open now and never were before.
        """
        self.now = counters
        news = []
        for counts in counters.differences:
            key = (counts.endpoint, counts.location, counts.kind)
            if key not in self._signatures:
                self._signatures[key] = signature(*key)
            name = self._signatures[key]
            before = self._current.get(name)
            verdicts = counts.verdicts
            if not verdicts.total or (before and before.verdicts == verdicts):
                continue
            self._current[name] = Difference(name, *key, verdicts, _times(before, verdicts, now_ms))
            if name not in self._opened and (judged := self.judge(name)).status == "open":
                self._opened.add(name)
                news.append(judged)
        return news

    def saw(self, record: Record) -> None:
        """Keeps the record as the example of its differences where it is a better one."""
        for name, difference in zip(record.signatures, record.differences, strict=True):
            example = Example(record.id, record.at_ms, difference.verdict, difference.old, difference.new)
            if example.better_than(self._examples.get(name)):
                self._examples[name] = example

    def dropped(self, record: Record) -> None:
        """The record will never reach the store: no difference may point to it."""
        for name in record.signatures:
            example = self._examples.get(name)
            if example and example.pair == record.id:
                self._examples.pop(name)

    def rebase(self, past: Past, held: list[Record]) -> None:
        """Takes over what the store holds; `held` are the records on their way there."""
        self.past = past
        self._examples = dict(past.examples)
        for record in held:
            self.saw(record)
        for name in past.differences:
            if self.judge(name).status == "open":
                self._opened.add(name)

    @property
    def rules(self) -> RulesInForce | None:
        """The comparison rules and how they came to be; None while unknown."""
        return self._rules

    @rules.setter
    def rules(self, rules: RulesInForce) -> None:
        self._rules = rules
        self._since.clear()

    @property
    def current(self) -> dict[str, Difference]:
        """The differences that this run has seen, by signature, with this run's counts only."""
        return self._current

    def judge(self, name: str) -> Judged:
        """One difference, over all runs.

        Raises:
            KeyError: there is no such signature.
        """
        present, past = self._current.get(name), self.past.differences.get(name)
        if present and past:
            difference = Difference(
                name,
                present.endpoint,
                present.location,
                present.kind,
                present.verdicts + past.verdicts,
                present.times | past.times,
            )
        else:
            found = present or past
            if found is None:
                raise KeyError(name)
            difference = found
        judgement = status(
            difference.verdicts, repeatable=repeatable(difference.endpoint), hidden=self._hidden(difference)
        )
        return Judged(difference, judgement, self._examples.get(name))

    def differences(self, since_ms: int = 0) -> list[Judged]:
        """All differences that were last seen at `since_ms` or later."""
        judged = (self.judge(name) for name in {**self.past.differences, **self._current})
        return [one for one in judged if one.difference.times.last >= since_ms]

    def endpoints(self) -> list[EndpointCounts]:
        """The ledger of each endpoint over all runs, the busiest first."""
        merged = dict(self.past.endpoints)
        for counts in self.now.endpoints:
            before = merged.get(counts.endpoint)
            merged[counts.endpoint] = before + counts if before else counts
        return sorted(merged.values(), key=lambda counts: (-counts.requests, counts.endpoint))

    def compared(self, endpoint: str) -> int:
        """How many requests of the endpoint had both answers compared, over all runs."""
        present = next((counts for counts in self.now.endpoints if counts.endpoint == endpoint), None)
        found = [counts for counts in (present, self.past.endpoints.get(endpoint)) if counts]
        return sum(ended_in(counts.outcomes, COMPARED) for counts in found)

    def ledger(self) -> Ledger:
        """The ledger over all runs."""
        outcomes: Counter[str] = Counter()
        past_requests = rescued = 0
        for counts in self.past.endpoints.values():
            outcomes.update(counts.outcomes)
            past_requests += counts.requests
            rescued += counts.rescued
        for counts in self.now.endpoints:
            outcomes.update(counts.outcomes)
        return Ledger(past_requests + self.now.requests, dict(outcomes), rescued + self.now.rescued)

    def _hidden(self, difference: Difference) -> bool:
        """Whether rules that are in force still have hidden it each time since they came."""
        if self._rules is None:
            return False
        since = self._since.get(difference.signature)
        if since is None:
            since = self._rules.since(difference.endpoint, difference.location)
            self._since[difference.signature] = since
        return any(one.hides(difference.times) for one in since)


def _times(before: Difference | None, verdicts: Verdicts, now_ms: int) -> Times:
    old = before.verdicts if before else Verdicts()
    seen = Times(
        first=now_ms,
        shown=now_ms if verdicts.shown > old.shown else 0,
        hidden=now_ms if verdicts.ignored > old.ignored else 0,
    )
    return before.times | seen if before else seen
