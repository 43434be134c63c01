"""What the real core hands out is understood, and nothing in it is left over."""

import json
from typing import Any

import httpx
from pydantic import BaseModel

from parallelrun.evidence.counters import Counters
from parallelrun.evidence.outcomes import ALL
from parallelrun.evidence.records import Pair, read_pair, read_record
from tests.support import behaviour
from tests.support.fixtures import Upstreams
from tests.support.proxy import RunningProxy
from tests.support.wait import wait_until


def left_over(model: Any, value: Any, path: str = "") -> list[str]:
    """The keys of a JSON value that a model, made from it, did not read."""
    if isinstance(model, BaseModel) and isinstance(value, dict):
        fields = type(model).model_fields
        unknown = [f"{path}.{key}" for key in value if key not in fields]
        known = [key for key in value if key in fields]
        return unknown + [each for key in known for each in left_over(getattr(model, key), value[key], f"{path}.{key}")]
    if isinstance(model, tuple) and isinstance(value, list) and len(model) == len(value):
        return [each for a, b in zip(model, value, strict=True) for each in left_over(a, b, f"{path}[]")]
    return []


def traffic(upstreams: Upstreams, proxy: RunningProxy) -> None:
    """One request of each kind."""
    upstreams.on("/same", behaviour.json('{"a": 1}'))
    upstreams.old.on("/differs", behaviour.json('{"a": 1, "b": 2}'))
    upstreams.new.on("/differs", behaviour.json('{"a": "x"}', headers={"location": "/y"}))
    upstreams.new.on("/failed", behaviour.close_after_request())
    upstreams.on("/bytes", behaviour.reply(body=b"\x00\xff", content_type="image/png"))
    upstreams.new.on("/bytes", behaviour.reply(body=b"\x00\xfe", content_type="image/png"))
    with httpx.Client(base_url=proxy.url, trust_env=False) as client:
        for path in ("/same", "/differs", "/failed", "/bytes"):
            assert client.get(path).status_code == 200
        client.post("/same", content=b"x")
    proxy.settled(5)


def test_counters(upstreams: Upstreams, proxy: RunningProxy) -> None:
    traffic(upstreams, proxy)
    text = proxy.core.counters()
    counters = Counters.model_validate_json(text)
    assert left_over(counters, json.loads(text)) == []
    assert counters.requests == sum(endpoint.requests for endpoint in counters.endpoints) == 5
    assert {name for endpoint in counters.endpoints for name in endpoint.outcomes} <= set(ALL)
    assert {(one.location, one.kind) for one in counters.differences} >= {("$.b", "missing"), ("$.a", "type")}
    assert counters.endpoints[0].old.latency.count


def test_records(upstreams: Upstreams, proxy: RunningProxy) -> None:
    traffic(upstreams, proxy)
    raws: list[bytes] = []

    def all_there() -> bool:
        raws.extend(proxy.core.poll(100, 0.05))
        return len(raws) >= 3

    wait_until(all_there)
    pairs: list[Pair] = []
    for raw in raws:
        record = read_record(raw)
        assert record
        pairs.append(read_pair(record.deflated))
        assert left_over(pairs[-1], json.loads(raw)) == []
    failed = next(pair for pair in pairs if pair.outcome == "new_failed")
    assert (failed.new.status, failed.new.body, bool(failed.new.failure)) == (0, None, True)
    binary = next(pair for pair in pairs if pair.endpoint == "GET /bytes")
    assert binary.old.body
    assert binary.old.body.base64 == "AP8="


def test_the_core_is_polled_to_the_end_after_it_has_stopped(upstreams: Upstreams, proxy: RunningProxy) -> None:
    traffic(upstreams, proxy)
    proxy.stop()
    assert proxy.core.poll(100, 0.0)
    assert proxy.core.poll(100, 0.0) == []
    assert Counters.model_validate_json(proxy.core.counters()).requests == 5


def test_what_is_left_over_would_be_seen() -> None:
    text = {"requests": 1, "new": 1, "endpoints": [{"endpoint": "x", "old": {"latency": {"p": 1}}}]}
    found = left_over(Counters.model_validate(text), text)
    assert found == [".new", ".endpoints[].old.latency.p"]
