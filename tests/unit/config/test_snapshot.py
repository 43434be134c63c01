"""What the core is told."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from parallelrun._core import Proxy
from parallelrun.config import Loaded
from parallelrun.config.snapshot import listener, snapshot
from tests.support.certs import ca_pem
from tests.unit.config.given import load
from tests.unit.config.test_load import CONTRACT

DAY = date(2026, 1, 1)


def told(loaded: Loaded, day: date = DAY) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(snapshot(loaded, 7, day))
    return value


def test_the_contract_as_a_snapshot(file: Path) -> None:
    loaded = load(file, CONTRACT)
    found = told(loaded)
    assert found["generation"] == 7
    assert found["old"] == {
        "url": "http://orders-v1:8000",
        "timeout_ms": 10_000,
        "connect_timeout_ms": 2_000,
        "protocol": "auto",
        "ca": None,
        "set_headers": {},
        "remove_headers": [],
    }
    assert (found["new"]["set_headers"], found["new"]["remove_headers"]) == ({"authorization": "Bearer x"}, ["cookie"])
    assert found["sticky"] == {"by": "cookie", "name": "session"}
    assert (found["sample_ppm"], found["databases"], found["rescue"]) == (1_000_000, "shared", "new")
    assert [rule["at"] for rule in found["compare"]["ignore"]] == ["$.updated_at"]
    assert [(rule["at"], rule["by"]) for rule in found["compare"]["unordered"]] == [("$.items", "id")]
    (tolerance,) = found["compare"]["tolerance"]
    assert (tolerance["absolute"], tolerance["relative"]) == (0.01, None)
    assert [(route["method"], route["path"], route["writes"]) for route in found["routes"]] == [
        ("POST", "/orders", "both-sides"),
        ("GET", "/search", None),
    ]
    assert found["routes"][0]["compare"] is None
    assert [rule["at"] for rule in found["routes"][1]["compare"]["unordered"]] == ["$.hits"]
    assert found["limits"] == {
        "body_bytes": 1 << 20,
        "memory_bytes": 96 << 20,  # the process itself takes the rest of 256 MiB
        "process_bytes": 256 << 20,
        "shadows": 1024,
        "shadow_ms": 30_000,
        "idle_ms": 60_000,
        "second_opinions_per_s": 50,
        "sampled_per_s": 0,
        "endpoints": 500,
        "pair_body_bytes": 64 << 10,
    }
    assert found["redact"] == {
        "headers": ["authorization", "cookie", "set-cookie"],
        "json": ["$..password", "$..token"],
    }
    assert found["breaker"] == {
        "failures": 5,
        "share": 0.5,
        "volume": 20,
        "window_ms": 10_000,
        "stall_ms": 500,
        "open_ms": 5000,
        "longest_open_ms": 60_000,
        "slow_start_ms": 30_000,
        "probes_per_s": 5,
    }
    assert found["verify"] == {"everywhere": False, "wait_ms": 1000}
    Proxy(listener(loaded), snapshot(loaded, 1, DAY))


def test_every_setting_of_the_core_can_be_given(file: Path) -> None:
    (file.parent / "ca.pem").write_text(ca_pem())
    (file.parent / "api.json").write_text('{"paths": {"/a/{id}": {}}}')
    text = """\
    old: {url: "https://a", protocol: http2, ca: ca.pem, connect_timeout: 100ms}
    new: http://b:2/base
    openapi: api.json
    rescue: both
    databases: separate
    sticky: {header: X-User-Id}
    sample: 0.5%
    workers: 3
    compare:
      tolerance: [{at: $.a, relative: 1%}]
      equivalent: [{at: $.b, pattern: "x+", replacement: "y"}]
      case: [$.c]
      additive: [$]
      headers: [X-Total]
    routes: [{match: "/x/{*rest}", mirror: false, writes: old-only, verify: false, compare: {headers: [x-y]}}]
    verify: true
    breaker:
      {failures: 3, share: 20%, volume: 9, window: 1s, stall: 2s, open: 3s, longest: 4s, slow_start: 5s,
       probes: 1}
    limits:
      {shadow_timeout: 1s, idle: 2s, second_opinions: 0, endpoints: 5, pair_body: 0, connections: 9, headers: 8,
       header_size: 9KiB, uri: 1KiB, header_timeout: 3s, verify_wait: 50ms, samples: 7}
    """
    loaded = load(file, text)
    found = told(loaded)
    assert found["old"]["ca"] == ca_pem()
    assert (found["old"]["protocol"], found["old"]["connect_timeout_ms"]) == ("http2", 100)
    assert found["new"]["url"] == "http://b:2/base"
    assert found["templates"] == ["/a/{id}"]
    assert (found["rescue"], found["databases"], found["sample_ppm"]) == ("both", "separate", 5000)
    assert found["sticky"] == {"by": "header", "name": "x-user-id"}
    assert found["compare"]["tolerance"][0]["relative"] == 0.01
    assert found["compare"]["headers"] == ["x-total"]
    assert (found["routes"][0]["method"], found["routes"][0]["mirror"]) == (None, False)
    assert found["routes"][0]["compare"]["headers"] == ["x-y"]
    assert found["routes"][0]["verify"] is False
    assert found["verify"] == {"everywhere": True, "wait_ms": 50}
    assert found["breaker"] == {
        "failures": 3,
        "share": 0.2,
        "volume": 9,
        "window_ms": 1000,
        "stall_ms": 2000,
        "open_ms": 3000,
        "longest_open_ms": 4000,
        "slow_start_ms": 5000,
        "probes_per_s": 1,
    }
    assert json.loads(snapshot(loaded, 1, DAY, sampling=True))["limits"]["sampled_per_s"] == 7
    assert (found["limits"]["shadow_ms"], found["limits"]["idle_ms"], found["limits"]["pair_body_bytes"]) == (
        1000,
        2000,
        0,
    )
    assert json.loads(listener(loaded)) == {
        "listen": "127.0.0.1:8080",
        "workers": 3,
        "connections": 9,
        "tls": None,
        "headers": 8,
        "header_bytes": 9 << 10,
        "uri_bytes": 1 << 10,
        "header_timeout_ms": 3000,
        "idle_timeout_ms": 2000,
    }
    Proxy(listener(loaded), snapshot(loaded, 1, DAY))


def test_a_rule_whose_day_has_passed_never_reaches_the_core(file: Path) -> None:
    text = """\
    old: http://a
    new: http://b
    compare: {ignore: [{at: $.a, until: 2027-03-01}, $.b]}
    routes: [{match: /x, compare: {ignore: [{at: $.c, until: 2027-03-01}]}}]
    """
    loaded = load(file, text)
    before, after = told(loaded, date(2027, 3, 1)), told(loaded, date(2027, 3, 2))
    assert [rule["at"] for rule in before["compare"]["ignore"]] == ["$.a", "$.b"]
    assert [rule["at"] for rule in after["compare"]["ignore"]] == ["$.b"]
    assert before["routes"][0]["compare"]["ignore"][0]["at"] == "$.c"
    assert after["routes"][0]["compare"] is None


def test_the_assignment_follows_from_the_new_version_alone(file: Path) -> None:
    one = told(load(file, "old: http://a\nnew: http://b\n"))["assignment_key"]
    same = told(load(file, "old: http://c\nnew: http://b\nsample: 1%\n"))["assignment_key"]
    other = told(load(file, "old: http://a\nnew: http://c\n"))["assignment_key"]
    assert one == same != other
