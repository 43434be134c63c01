"""A rule on trial, asked of the real comparison."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from parallelrun.api.trial import Candidate, Trial, covers, trial
from parallelrun.config import Config
from parallelrun.config.active import BadRuleError
from parallelrun.config.rules import RuleKind
from parallelrun.evidence.model import Run
from parallelrun.evidence.records import Record, read_record
from parallelrun.evidence.store import Batch
from tests.support.fake_core import FakeCore, answer, pair
from tests.support.fake_engine import FakeEngine

ENDPOINT = "GET /orders/{id}"


def record(name: str, old: Any, new: Any, endpoint: str = ENDPOINT, **changes: Any) -> Record:
    sides = [answer(text=json.dumps(value)) for value in (old, new)]
    sides[1] |= changes
    made = read_record(json.dumps(pair(name, endpoint=endpoint, old=sides[0], new=sides[1])).encode())
    assert made
    return made


async def tried(
    tmp_path: Path,
    records: list[Record],
    kind: RuleKind,
    route: str | None = None,
    rules: Any = None,
    core: FakeCore | None = None,
    **settings: Any,
) -> Trial:
    engine = FakeEngine(f"sqlite:///{tmp_path / 'x.db'}", core, **(rules or {}))
    engine.collector.refresh()
    await engine.store.write(Batch(Run("r", "", 1, 1), records=records))
    try:
        return await trial(engine, Candidate.read(kind, route, settings))
    finally:
        await engine.close()


def places(found: Trial) -> dict[str, int]:
    return {one.location: one.pairs for one in found.hidden}


async def test_what_it_would_hide_and_what_would_be_left(tmp_path: Path) -> None:
    records = [
        record("1", {"a": 1, "b": 1}, {"a": 2, "b": 1}),
        record("2", {"a": 1, "b": 1}, {"a": 2, "b": 2}),
        record("3", {"a": 1}, {"a": 1}),
        record("4", {"a": 1}, {"a": 2}, "GET /other"),
    ]
    found = await tried(tmp_path, records, "ignore", at="$.a")
    assert (found.pairs, found.silenced, found.skipped, places(found)) == (4, 2, 0, {"$.a": 2} | {"$.a": 1})
    assert [(one.endpoint, one.pairs) for one in found.hidden] == [(ENDPOINT, 2), ("GET /other", 1)]
    only = await tried(tmp_path, records, "ignore", "GET /orders/{number}", at="$.a")
    assert (only.pairs, only.silenced, places(only)) == (3, 1, {"$.a": 2})


async def test_noise_and_races_are_not_left_to_differ(tmp_path: Path) -> None:
    core = FakeCore()
    core.differ("$.a", endpoint=ENDPOINT, confirmed=3)
    core.differ("$.took", endpoint=ENDPOINT, confirmed=1, noise=40)
    core.differ("$.stock", endpoint=ENDPOINT, race=3)
    core.differ("$.b", endpoint=ENDPOINT, confirmed=1)
    beside = {"took": 1, "stock": 1}, {"took": 2, "stock": 2}
    records = [
        record("1", {"a": 1, **beside[0]}, {"a": 2, **beside[1]}),
        record("2", {"a": 1, "b": 1, **beside[0]}, {"a": 2, "b": 2, **beside[1]}),
        record("3", {"a": 1, **beside[0]}, {"a": 1, **beside[1]}),
    ]
    found = await tried(tmp_path, records, "ignore", core=core, at="$.a")
    assert (found.pairs, found.silenced, places(found)) == (3, 1, {"$.a": 2})
    noise = await tried(tmp_path, records, "ignore", core=core, at="$.took")
    assert (noise.silenced, places(noise)) == (0, {"$.took": 3})


async def test_what_the_present_rules_hide_is_not_its_merit(tmp_path: Path) -> None:
    rules = {
        "compare": {"ignore": ["$.b"]},
        "routes": [{"match": "GET /orders/{id}", "compare": {"ignore": ["$.a"]}}],
    }
    records = [record("1", {"a": 1, "b": 1, "c": 1}, {"a": 2, "b": 2, "c": 2})]
    found = await tried(tmp_path, records, "ignore", rules=rules, at="$")
    assert (found.silenced, places(found)) == (1, {"$.c": 1})


async def test_a_rule_may_reveal_something(tmp_path: Path) -> None:
    records = [
        record("1", {"l": [{"id": 1, "p": 1}, {"id": 2, "p": 2}]}, {"l": [{"id": 2, "p": 2}, {"id": 1, "p": 9}]})
    ]
    found = await tried(tmp_path, records, "unordered", at="$.l", by="id")
    assert places(found).get("$.l[*].id") == 1
    assert found.silenced == 0
    swapped = [record("1", {"l": [1, 2]}, {"l": [2, 1]})]
    assert (await tried(tmp_path / "..", swapped, "unordered", at="$.l")).silenced == 1


async def test_what_cannot_be_compared_again_is_skipped(tmp_path: Path) -> None:
    cut: dict[str, Any] = {"body": {"text": '{"a"', "bytes": 999, "truncated": True, "hash": ""}}
    records = [
        record("cut", {}, {}, **cut),
        record("failed", {}, {}, status=0, body=None, failure="timeout", ms=None),
        record(
            "zipped", {"a": 1}, {"a": 2}, headers=[["content-type", "application/json"], ["Content-Encoding", "gzip"]]
        ),
    ]
    found = await tried(tmp_path, records, "ignore", at="$.a")
    assert (found.pairs, found.skipped, found.silenced) == (3, 2, 1)


@pytest.mark.parametrize(
    ("routes", "hidden_already"),
    [
        (["/{*all}", "/orders/{id}"], False),
        (["/orders/{*rest}", "/{a}/{b}"], False),
        (["/{a}/{id}", "/orders/{id}"], False),
        (["/orders/{id}", "/{a}/{id}"], True),
        (["/orders/{id}", "GET /orders/{number}"], False),
        (["GET /orders/{id}", "/orders/{number}"], True),
        (["/orders/{id}", "/orders/{number}"], True),
    ],
)
async def test_the_present_rules_are_those_of_the_route_that_the_core_takes(
    tmp_path: Path, routes: list[str], hidden_already: bool
) -> None:
    """Only the first of them hides the difference."""
    first, second = routes
    rules = {"routes": [{"match": first, "compare": {"ignore": ["$.a"]}}, {"match": second}]}
    found = await tried(tmp_path, [record("1", {"a": 1}, {"a": 2})], "ignore", at="$.a", rules=rules)
    assert places(found) == ({} if hidden_already else {"$.a": 1})


async def test_the_yaml_is_the_rule(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"at": "$.price", "absolute": 0.5, "relative": "1%"}
    found = await tried(tmp_path, [], "tolerance", "POST /x", **settings)
    config = Config.model_validate({"old": "http://a", "new": "http://b", **yaml.safe_load(found.yaml)})
    (rule,) = config.routes[0].compare.tolerance
    assert (rule.at, rule.absolute, rule.relative) == ("$.price", 0.5, 10_000)


@pytest.mark.parametrize(
    ("kind", "settings", "route", "message"),
    [
        ("ignore", {"at": "a.b"}, None, "at: expected a location"),
        ("ignore", {"at": "$.a", "by": "id"}, None, "ignore takes no `by`"),
        ("tolerance", {"at": "$.a"}, None, "expected `absolute` or `relative`"),
        ("tolerance", {"at": "$.a", "relative": "5"}, None, "relative: expected a share in percent"),
        ("ignore", {"at": "$.a"}, "orders", "match: expected a path that starts with /"),
    ],
)
def test_a_rule_that_says_nothing_is_refused(
    kind: RuleKind, settings: dict[str, Any], route: str | None, message: str
) -> None:
    with pytest.raises(BadRuleError, match=message):
        Candidate.read(kind, route, settings)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("equivalent", {"at": "$.a", "pattern": "("}), ("ignore", {"at": "$.a[?"})],
)
async def test_a_rule_that_the_core_cannot_read_is_refused(
    tmp_path: Path, kind: RuleKind, settings: dict[str, Any]
) -> None:
    with pytest.raises(BadRuleError):
        await tried(tmp_path, [], kind, **settings)


@pytest.mark.parametrize(
    ("match", "endpoint", "expected"),
    [
        ("GET /orders/{id}", "GET /orders/{id}", True),
        ("GET /orders/{number}", "GET /orders/{id}", True),
        ("/orders/{id}", "POST /orders/{id}", True),
        ("POST /orders/{id}", "GET /orders/{id}", False),
        ("/orders/{id}", "GET /orders/{id}/lines", False),
        ("/orders/{*rest}", "GET /orders/{id}/lines", True),
        ("/orders/search", "GET /orders/search", True),
        ("/orders/search", "GET /orders/{id}", False),
        ("/a.b", "GET /axb", False),
        ("/", "GET /", True),
        ("/x", "(other)", False),
    ],
)
def test_which_endpoints_a_route_covers(match: str, endpoint: str, expected: bool) -> None:
    assert covers(match, endpoint) is expected
