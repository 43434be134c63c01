"""A proxy under test: builders for its listener and snapshot, and a handle that checks its ledger."""

import copy
import json
from dataclasses import dataclass
from typing import Any

from .wait import wait_until

Json = dict[str, Any]

LISTENER: Json = {
    "listen": "127.0.0.1:0",
    "workers": 2,
    "connections": 10_000,
    "tls": None,
    "headers": 100,
    "header_bytes": 65_536,
    "uri_bytes": 8192,
    "header_timeout_ms": 30_000,
    "idle_timeout_ms": 60_000,
}

NO_RULES: Json = {
    "ignore": [],
    "unordered": [],
    "tolerance": [],
    "equivalent": [],
    "case": [],
    "additive": [],
    "headers": [],
}

SIDE: Json = {
    "url": "",
    "timeout_ms": 10_000,
    "connect_timeout_ms": 2000,
    "protocol": "auto",
    "ca": None,
    "set_headers": {},
    "remove_headers": [],
}

SNAPSHOT: Json = {
    "generation": 1,
    "old": SIDE,
    "new": SIDE,
    "databases": "shared",
    "rescue": "new",
    "sample_ppm": 1_000_000,
    "sticky": {"by": "address"},
    "assignment_key": "a test's key",
    "compare": NO_RULES,
    "templates": [],
    "routes": [],
    "limits": {
        "body_bytes": 1_048_576,
        "memory_bytes": 268_435_456,
        "shadows": 1024,
        "shadow_ms": 30_000,
        "idle_ms": 60_000,
        "second_opinions_per_s": 50,
        "endpoints": 500,
        "pair_body_bytes": 65_536,
        "sampled_per_s": 0,
    },
    "redact": {"headers": ["authorization"], "json": []},
    "breaker": {
        "failures": 1_000_000,  # as good as none: most tests are about something else
        "share": 1.0,
        "volume": 1_000_000,
        "window_ms": 10_000,
        "stall_ms": 500,
        "open_ms": 5000,
        "longest_open_ms": 60_000,
        "slow_start_ms": 30_000,
        "probes_per_s": 5,
    },
    "verify": {"everywhere": False, "wait_ms": 1000},
}


def merged(base: Json, changes: Json) -> Json:
    """A copy of `base` with the changes; objects are merged, except tagged ones (with `by`), all else is replaced."""
    result = copy.deepcopy(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict) and "by" not in value:
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def listener(**changes: Any) -> Json:
    """Listener settings on a free port."""
    return merged(LISTENER, changes)


def snapshot(**changes: Any) -> Json:
    """A snapshot; `old` and `new` may be URLs."""
    sides = {side: {"url": changes[side]} for side in ("old", "new") if isinstance(changes.get(side), str)}
    return merged(SNAPSHOT, changes | sides)


def route(
    path: str,
    *,
    method: str | None = None,
    writes: str | None = None,
    mirror: bool = True,
    verify: bool | None = None,
) -> Json:
    """One entry of a snapshot's `routes`."""
    return {
        "method": method,
        "path": path,
        "writes": writes,
        "mirror": mirror,
        "verify": verify,
        "compare": None,
    }


@dataclass(frozen=True)
class Ledger:
    """The counts of one moment, added up over the endpoints."""

    requests: int
    outcomes: dict[str, int]
    rescued: int

    def __getitem__(self, outcome: str) -> int:
        return self.outcomes.get(outcome, 0)


