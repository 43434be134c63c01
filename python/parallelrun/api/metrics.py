"""`/metrics` for Prometheus. All counters are of this process and begin at 0 with it, as Prometheus expects."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector as PrometheusCollector

from parallelrun.alerts.alert import RANK
from parallelrun.alerts.status import AlertsStatus
from parallelrun.config.units import MILLION
from parallelrun.evidence.counters import Counters, EndpointCounts, Latency
from parallelrun.rollout import PHASES, Phase

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
ENDPOINTS = 500
"""At most so many values of the label `endpoint`; the rest is `(other)`."""
OTHER = "(other)"
BOUNDS_US = tuple(2**exponent for exponent in range(8, 25))
"""256 µs to 17 s. Powers of two are among the core's own bounds, so that no request moves to another bucket."""


class Metrics(PrometheusCollector):
    """The metrics of docs/reference/metrics.md, out of one look at the counters."""

    def __init__(
        self,
        counters: Callable[[], Counters],
        lost: Callable[[], int],
        alerts: Callable[[], AlertsStatus],
        phase: Callable[[], Phase],
    ) -> None:
        self._counters = counters
        self._lost = lost
        self._alerts = alerts
        self._phase = phase
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Empty: what there is follows from the counters alone, and is not wanted before the first look."""
        return ()

    def text(self) -> bytes:
        """What Prometheus reads."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """All metrics as of now."""
        counters = self._counters()
        endpoints = bounded(counters.endpoints)
        known = {counts.endpoint for counts in endpoints}
        yield _requests(endpoints)
        yield _rescues(endpoints)
        yield _seconds(endpoints)
        yield _differences(counters, known)
        yield _gauge("weight", "Share of clients that the new side serves, 0 to 1.", counters.weight_ppm / MILLION)
        phase = GaugeMetricFamily(
            "parallelrun_phase", "1 for the phase of the rollout, 0 for others.", labels=["phase"]
        )
        for name in PHASES:
            phase.add_metric([name], float(name == self._phase()))
        yield phase
        opened = counters.breaker.state == "open"
        yield _gauge("breaker_open", "1 while the new side is out of service because it fails.", float(opened))
        yield CounterMetricFamily(
            "parallelrun_evidence_lost", "Example pairs that never reached the store.", self._lost()
        )
        yield from _told(self._alerts())


def bounded(endpoints: Iterable[EndpointCounts]) -> list[EndpointCounts]:
    """The first 500 endpoints, the others added up as `(other)`."""
    kept: dict[str, EndpointCounts] = {}
    for counts in endpoints:
        full = len(kept) - (OTHER in kept) >= ENDPOINTS
        name = OTHER if full and counts.endpoint not in kept else counts.endpoint
        kept[name] = kept[name] + counts if name in kept else counts.model_copy(update={"endpoint": name})
    return list(kept.values())


def _requests(endpoints: list[EndpointCounts]) -> Metric:
    family = CounterMetricFamily(
        "parallelrun_requests", "Requests by their outcome in the ledger.", labels=["outcome", "endpoint"]
    )
    for counts in endpoints:
        for outcome, count in counts.outcomes.items():
            family.add_metric([outcome, counts.endpoint], count)
    return family


def _rescues(endpoints: list[EndpointCounts]) -> Metric:
    family = CounterMetricFamily(
        "parallelrun_rescues",
        "Clients that got the old side's answer because the new side failed.",
        labels=["endpoint"],
    )
    for counts in endpoints:
        family.add_metric([counts.endpoint], counts.rescued)
    return family


def _seconds(endpoints: list[EndpointCounts]) -> Metric:
    family = HistogramMetricFamily(
        "parallelrun_request_seconds", "Time to the head of a side's answer.", labels=["side", "endpoint"]
    )
    for counts in endpoints:
        for side, latency in (("old", counts.old.latency), ("new", counts.new.latency)):
            family.add_metric([side, counts.endpoint], list(_buckets(latency)), latency.sum_us / 1e6)
    return family


def _buckets(latency: Latency) -> Iterator[tuple[str, float]]:
    for bound in BOUNDS_US:
        yield repr(bound / 1e6), sum(count for upper, count in latency.buckets if upper <= bound)
    yield "+Inf", sum(count for _, count in latency.buckets)


def _differences(counters: Counters, endpoints: set[str]) -> Metric:
    family = CounterMetricFamily(
        "parallelrun_differences",
        "Pairs with a difference that is neither noise nor a race nor hidden by a rule.",
        labels=["endpoint", "kind"],
    )
    totals: Counter[tuple[str, str]] = Counter()
    for counts in counters.differences:
        endpoint = counts.endpoint if counts.endpoint in endpoints else OTHER
        totals[endpoint, counts.kind] += counts.confirmed + counts.unconfirmed
    for labels, total in totals.items():
        family.add_metric(list(labels), total)
    return family


def _told(status: AlertsStatus) -> Iterator[Metric]:
    told = CounterMetricFamily("parallelrun_alerts", "Alerts that have come up.", labels=["severity"])
    for severity in RANK:
        told.add_metric([severity], status.told.get(severity, 0))
    failures = CounterMetricFamily("parallelrun_alert_failures", "Messages not taken, by try.", labels=["target"])
    unlisted = CounterMetricFamily(
        "parallelrun_alerts_unlisted", "Alerts only counted in a message that was full.", labels=["target"]
    )
    dropped = CounterMetricFamily("parallelrun_alerts_dropped", "Alerts that nobody took.", labels=["target"])
    queued = GaugeMetricFamily("parallelrun_alerts_queued", "Alerts that wait for the target.", labels=["target"])
    for target in status.targets:
        failures.add_metric([target.target], target.counts.failures)
        unlisted.add_metric([target.target], target.counts.unlisted)
        dropped.add_metric([target.target], target.counts.dropped)
        queued.add_metric([target.target], target.queued)
    yield from (told, failures, unlisted, dropped, queued)


def _gauge(name: str, text: str, value: float) -> Metric:
    family = GaugeMetricFamily(f"parallelrun_{name}", text)
    family.add_metric([], value)
    return family
