"""What is known, as the models of the API. Shared by the API and the report page."""

from datetime import UTC, datetime

from parallelrun.api import models
from parallelrun.api.engine import Engine
from parallelrun.api.importance import importance
from parallelrun.api.times import moment
from parallelrun.evidence import StoreError, StoreTooNewError
from parallelrun.evidence.counters import EndpointCounts, Latency, SideOfEndpoint
from parallelrun.evidence.model import Judged
from parallelrun.evidence.outcomes import ALIKE, ALL, COMPARED, ended_in
from parallelrun.evidence.rates import wilson
from parallelrun.evidence.records import read_pair
from parallelrun.evidence.signature import signature
from parallelrun.evidence.status import Status
from parallelrun.evidence.suggest import suggest


def rate(count: int, of: int) -> models.Rate:
    """`count` of `of` with its interval."""
    low, high = wilson(min(count, of), of)
    return models.Rate(count=count, of=of, share=count / of if of else None, low=low, high=high)


def ledger(engine: Engine) -> models.Ledger:
    """Every request by its outcome, over all runs; each outcome is named, also those that nothing ended in."""
    engine.collector.refresh()
    evidence = engine.collector.evidence
    counted = evidence.ledger()
    started = engine.collector.run.started_ms
    since = started if evidence.past.since_ms is None else min(started, evidence.past.since_ms)
    return models.Ledger(
        since=moment(since),
        requests=counted.requests,
        outcomes={**dict.fromkeys(ALL, 0), **counted.outcomes},
        rescued=counted.rescued,
    )


def endpoints(engine: Engine) -> models.Endpoints:
    """All endpoints over all runs."""
    engine.collector.refresh()
    return models.Endpoints(items=[_endpoint(counts) for counts in engine.collector.evidence.endpoints()])


def compared(counts: EndpointCounts) -> int:
    """How many requests of the endpoint had both answers compared."""
    return ended_in(counts.outcomes, COMPARED)


def _endpoint(counts: EndpointCounts) -> models.Endpoint:
    outcomes, both = counts.outcomes, compared(counts)
    failed = outcomes.get("new_failed", 0)
    return models.Endpoint(
        endpoint=counts.endpoint,
        requests=counts.requests,
        outcomes=outcomes,
        rescued=counts.rescued,
        compared=rate(both, sum(outcomes.values())),
        alike=rate(ended_in(outcomes, ALIKE), both),
        match=rate(outcomes.get("match", 0), both),
        mismatch=rate(outcomes.get("mismatch", 0), both),
        new_failed=rate(failed, both + failed),
        old=_endpoint_side(counts.old),
        new=_endpoint_side(counts.new),
    )


def _endpoint_side(side: SideOfEndpoint) -> models.EndpointSide:
    return models.EndpointSide(
        status_5xx=side.status_5xx, missed_writes=side.missed_writes, latency_ms=_latency(side.latency)
    )


def _latency(latency: Latency) -> models.Latency:
    return models.Latency(
        count=latency.count,
        mean=latency.sum_us / latency.count / 1000 if latency.count else None,
        p50=latency.quantile_ms(0.5),
        p90=latency.quantile_ms(0.9),
        p99=latency.quantile_ms(0.99),
    )


def differences(
    engine: Engine, *, endpoint: str | None = None, status: Status | None = None, limit: int
) -> models.Differences:
    """The differences over all runs, the most important first, of one endpoint or one status if asked for."""
    collector = engine.collector
    collector.refresh()
    of = {counts.endpoint: compared(counts) for counts in collector.evidence.endpoints()}
    oldest = int(datetime.now(UTC).timestamp() * 1000) - collector.retention.keep_ms
    chosen = [
        judged
        for judged in collector.evidence.differences(oldest)
        if endpoint in (None, judged.difference.endpoint) and status in (None, judged.status)
    ]
    chosen.sort(key=lambda judged: importance(judged, _share(judged, of)))
    return models.Differences(items=[_difference(one, of) for one in chosen[:limit]], total=len(chosen))


def _share(judged: Judged, of: dict[str, int]) -> float:
    verdicts = judged.difference.verdicts
    return (verdicts.confirmed + verdicts.unconfirmed) / max(1, of.get(judged.difference.endpoint, 0))


def _difference(judged: Judged, of: dict[str, int]) -> models.Difference:
    difference, example = judged.difference, judged.example
    verdicts = difference.verdicts
    suggestion = suggest(difference, example)
    return models.Difference(
        signature=difference.signature,
        endpoint=difference.endpoint,
        location=difference.location,
        kind=difference.kind,
        status=judged.status,
        count=verdicts.total,
        noise_count=verdicts.noise,
        verdicts=models.Verdicts(
            confirmed=verdicts.confirmed,
            unconfirmed=verdicts.unconfirmed,
            noise=verdicts.noise,
            race=verdicts.race,
            ignored=verdicts.ignored,
        ),
        rate=rate(verdicts.confirmed + verdicts.unconfirmed, of.get(difference.endpoint, 0)),
        first_seen=moment(difference.times.first),
        last_seen=moment(difference.times.last),
        pair_id=example.pair if example else None,
        old=example.old if example else None,
        new=example.new if example else None,
        silence=models.Silence(
            kind=suggestion.kind, at=str(suggestion.rule["at"]), route=suggestion.route, yaml=suggestion.yaml
        ),
    )


async def pair(engine: Engine, name: str) -> models.Pair | None:
    """One pair; None where there is none of that name. One that waits for the store is found too."""
    deflated = engine.collector.held_pair(name) or await engine.store.pair(name)
    if deflated is None:
        return None
    found = read_pair(deflated)
    return models.Pair(
        id=found.id,
        at=moment(found.at_ms),
        endpoint=found.endpoint,
        outcome=found.outcome,
        serving=found.serving,
        rescued=found.rescued,
        generation=found.generation,
        request=models.Request.model_validate(found.request.model_dump()),
        old=models.Answer.model_validate(found.old.model_dump()),
        new=models.Answer.model_validate(found.new.model_dump()),
        differences=[
            models.PairDifference(
                signature=signature(found.endpoint, one.location, one.kind), **one.model_dump(mode="json")
            )
            for one in found.differences
        ],
    )


async def pairs(engine: Engine, names: list[str]) -> list[models.Pair]:
    """Those of the pairs that can be had: none is missed so much that the others should not be shown."""
    found, answers = [], True
    for name in names:
        if not answers and engine.collector.held_pair(name) is None:
            continue
        try:
            one = await pair(engine, name)
        except (StoreError, StoreTooNewError):
            answers = False  # and would take as long to say so for each
        else:
            found += [one] if one else []
    return found