class RunningProxy:
    """A started `parallelrun._core.Proxy` with its snapshot."""

    def __init__(self, listener_settings: Json, first: Json) -> None:
        # Imported here: the support code, and the tests of it, need no compiled core.
        from parallelrun._core import Proxy  # noqa: PLC0415

        self.snapshot = first
        self.core = Proxy(json.dumps(listener_settings), json.dumps(first))
        self.core.start()
        self.address = self.core.address

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.address[1]}"

    def configure(self, **changes: Any) -> None:
        """Swaps in the present snapshot with changes, one generation on."""
        changed = merged(self.snapshot, changes)
        changed["generation"] = self.snapshot["generation"] + 1
        self.core.configure(json.dumps(changed))
        self.snapshot = changed

    def set_weight(self, percent: float) -> None:
        self.core.set_weight(round(percent * 10_000))

    def counters(self) -> Json:
        result: Json = json.loads(self.core.counters())
        return result

    def ledger(self) -> Ledger:
        """The ledger as it is now, idle or not."""
        return ledger(self.counters())

    def endpoint(self, name: str) -> Json:
        """The counters of one endpoint."""
        found: list[Json] = [entry for entry in self.counters()["endpoints"] if entry["endpoint"] == name]
        assert len(found) == 1, f"{name} is {len(found)} times among the endpoints"
        return found[0]

    def side(self, name: str) -> Json:
        """The counters of one side."""
        result: Json = self.counters()["sides"][name]
        return result

    def idle(self) -> Json:
        """Waits until no request and no copy is under way; returns the counters of that moment."""
        last: Json = {}

        def quiet() -> bool:
            last.update(self.counters())
            return bool(last["in_flight"] == 0 and last["shadows"]["in_flight"] == 0)

        wait_until(quiet, lambda: f"the proxy is not idle: {last}")
        return last

    def settled(self, requests: int | None = None) -> Ledger:
        """Waits until idle (and until `requests` have been counted), asserts that the ledger is exact, returns it."""
        if requests is not None:
            wait_until(
                lambda: self.counters()["requests"] >= requests, lambda: f"not {requests} requests: {self.counters()}"
            )
        counters = self.idle()
        assert_ledger_exact(counters)
        result = ledger(counters)
        assert requests is None or result.requests == requests, (requests, result)
        return result

    def records(self) -> list[Json]:
        """Takes all records that are waiting."""
        return [json.loads(record) for record in self.core.poll(1000, 0.0)]

    def wait_records(self, count: int = 1) -> list[Json]:
        """Takes records until there are at least `count`."""
        taken: list[Json] = []

        def enough() -> bool:
            taken.extend(json.loads(record) for record in self.core.poll(1000, 0.05))
            return len(taken) >= count

        wait_until(enough, lambda: f"{len(taken)} records of {count}")
        return taken

    def release(self) -> None:
        """Takes the records away until no memory is held any more: records hold theirs until they are taken."""
        wait_until(
            lambda: not self.records() and self.counters()["memory"]["reserved"] == 0,
            lambda: f"memory is still held: {self.counters()}",
        )

    def stop(self, grace: float = 5.0) -> bool:
        return self.core.stop(grace)


def ledger(counters: Json) -> Ledger:
    """Adds up the endpoints of the counters."""
    outcomes: dict[str, int] = {}
    for endpoint in counters["endpoints"]:
        for outcome, count in endpoint["outcomes"].items():
            outcomes[outcome] = outcomes.get(outcome, 0) + count
    return Ledger(counters["requests"], outcomes, counters["rescued"])


def assert_ledger_exact(counters: Json) -> None:
    """Asserts that every request has exactly one outcome, in the whole and per endpoint, and that nothing is held."""
    for endpoint in counters["endpoints"]:
        assert sum(endpoint["outcomes"].values()) == endpoint["requests"], endpoint
        assert endpoint["rescued"] <= endpoint["requests"], endpoint
        for side in ("old", "new"):
            latency = endpoint[side]["latency"]
            assert sum(count for _, count in latency["buckets"]) == latency["count"], endpoint
            assert endpoint[side]["status_5xx"] <= latency["count"], endpoint
    total = ledger(counters)
    assert sum(total.outcomes.values()) == total.requests, counters
    assert sum(endpoint["requests"] for endpoint in counters["endpoints"]) == counters["requests"], counters
    assert sum(endpoint["rescued"] for endpoint in counters["endpoints"]) == counters["rescued"], counters
    for side in ("old", "new"):
        counted = sum(endpoint[side]["status_5xx"] for endpoint in counters["endpoints"])
        assert counted <= counters["sides"][side]["status_5xx"], (side, counters)  # which has second opinions too
    assert counters["panics"] == 0, counters
    assert counters["in_flight"] == 0, counters
    assert counters["shadows"]["in_flight"] == 0, counters
