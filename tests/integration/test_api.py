"""The admin API over HTTP, on a running server with a real store."""

import json
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from parallelrun.api import stream
from parallelrun.evidence.outcomes import ALL
from parallelrun.evidence.signature import signature
from tests.support.fake_core import FakeCore, difference, pair
from tests.support.repository import ROOT
from tests.support.served import Served
from tests.support.wait import wait_until

ENDPOINT = "GET /orders/{id}"
NAME = signature(ENDPOINT, "$.total", "value")
TOKEN = "a long random text"
AUTHORISED = {"authorization": f"Bearer {TOKEN}"}

Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    made: list[Served] = []

    def start(**options: Any) -> Served:
        made.append(Served(f"sqlite:///{tmp_path / f'{len(made)}.db'}", **options))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def served(serve: Serve) -> Served:
    """With a little of everything."""
    made = serve(compare={"ignore": [{"at": "$.took", "reason": "time", "until": "2024-03-01"}]})
    fill(made.core)
    made.settle(2)
    return made


def fill(core: FakeCore) -> None:
    now = int(time.time() * 1000)
    core.count(ENDPOINT, "match", 90)
    core.count(ENDPOINT, "mismatch", 10)
    core.count("POST /orders", "method_not_mirrored", 50)
    core.differ(confirmed=10, noise=1)
    core.differ("$.now", "value", noise=40)
    core.record(
        pair("p1", difference(), at_ms=now),
        pair("p2", difference("$.now", verdict="noise"), at_ms=now),
    )


def test_status(served: Served) -> None:
    status = served.get("/api/v1/status")
    assert (status["version"], status["weight"], status["phase"]) == ("1.2.3", 0.0, "shadow")
    assert status["old"]["url"] == "http://127.0.0.1:1"
    assert status["new"]["health"] is None
    assert status["requests"] == 150
    assert status["store"]["ok"] is True
    assert status["store"]["lost"] == 0
    assert status["memory"] == {"used": 0, "limit": 96 << 20}


def test_the_ledger_sums_up(served: Served) -> None:
    ledger = served.get("/api/v1/ledger")
    assert set(ledger["outcomes"]) == set(ALL)
    assert sum(ledger["outcomes"].values()) == ledger["requests"] == 150
    assert ledger["outcomes"]["mismatch"] == 10


def test_endpoints(served: Served) -> None:
    orders, writes = served.get("/api/v1/endpoints")["items"]
    assert orders["endpoint"] == ENDPOINT
    mismatch = {name: round(value, 4) for name, value in orders["mismatch"].items()}
    assert mismatch == {"count": 10, "of": 100, "share": 0.1, "low": 0.0552, "high": 0.1744}
    assert orders["old"]["latency_ms"] == {"count": 100, "mean": 1.0, "p50": 1.0, "p90": 1.0, "p99": 1.0}
    assert (writes["compared"]["share"], writes["match"]["share"]) == (0.0, None)


def test_differences_are_filtered_and_bounded(served: Served) -> None:
    both = served.get("/api/v1/differences")
    assert [(one["location"], one["status"]) for one in both["items"]] == [("$.total", "open"), ("$.now", "noise")]
    first = both["items"][0]
    assert (first["signature"], first["count"], first["noise_count"]) == (NAME, 11, 1)
    assert (first["pair_id"], first["old"], first["new"]) == ("p1", "10.50", "10.49")
    assert first["silence"]["kind"] == "tolerance"
    assert (first["rate"]["count"], first["rate"]["of"]) == (10, 100)
    assert served.get("/api/v1/differences", status="noise")["total"] == 1
    assert served.get("/api/v1/differences", endpoint="GET /nothing")["items"] == []
    limited = served.get("/api/v1/differences", limit=1)
    assert (len(limited["items"]), limited["total"]) == (1, 2)


def test_a_pair_with_both_answers(served: Served) -> None:
    found = served.get("/api/v1/pairs/p1")
    assert (found["request"]["target"], found["old"]["status"], found["new"]["ms"]) == ("/orders/42", 200, 1.5)
    assert found["differences"][0]["signature"] == NAME


def test_a_pair_is_found_before_and_after_it_is_stored(served: Served) -> None:
    before = served.get("/api/v1/pairs/p2")
    wait_until(lambda: served.engine.collector.held == (0, 0))
    assert served.get("/api/v1/pairs/p2") == before


