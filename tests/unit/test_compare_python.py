"""`parallelrun.compare`: what Python programs may rely on."""

import doctest
import subprocess
import sys
from types import MappingProxyType
from typing import Any, get_args

import pytest

from parallelrun.compare import Answer, BadConfigError, Comparator, comparator
from tests.support.repository import ROOT

JSON = {"content-type": "application/json"}
SOURCE = (ROOT / "crates/compare/src/difference.rs").read_text()


def test_the_examples_are_true() -> None:
    docstrings = doctest.testmod(comparator)
    assert docstrings.failed == 0
    assert docstrings.attempted > 5
    page = doctest.testfile(str(ROOT / "docs/reference/python.md"), module_relative=False)
    assert page.failed == 0
    assert page.attempted > 5


def test_equal_answers_match() -> None:
    found = Comparator().compare(Answer(200, JSON, b'{"a": 1}'), Answer(200, JSON, b'{"a":1}'))
    assert (found.outcome, found.differences, found.capped) == ("match", (), None)


def test_headers_may_come_several_times() -> None:
    old = Answer(headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=1")])
    (difference,) = Comparator().compare(old, Answer(headers={"set-cookie": "a=2"})).differences
    assert (difference.location, difference.old, difference.new) == ("header:set-cookie", "a, b", "a")


def test_a_rule_is_named_and_one_that_has_expired_is_left_out() -> None:
    rule = {"at": "status", "id": "odd-status"}
    hidden = Comparator({"ignore": [rule]}).compare(Answer(200), Answer(201))
    assert (hidden.outcome, hidden.differences[0].rule) == ("ignored", "odd-status")
    expired = Comparator({"ignore": [{**rule, "until": "2001-01-01"}]}).compare(Answer(200), Answer(201))
    assert expired.outcome == "mismatch"


def test_wrong_rules_are_told_like_those_of_a_file() -> None:
    with pytest.raises(BadConfigError) as caught:
        Comparator({"ignroe": ["$.a"], "ignore": ["nowhere"]})
    first, second = str(caught.value).splitlines()
    assert first.startswith("compare.ignore[0].at: expected a location: `status`, `body`")
    assert first.endswith("got `nowhere`")
    assert second == "compare.ignroe: unknown key; did you mean `ignore`?"
    with pytest.raises(BadConfigError, match=r"^compare: .*\$\[.*expected"):
        Comparator({"ignore": ["$["]})


@pytest.mark.parametrize("rules", [[1], [], "ab", "", 0, {"ignore"}])
def test_rules_that_are_no_mapping_are_refused(rules: Any) -> None:
    with pytest.raises(BadConfigError, match=r"^compare: expected a mapping of keys to values"):
        Comparator(rules)


def test_rules_may_be_any_mapping() -> None:
    rules = MappingProxyType({"ignore": ["status"]})
    assert Comparator(rules).compare(Answer(200), Answer(201)).outcome == "ignored"


def test_two_rules_with_one_id_are_refused_as_in_a_file() -> None:
    with pytest.raises(BadConfigError) as caught:
        Comparator({"ignore": [{"at": "$.a", "id": "x"}], "case": [{"at": "$.b", "id": "x"}]})
    assert str(caught.value) == "compare.case[0].id: already the id of another rule (ignore $.a)"
    Comparator({"ignore": ["$.a", "$.a"]})  # said twice, yet one rule


def test_a_header_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match='header "a b"'):
        Comparator().compare(Answer(headers={"a b": "1"}), Answer())
    for value in ("a\nb", "\ud800"):
        with pytest.raises(ValueError, match=r"header|surrogate"):
            Comparator().compare(Answer(headers={"location": value}), Answer())


@pytest.mark.parametrize("status", [-1, 65_536, 70_000, 10**30])
def test_a_status_out_of_range_is_refused(status: int) -> None:
    for old, new in ((status, 200), (200, status)):
        with pytest.raises(ValueError, match=f"^status {status}: expected 0 to 65535$"):
            Comparator().compare(Answer(old), Answer(new))
    assert Comparator().compare(Answer(0), Answer(65_535)).outcome == "mismatch"


@pytest.mark.parametrize(("old", "new"), [("/é", "/è"), ("/é", "/Ã©"), ("/€", "/â\x82¬")])
def test_texts_of_headers_are_compared_and_shown_as_they_are(old: str, new: str) -> None:
    (found,) = Comparator().compare(Answer(headers={"location": old}), Answer(headers={"location": new})).differences
    assert (found.old, found.new) == (old, new), "also where one is what the other becomes when it is read wrongly"


@pytest.mark.parametrize("words", [comparator.Kind, comparator.Outcome, comparator.Cap])
def test_the_words_are_those_of_the_core(words: object) -> None:
    assert all(f'=> "{word}"' in SOURCE for word in get_args(words))
    named = sum(len(get_args(each)) for each in (comparator.Kind, comparator.Outcome, comparator.Cap))
    assert named == SOURCE.count('=> "')


def test_it_brings_nothing_heavy_along() -> None:
    heavy = {"sqlalchemy", "fastapi", "uvicorn", "scipy", "numpy", "apprise", "httpx", "rich", "typer", "structlog"}
    command = "import sys, parallelrun.compare; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout.split()
    assert "parallelrun._core" in loaded
    assert not heavy.intersection(loaded)
