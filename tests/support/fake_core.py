"""A core without a network, for tests of what reads it: `counters()` and `poll()` as in `_core.pyi`, filled by hand."""

import json
import threading
from collections import Counter
from typing import Any

START_MS = 1_764_000_000_000


class Clock:
    """A clock that moves when told to; seconds since the epoch."""

    def __init__(self, now: float = START_MS / 1000) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def body(text: str) -> dict[str, Any]:
    return {"text": text, "bytes": len(text.encode()), "truncated": False, "hash": "00ff"}


def answer(
    status: int = 200, text: str | None = "{}", *, ms: float = 1.5, failure: str | None = None
) -> dict[str, Any]:
    return {
        "status": status,
        "headers": [["content-type", "application/json"]],
        "body": None if text is None else body(text),
        "ms": ms,
        "failure": failure,
    }


def difference(
    location: str = "$.total",
    kind: str = "value",
    *,
    old: str | None = "10.50",
    new: str | None = "10.49",
    verdict: str = "confirmed",
    rule: str | None = None,
) -> dict[str, Any]:
    return {"location": location, "kind": kind, "old": old, "new": new, "verdict": verdict, "rule": rule}


def pair(
    name: str,
    *differences: dict[str, Any],
    endpoint: str = "GET /orders/{id}",
    outcome: str = "mismatch",
    at_ms: int = START_MS,
    target: str = "/orders/42",
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "type": "pair",
        "id": name,
        "at_ms": at_ms,
        "endpoint": endpoint,
        "outcome": outcome,
        "serving": "old",
        "generation": 1,
        "rescued": False,
        "request": {
            "method": endpoint.split(" ", maxsplit=1)[0],
            "target": target,
            "headers": [["accept", "*/*"]],
            "body": None,
        },
        "old": old or answer(text='{"total": 10.50}'),
        "new": new or answer(text='{"total": 10.49}'),
        "differences": list(differences),
    }


class FakeCore:
    """Counts what it is told and hands out the records it was given. Safe to poll from another thread."""

    def __init__(self) -> None:
        self.weight = 0
        self._lock = threading.Condition()
        self._records: list[bytes] = []
        self._outcomes: dict[str, Counter[str]] = {}
        self._differences: dict[tuple[str, str, str], Counter[str]] = {}
        self._latency: dict[tuple[str, str], Counter[int]] = {}
        self.extra: dict[str, Any] = {}
        """Laid over the counters, for what a test wants otherwise."""
        self.broken: Exception | None = None
        self.health: list[bool] = []
        """What it was told of the new side."""

    def set_health(self, healthy: bool) -> None:
        self.health.append(healthy)

    def count(self, endpoint: str, outcome: str = "match", times: int = 1, *, us: int = 1000) -> None:
        """So many requests ended so; each side answered within `us` microseconds."""
        with self._lock:
            self._outcomes.setdefault(endpoint, Counter())[outcome] += times
            for side in ("old", "new"):
                self._latency.setdefault((endpoint, side), Counter())[us] += times

    def differ(
        self, location: str = "$.total", kind: str = "value", *, endpoint: str = "GET /orders/{id}", **verdicts: int
    ) -> None:
        """So many pairs more showed this difference, by verdict."""
        with self._lock:
            self._differences.setdefault((endpoint, location, kind), Counter()).update(verdicts)

    def record(self, *records: dict[str, Any] | bytes) -> None:
        with self._lock:
            self._records += [one if isinstance(one, bytes) else json.dumps(one).encode() for one in records]
            self._lock.notify_all()

    def set_weight(self, ppm: int) -> None:
        """Shows in the counters, where a test has not said otherwise."""
        self.weight = ppm

    def set_slow(self, limits: str) -> None:
        """Nothing is slow here."""

    def poll(self, max: int, timeout: float) -> list[bytes]:
        with self._lock:
            if self.broken:
                raise self.broken
            if not self._records and timeout:
                self._lock.wait(timeout)
            taken, self._records = self._records[:max], self._records[max:]
            return taken

    def counters(self) -> bytes:
        with self._lock:
            if self.broken:
                raise self.broken
            requests = sum(sum(counts.values()) for counts in self._outcomes.values())
            side = {"requests": requests, "status_5xx": 0, "connects": 1, "truncated": 0, "failures": {"timeout": 0}}
            value: dict[str, Any] = {
                "generation": 1,
                "weight_ppm": self.weight,
                "uptime_ms": 1000,
                "draining": False,
                "workers": 2,
                "requests": requests,
                "in_flight": 0,
                "rescued": 0,
                "connections": {"accepted": 1, "open": 1, "held_back": 0},
                "refused": {"bad_request": 0},
                "memory": {"reserved": 0, "limit": 100663296},
                "shadows": {"in_flight": 0, "limit": 1024},
                "records": {"queued": len(self._records), "lost": 0},
                "second_opinions": {"asked": 0, "skipped": 0},
                "caps": {"depth": 0},
                "panics": 0,
                "sides": {"old": side, "new": side},
                "endpoints": [
                    {
                        "endpoint": endpoint,
                        "requests": sum(outcomes.values()),
                        "outcomes": dict(outcomes),
                        "rescued": 0,
                        **{
                            side: {"status_5xx": 0, "missed_writes": 0, "latency": self._histogram(endpoint, side)}
                            for side in ("old", "new")
                        },
                    }
                    for endpoint, outcomes in self._outcomes.items()
                ],
                "differences": [
                    {
                        "endpoint": endpoint,
                        "location": location,
                        "kind": kind,
                        **dict.fromkeys(("confirmed", "unconfirmed", "noise", "race", "ignored"), 0),
                        **verdicts,
                    }
                    for (endpoint, location, kind), verdicts in self._differences.items()
                ],
            }
            return json.dumps({**value, **self.extra}).encode()

    def _histogram(self, endpoint: str, side: str) -> dict[str, Any]:
        buckets = sorted(self._latency[endpoint, side].items())
        return {
            "count": sum(count for _, count in buckets),
            "sum_us": sum(bound * count for bound, count in buckets),
            "buckets": [list(bucket) for bucket in buckets],
        }