def test_rules_and_rollout(served: Served) -> None:
    (rule,) = served.get("/api/v1/rules")["items"]
    assert (rule["at"], rule["expired"], rule["place"]) == ("$.took", True, "compare.ignore[0]")
    rollout = served.get("/api/v1/rollout")
    assert (rollout["phase"], rollout["weight"], rollout["history"]) == ("shadow", 0.0, [])


def test_probes(served: Served) -> None:
    assert served.get("/healthz") == served.get("/readyz") == {"status": "ok"}
    served.engine.draining = True
    refused = served.client.get("/readyz")
    assert (refused.status_code, refused.json()["status"]) == (503, 503)
    assert served.get("/healthz")


def test_metrics(served: Served) -> None:
    text = served.client.get("/metrics")
    assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'parallelrun_requests_total{endpoint="POST /orders",outcome="method_not_mirrored"} 50.0' in text.text


def test_the_page(served: Served) -> None:
    page = served.client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "The new version answers differently" in page.text


def test_the_health_of_both_sides(serve: Serve, make_origin: Callable[..., Any]) -> None:
    origin = make_origin("old")
    old = {"url": f"http://127.0.0.1:{origin.port}", "health": "/healthz"}
    status = serve(old=old, new={"url": "http://127.0.0.1:1", "health": "/x"}).get("/api/v1/status")
    assert status["old"]["health"]["ok"] is True
    assert status["new"]["health"]["ok"] is False
    assert status["new"]["health"]["error"]


# Errors


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/pairs/nothing", 404),
        ("GET", f"/api/v1/pairs/{'x' * 65}", 422),
        ("GET", "/api/v1/differences?limit=0", 422),
        ("GET", "/api/v1/differences?status=strange", 422),
        ("DELETE", "/api/v1/status", 405),
    ],
)
def test_errors_are_problem_documents(served: Served, method: str, path: str, status: int) -> None:
    refused = served.client.request(method, path)
    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert set(problem) == {"type", "title", "status", "detail"}
    assert problem["status"] == status
    assert problem["detail"]


