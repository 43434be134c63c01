"""What the counts of one look amount to."""

import math
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add

from parallelrun.config.rollout import Gate
from parallelrun.config.units import MILLION
from parallelrun.judge.bake import readings
from parallelrun.judge.combining import POOLED, combined, endpoint_weight, standing_out
from parallelrun.judge.look import EndpointCounts, Look
from parallelrun.judge.promotion import forecast, proof
from parallelrun.judge.special import log_mean
from parallelrun.judge.state import JudgeState
from parallelrun.judge.tallies import Tallies, Tally
from parallelrun.judge.verdict import METRICS, Finding, MetricName, Proof

Place = tuple[MetricName, str | None]
"""A metric at an endpoint; without one, at all together."""


class Weighed:
    """The evidence of one look, weighed."""

    def __init__(self, look: Look, state: JudgeState, gate: Gate) -> None:
        self.look, self.order = look, state.order
        self.alpha = (MILLION - gate.confidence) / MILLION
        self.threshold = math.log(1 / self.alpha)
        """What a log e-value has to reach."""
        tallies = {each.endpoint: Tallies.of_endpoint(each, gate) for each in look.endpoints}
        pooled = pool(tallies.values(), gate)
        self.tallies: dict[Place, Tally] = {(metric, None): tally for metric, tally in pooled.by_metric().items()}
        for endpoint, each in tallies.items():
            self.tallies |= {(metric, endpoint): tally for metric, tally in each.by_metric().items()}
        self.plain = {place: tally.against() for place, tally in self.tallies.items()}
        """The e-values of the counts since the beginning."""
        self.alarms = self._with_detectors(state, list(tallies)) if look.phase == "baking" else self.plain
        """What the alarm is made of."""
        self.log_e = combined(self.alarms, self.order)
        self.proofs: tuple[Proof, ...] = tuple(
            proof(metric, self.tallies[metric, None], self.alarms[metric, None], self.threshold) for metric in METRICS
        )

    def _with_detectors(self, state: JudgeState, endpoints: Sequence[str]) -> dict[Place, float]:
        """The means of e-value and detector: one sees what was bad from the beginning, the other what becomes bad."""
        return {
            place: float(log_mean([self.plain[place], log_e], [0.5, 0.5]))
            for place, log_e in readings(state, endpoints).items()
        }

    def finding(self, place: Place, log_e: float) -> Finding:
        """What was counted at a place."""
        metric, endpoint = place
        tally = self.tallies[place]
        events, of = round(tally.events), round(tally.of)
        return Finding(metric=metric, endpoint=endpoint, events=events, of=of, rate=tally.rate, log_e=log_e)

    def culprits(self) -> tuple[Finding, ...]:
        """The places that stand out, worst first."""
        single = [(place, log_e) for place, log_e in self.alarms.items() if place[1] is not None]
        return tuple(self.finding(place, self.alarms[place]) for place in standing_out(single, self.alpha))

    def worst(self) -> Finding:
        """Where the combined alarm mostly comes from; one endpoint if one is over the threshold by itself."""
        places = [place for place in self.alarms if place[1] is not None] or list(self.alarms)
        place = max(places, key=lambda each: self.alarms[each])
        whole = max(((metric, None) for metric in METRICS), key=lambda each: self.alarms[each])
        chosen = place if self.alarms[place] >= self.threshold else whole
        return self.finding(chosen, self.alarms[chosen])

    def suspect(self) -> Finding | None:
        """The endpoint that is bad by itself, if there is one."""
        single = [place for place in self.plain if place[1] is not None]
        place = max(single, key=lambda each: self.plain[each], default=None)
        if place is None or self.plain[place] < self.threshold:
            return None
        return self.finding(place, self.plain[place])

    def decided_after(self, place: Place) -> int | None:
        """How many more answers there take the alarm to its threshold by themselves, if it goes on so."""
        _, endpoint = place
        weight = POOLED / len(METRICS) if endpoint is None else endpoint_weight(self.order.index(endpoint))
        share = 0.5 if self.alarms is not self.plain else 1.0
        return forecast(self.tallies[place], lambda tally: tally.against(), self.threshold - math.log(weight * share))

    def back_s(self, metric: MetricName) -> float | None:
        """In how many seconds a metric of which something was seen is enough to go back, if it goes on so: of all
        endpoints together, or of the one with the most events.
        """
        places: set[Place] = {(metric, None), (metric, self.mostly_at(metric))}
        waits = (self.eta_s(self.decided_after(place), round(self.tallies[place].of)) for place in places)
        return min((wait for wait in waits if wait is not None), default=None)

    def missing_proof(self) -> Proof | None:
        """The metric that holds things up the most: first what is not proved at this rate, then what takes longest."""
        open_ones = [each for each in self.proofs if not each.proved]
        return max(open_ones, key=self._wait, default=None)

    def mostly_at(self, metric: MetricName) -> str | None:
        """The endpoint with the most events of a metric, if it has any."""
        single = [place for place in self.tallies if place[0] == metric and place[1] is not None]
        place = max(single, key=lambda each: self.tallies[each].events, default=None)
        return place[1] if place and self.tallies[place].events >= 1 else None

    def eta_s(self, more: int | None, of: int) -> float | None:
        """In how many seconds so many more answers have come, of a kind of which there were `of` so far."""
        if more is None or not of or not self.look.requests or not self.look.rate:
            return None
        return more / (self.look.rate * of / self.look.requests)

    def _wait(self, each: Proof) -> tuple[bool, float]:
        more = each.more or each.more_if_clean or math.inf
        return each.more is None, more / each.of if each.of else math.inf


def pool(tallies: Iterable[Tallies], gate: Gate) -> Tallies:
    """All endpoints together."""
    return reduce(add, tallies, Tallies.of_endpoint(EndpointCounts(endpoint="", requests=0), gate))


def since(look: Look, last: Look | None, gate: Gate) -> dict[str, Tallies]:
    """What each endpoint has seen since the last look."""
    now = {each.endpoint: Tallies.of_endpoint(each, gate) for each in look.endpoints}
    before = {each.endpoint: Tallies.of_endpoint(each, gate) for each in last.endpoints} if last else {}
    return {endpoint: each - before[endpoint] if endpoint in before else each for endpoint, each in now.items()}
