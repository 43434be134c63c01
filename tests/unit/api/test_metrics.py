"""The metrics, as Prometheus reads them."""

import re

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from parallelrun.alerts.alert import RANK
from parallelrun.alerts.outbox import Counts
from parallelrun.alerts.status import AlertsStatus, TargetStatus
from parallelrun.api.metrics import BOUNDS_US, ENDPOINTS, OTHER, Metrics, bounded
from parallelrun.evidence.counters import Counters, EndpointCounts
from parallelrun.rollout import Phase
from tests.support.fake_core import FakeCore
from tests.support.repository import ROOT

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def counters(core: FakeCore) -> Counters:
    return Counters.model_validate_json(core.counters())


QUIET = AlertsStatus((), {}, 0, 0, ())


def samples(core: FakeCore, lost: int = 0, alerts: AlertsStatus = QUIET, phase: Phase = "shadow") -> Samples:
    text = Metrics(lambda: counters(core), lambda: lost, lambda: alerts, lambda: phase).text().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_names_labels_and_values() -> None:
    core = FakeCore()
    core.count("GET /", "match", 3, us=1024)
    core.count("GET /", "mismatch", 1, us=1280)
    core.differ("$.a", "value", endpoint="GET /", confirmed=2, unconfirmed=1, noise=50, race=9, ignored=7)
    core.differ("$.b", "value", endpoint="GET /", confirmed=1)
    core.extra = {"weight_ppm": 250_000}
    found = samples(core, lost=5)
    at = ("endpoint", "GET /")
    assert found["parallelrun_requests_total", (at, ("outcome", "match"))] == 3
    assert found["parallelrun_requests_total", (at, ("outcome", "mismatch"))] == 1
    assert found["parallelrun_rescues_total", (at,)] == 0
    assert found["parallelrun_differences_total", (at, ("kind", "value"))] == 4
    assert found["parallelrun_weight", ()] == 0.25
    assert found["parallelrun_phase", (("phase", "shadow"),)] == 1
    assert found["parallelrun_breaker_open", ()] == 0
    assert found["parallelrun_evidence_lost_total", ()] == 5
    assert found["parallelrun_request_seconds_bucket", (at, ("le", "0.001024"), ("side", "old"))] == 3
    assert found["parallelrun_request_seconds_bucket", (at, ("le", "0.002048"), ("side", "old"))] == 4
    assert found["parallelrun_request_seconds_bucket", (at, ("le", "+Inf"), ("side", "new"))] == 4
    assert found["parallelrun_request_seconds_sum", (at, ("side", "new"))] == (3 * 1024 + 1280) / 1e6


def test_nothing_counted_is_no_error() -> None:
    assert samples(FakeCore())["parallelrun_evidence_lost_total", ()] == 0


def test_hostile_endpoints_stay_label_values() -> None:
    core = FakeCore()
    name = 'GET /"\n\\{x="y"} 1\nevil_total 1'
    core.count(name)
    found = samples(core)
    assert found["parallelrun_requests_total", (("endpoint", name), ("outcome", "match"))] == 1
    assert "evil_total" not in {sample for sample, _ in found}


@given(st.lists(st.integers(0, 700), max_size=900))
def test_the_number_of_endpoints_is_bounded_and_no_request_is_lost(numbers: list[int]) -> None:
    given_counts = [EndpointCounts(endpoint=f"GET /{n}", requests=1, outcomes={"match": 1}) for n in numbers]
    found = bounded(given_counts)
    assert len({one.endpoint for one in found} - {OTHER}) <= ENDPOINTS
    assert len({one.endpoint for one in found}) == len(found)
    assert sum(one.requests for one in found) == len(numbers)


def test_differences_of_endpoints_over_the_bound_are_other() -> None:
    core = FakeCore()
    for number in range(ENDPOINTS + 10):
        core.count(f"GET /{number}")
        core.differ(endpoint=f"GET /{number}", confirmed=1)
    found = samples(core)
    assert found["parallelrun_differences_total", (("endpoint", OTHER), ("kind", "value"))] == 10
    assert found["parallelrun_requests_total", (("endpoint", OTHER), ("outcome", "match"))] == 10


def test_a_bucket_bound_of_ours_is_one_of_the_core() -> None:
    """Else a request would be counted under a bound that it did not keep."""
    source = (ROOT / "crates/proxy/src/histogram.rs").read_text()
    octaves = re.search(r"4 \* (\d+) \+ 1", source)
    first = re.search(r"FIRST_OCTAVE: u32 = (\d+)", source)
    assert octaves
    assert first
    powers = {2 ** (int(first[1]) + octave) for octave in range(int(octaves[1]) + 1)}
    assert set(BOUNDS_US) <= powers


TOLD = AlertsStatus(
    (),
    {"warning": 3, "critical": 1},
    0,
    0,
    (TargetStatus("slack://", "warning", None, None, None, 2, Counts(unlisted=4, dropped=5, failures=6)),),
)


def test_alerts_and_their_targets() -> None:
    found = samples(FakeCore(), alerts=TOLD)
    told = {severity: found["parallelrun_alerts_total", (("severity", severity),)] for severity in RANK}
    assert told == {"info": 0, "warning": 3, "critical": 1}
    at = (("target", "slack://"),)
    names = ("alerts_queued", "alerts_unlisted_total", "alerts_dropped_total", "alert_failures_total")
    assert [found[f"parallelrun_{name}", at] for name in names] == [2, 4, 5, 6]


def test_the_phase_of_the_rollout_is_the_one_that_is_1() -> None:
    found = samples(FakeCore(), phase="fallback")
    phases = {dict(labels)["phase"]: value for (name, labels), value in found.items() if name == "parallelrun_phase"}
    assert len(phases) == 7
    assert {phase for phase, value in phases.items() if value} == {"fallback"}


def test_the_reference_names_every_metric_and_no_other() -> None:
    core = FakeCore()
    core.count("GET /")
    core.differ(endpoint="GET /", confirmed=1)
    text = Metrics(lambda: counters(core), lambda: 0, lambda: TOLD, lambda: "shadow").text().decode()
    exposed = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    page = (ROOT / "docs/reference/metrics.md").read_text()
    documented = set(re.findall(r"^\| `(parallelrun_\w+)", page, re.MULTILINE))
    assert documented == exposed
    labels = {
        name: set(re.findall(r'(\w+)="', line))
        for name in exposed
        for line in text.splitlines()
        if line.startswith((f"{name}{{", f"{name}_bucket{{"))
    }
    for name, found in labels.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}`"))
        assert found - {"le"} == set(re.findall(r"`(\w+)`", row.split("|")[2])), name