def test_a_bug_is_a_problem_document_too(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.core.broken = RuntimeError("no core")
    refused = served.client.get("/api/v1/ledger")
    served.core.broken = None
    assert (refused.status_code, refused.headers["content-type"]) == (500, "application/problem+json")
    assert "no core" not in refused.text


def test_a_store_that_fails_is_said_and_the_rest_answers(served: Served, tmp_path: Path) -> None:
    wait_until(lambda: served.engine.collector.held == (0, 0))
    with closing(sqlite3.connect(tmp_path / "0.db", isolation_level=None)) as other:
        other.execute("ALTER TABLE parallelrun_pairs RENAME TO gone")
        refused = served.client.get("/api/v1/pairs/p1")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert "no such table" in refused.json()["detail"]
        assert served.get("/api/v1/ledger")["requests"] == 150
        assert served.client.get("/").status_code == 200
        other.execute("ALTER TABLE gone RENAME TO parallelrun_pairs")
    assert served.get("/api/v1/pairs/p1")


# Who may ask


def test_on_loopback_reading_is_open_and_only_by_its_own_names(serve: Serve) -> None:
    served = serve(admin={"token": TOKEN})
    assert served.get("/api/v1/status")
    for path in ("/api/v1/status", "/", "/metrics", "/healthz", "/nothing"):
        refused = served.client.get(path, headers={"host": "evil.example"})
        assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")


def test_on_loopback_changing_needs_the_token_where_one_is_set(serve: Serve) -> None:
    served = serve(admin={"token": TOKEN})
    refused = served.client.post("/api/v1/status")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="parallelrun"')
    assert served.client.post("/api/v1/status", headers=AUTHORISED).status_code == 405
    assert serve().client.post("/api/v1/status").status_code == 405


def test_a_page_of_another_site_changes_nothing(serve: Serve) -> None:
    served = serve()
    assert served.client.post("/api/v1/status", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert served.client.post("/api/v1/status", headers={"sec-fetch-site": "same-origin"}).status_code == 405


def test_elsewhere_everything_but_the_probes_needs_the_token(serve: Serve) -> None:
    served = serve(public=True, admin={"token": TOKEN})
    for path in ("/api/v1/status", "/api/openapi.json", "/metrics", "/", "/nothing"):
        assert served.client.get(path).status_code == 401
        assert served.client.get(path, headers={"authorization": "Bearer wrong"}).status_code == 401
        assert served.client.get(path, headers={"authorization": f"Basic {TOKEN}"}).status_code == 401
        assert served.client.get(path, headers=AUTHORISED).status_code in (200, 404)
    assert served.client.get("/healthz", headers={"host": "proxy.example"}).status_code == 200
    assert served.client.get("/readyz").status_code == 200


def test_a_token_may_be_any_text(serve: Serve) -> None:
    served = serve(public=True, admin={"token": "schlüssel ☃"})
    for given_token, status in (("schlüssel ☃".encode(), 200), ("schlüssel".encode("latin-1"), 401)):
        headers = {b"authorization": b"Bearer " + given_token}
        assert served.client.get("/api/v1/status", headers=headers).status_code == status


def test_elsewhere_without_a_token_nothing_is_told(serve: Serve) -> None:
    assert serve(public=True).client.get("/api/v1/status").status_code == 403


# Events


class Listening:
    """A reader of the stream, in a thread of its own."""

    def __init__(self, served: Served) -> None:
        self.lines: list[str] = []
        self.ended = False
        self._thread = threading.Thread(target=self._read, args=(served.url,), daemon=True)
        self._thread.start()
        wait_until(lambda: self.lines)

    def _read(self, url: str) -> None:
        with httpx.stream("GET", f"{url}/api/v1/events", timeout=60, trust_env=False) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                self.lines.append(line)
        self.ended = True

    def event(self, name: str) -> dict[str, Any]:
        at = wait_until(lambda: [i for i, line in enumerate(self.lines) if line == f"event: {name}"], name)[0]
        wait_until(lambda: len(self.lines) > at + 1)
        value: dict[str, Any] = json.loads(self.lines[at + 1].removeprefix("data: "))
        return value


def test_events_come_as_they_happen_and_end_with_the_server(served: Served) -> None:
    listening = Listening(served)
    served.core.differ("$.fresh", "missing", confirmed=1)
    served.core.record(pair("p3", difference("$.fresh", "missing", new=None), at_ms=int(time.time() * 1000)))
    told = listening.event("difference.new")
    assert (told["location"], told["pair_id"], told["level"]) == ("$.fresh", "p3", "warning")
    served.close()
    wait_until(lambda: listening.ended)


def test_a_reader_that_goes_is_forgotten(served: Served) -> None:
    with httpx.stream("GET", f"{served.url}/api/v1/events", trust_env=False) as answer:
        lines = answer.iter_lines()
        next(lines)
        assert served.engine.events.listeners == 1
    wait_until(lambda: served.engine.events.listeners == 0)


def test_the_number_of_streams_is_bounded(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LISTENERS", 1)
    Listening(served)
    refused = served.client.get("/api/v1/events")
    assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")


# The description


def described(served: Served) -> set[tuple[str, str]]:
    """Method and path of all that the description has."""
    paths = served.get("/api/openapi.json")["paths"]
    return {(method.upper(), path) for path, operations in paths.items() for method in operations}


def test_answers_are_as_described(served: Served) -> None:
    description = schemathesis.openapi.from_url(f"{served.url}/api/openapi.json")
    tried = set()
    for found in description.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if operation.path == "/api/v1/events":
            continue  # never ends, so it has tests of its own

        @given(operation.as_strategy())
        @settings(max_examples=30, deadline=None, database=None)
        def check(case: Any) -> None:
            # Reading is open here, whatever token a request brings; and no schema can say which rules make sense, nor
            # what can be asked of a rollout now.
            unsaid = case.operation.path.startswith(("/api/v1/rules", "/api/v1/rollout/{command}"))
            meaning = [positive_data_acceptance] if unsaid else []
            case.call_and_validate(excluded_checks=[ignored_auth, *meaning])
            tried.add((case.operation.method.upper(), case.operation.path))

        check()
    assert tried == described(served) - {("GET", "/api/v1/events")}


def test_every_path_is_in_the_reference_and_no_other(served: Served) -> None:
    page = (ROOT / "docs/reference/api.md").read_text()
    documented = set(re.findall(r"^## `([A-Z]+) (\S+)`", page, re.MULTILINE))
    assert documented == described(served) | {("GET", "/api/openapi.json"), ("GET", "/")}


def test_every_field_of_an_answer_is_in_the_reference(served: Served) -> None:
    page = (ROOT / "docs/reference/api.md").read_text()
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", page)) + " ".join(re.findall(r"    .*", page))))
    schemas = served.get("/api/openapi.json")["components"]["schemas"]
    fields = {field for schema in schemas.values() for field in schema.get("properties", {})}
    assert not fields - named
