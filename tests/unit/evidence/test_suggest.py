"""The rule that would hide a difference does hide it: asked of the real comparison."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from parallelrun._core import Comparator
from parallelrun.config import Config
from parallelrun.evidence.model import Difference, Example, Times
from parallelrun.evidence.status import Verdicts
from parallelrun.evidence.suggest import Suggestion, suggest
from tests.support.proxy import NO_RULES

Answer = tuple[int, list[tuple[str, str]], bytes]
JSON = [("content-type", "application/json")]


def answer(body: Any, status: int = 200, *headers: tuple[str, str]) -> Answer:
    return (status, [*JSON, *headers], json.dumps(body).encode())


def compare(rules: dict[str, Any], old: Answer, new: Answer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Comparator(json.dumps({**NO_RULES, **rules})).compare(old, new))
    return found


def suggested(found: dict[str, Any], endpoint: str = "GET /x/{id}") -> Suggestion:
    difference = Difference("0" * 12, endpoint, found["location"], found["kind"], Verdicts(confirmed=1), Times(1))
    return suggest(difference, Example("p", 1, "confirmed", found["old"], found["new"]))


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (answer({"total": 10.50}), answer({"total": 10.49}), "tolerance"),
        (answer({"total": 10.50}), answer({"total": 99}), "ignore"),
        (answer({"n": 0.1}), answer({"n": 0.1000000000000000055}), None),
        (answer({"name": "Ada"}), answer({"name": "ADA"}), "case"),
        (answer({"name": "Straße"}), answer({"name": "STRASSE"}), None),
        (answer({"a": 1}), answer({}), "ignore"),
        (answer({}), answer({"a": 1}), "ignore"),
        (answer({"a": 1}), answer({"a": "1"}), "ignore"),
        (answer({"hits": [1, 2, 3]}), answer({"hits": [3, 1, 2]}), "unordered"),
        (answer({"hits": [1, 2, 3]}), answer({"hits": [1, 2]}), "ignore"),
        (answer({"odd name": [{"it's": 1}]}), answer({"odd name": [{"it's": "x"}]}), "ignore"),
        (answer({}, 200), answer({}, 404), "ignore"),
        (answer({}, 200, ("location", "/a")), answer({}, 200, ("location", "/b")), "ignore"),
        ((200, [("content-type", "text/plain")], b"a\nb"), (200, [("content-type", "text/plain")], b"a\nc"), "ignore"),
        ((200, [("content-type", "image/png")], b"\x00"), (200, [("content-type", "image/png")], b"\x01"), "ignore"),
    ],
)
def test_the_rule_hides_the_difference(old: Answer, new: Answer, kind: str | None) -> None:
    found = compare({}, old, new)["differences"]
    assert found or kind is None
    for one in found:
        suggestion = suggested(one)
        assert kind in (None, suggestion.kind)
        hidden = compare({suggestion.kind: [{**suggestion.rule, "id": None}]}, old, new)
        assert hidden["outcome"] in ("ignored", "match"), suggestion


UNROUTABLE = ("(other)", "GET /a*b", "GET /long…")


@pytest.mark.parametrize("location", ["$.a", "status", "header:location", "$['it''s: # \"odd\"']", "$['\\u0000 \\n']"])
@pytest.mark.parametrize("endpoint", ["GET /x/{id}", "GET /x/{id}.json", "POST /", *UNROUTABLE])
def test_the_yaml_is_a_valid_configuration(location: str, endpoint: str) -> None:
    suggestion = suggested({"location": location, "kind": "missing", "old": "1", "new": None}, endpoint)
    config = Config.model_validate({"old": "http://a", "new": "http://b", **yaml.safe_load(suggestion.yaml)})
    (rule,) = config.routes[0].compare.ignore if config.routes else config.compare.ignore
    assert rule.at == location
    assert [route.match for route in config.routes] == ([] if endpoint in UNROUTABLE else [endpoint])


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"), min_size=1))
def test_the_yaml_says_what_it_should_whatever_the_names(name: str, path: str) -> None:
    suggestion = Suggestion("ignore", f"GET /{path}", {"at": f"$.{name}"})
    (route,) = yaml.safe_load(suggestion.yaml)["routes"]
    assert route["match"] == f"GET /{path}"
    assert route["compare"]["ignore"][0]["at"] == f"$.{name}"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_yaml_keeps_numbers(number: float) -> None:
    text = Suggestion("tolerance", None, {"at": "$.a", "absolute": number, "relative": None}).yaml
    (rule,) = yaml.safe_load(text)["compare"]["tolerance"]
    assert isinstance(rule["absolute"], float)
    assert rule["absolute"] == number
    assert rule["relative"] is None
