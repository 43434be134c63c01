"""Editing a YAML text: what it says afterwards, and that everything else in it stays."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parallelrun.config.edit import EditError, insert, remove
from parallelrun.config.positions import KeyPath, parse
from parallelrun.config.written import Plain
from tests.support.styled_yaml import TEXTS, Written

RULE: Plain = {"at": "$.new[0].a", "absolute": 0.5, "reason": "why: [no]"}
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
KINDS = ("ignore", "unordered", "case")

rules = st.one_of(
    st.sampled_from(TEXTS),
    st.fixed_dictionaries(
        {"at": st.sampled_from(TEXTS)}, optional={"by": st.sampled_from(TEXTS), "absolute": st.just(1.5)}
    ),
)
compares = st.one_of(
    st.none(),
    st.dictionaries(st.sampled_from(KINDS), st.one_of(st.none(), st.lists(rules, max_size=3)), max_size=3),
)
routes = st.fixed_dictionaries(
    {"match": st.sampled_from(TEXTS)}, optional={"compare": compares, "mirror": st.just(False)}
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "old": st.one_of(st.sampled_from(TEXTS), st.fixed_dictionaries({"url": st.sampled_from(TEXTS)})),
        "compare": compares,
        "routes": st.one_of(st.none(), st.lists(routes, max_size=2)),
        "limits": st.fixed_dictionaries({"body": st.just("1MiB")}),
    },
)


def shuffled(draw: st.DrawFn, data: dict[str, Any]) -> dict[str, Any]:
    return dict(draw(st.permutations(list(data.items()))))


@st.composite
def texts(draw: st.DrawFn, *, with_a_rule: bool = False) -> Written:
    data: dict[str, Any] = draw(documents)
    if with_a_rule and not every_rule(data):
        data["compare"] = {draw(st.sampled_from(KINDS)): [draw(rules)]}
    data = shuffled(draw, data)
    if isinstance(data.get("routes"), list):
        data["routes"] = [shuffled(draw, route) for route in data["routes"]]
    return Written(draw, data)


@st.composite
def places_to_put(draw: st.DrawFn) -> tuple[Written, KeyPath]:
    written = draw(texts())
    kind = draw(st.sampled_from(KINDS))
    among: list[KeyPath] = [("compare", kind), ("routes",)]
    among += [("routes", index, "compare", kind) for index in range(len(written.data.get("routes") or ()))]
    return written, draw(st.sampled_from(among))


def every_rule(data: dict[str, Any]) -> list[KeyPath]:
    above: list[tuple[KeyPath, Any]] = [(("compare",), data.get("compare"))]
    above += [(("routes", i, "compare"), each.get("compare")) for i, each in enumerate(data.get("routes") or ())]
    return [
        (*path, kind, index)
        for path, compare in above
        for kind, listed in (compare or {}).items()
        for index in range(len(listed or ()))
    ]


def removed_with(data: dict[str, Any], path: KeyPath) -> KeyPath:
    """The path of all that goes with the item at `path`."""
    while len(path) > 1 and len(at(data, path[:-1])) == 1:
        path = path[:-1]
    return path


def at(data: Any, path: KeyPath) -> Any:
    for key in path:
        data = data[key]
    return data


def put(data: dict[str, Any], path: KeyPath, item: Any) -> dict[str, Any]:
    """By hand what `insert` does to what a text says."""
    whole = deepcopy(data)
    place: Any = whole
    for key in path[:-1]:
        if isinstance(place, dict) and place.get(key) is None:
            place[key] = {}
        place = place[key]
    place[path[-1]] = [*(place.get(path[-1]) or ()), item]
    return whole


def pruned(data: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    whole = deepcopy(data)
    del at(whole, path[:-1])[path[-1]]
    return whole


def said(text: str) -> Any:
    document = parse(text)
    assert not document.faults, (document.faults, text)
    return document.data or {}


def differ_in_one_piece(shorter: str, longer: str) -> bool:
    """Whether `longer` is `shorter` with something put in at one place."""
    same = next((i for i, (one, other) in enumerate(zip(shorter, longer, strict=False)) if one != other), len(shorter))
    return longer.endswith(shorter[same:])


@patient
@given(places_to_put())
def test_what_is_put_in_is_all_that_changes(place: tuple[Written, KeyPath]) -> None:
    written, path = place
    assert said(written.text) == written.data
    changed = insert(written.text, path, RULE)
    assert said(changed) == put(written.data, path, RULE)
    if not any("null" in line for line in written.text.splitlines()):
        assert differ_in_one_piece(written.text, changed)
    assert all(comment in changed for comment in written.comments)


@patient
@given(places_to_put())
def test_what_was_put_in_comes_out_again_without_a_trace(place: tuple[Written, KeyPath]) -> None:
    written, path = place
    changed = insert(written.text, path, RULE)
    whole = said(changed)
    index = len(at(whole, path)) - 1
    again = remove(changed, (*path, index))
    created = removed_with(whole, (*path, index))
    assert said(again) == pruned(whole, created)
    if said(again) == written.data:
        assert again.rstrip() == written.text.rstrip()


@st.composite
def rules_to_remove(draw: st.DrawFn) -> tuple[Written, KeyPath]:
    written = draw(texts(with_a_rule=True))
    return written, draw(st.sampled_from(every_rule(written.data)))


@patient
@given(rules_to_remove())
def test_what_is_taken_out_takes_nothing_else_with_it(place: tuple[Written, KeyPath]) -> None:
    written, path = place
    changed = remove(written.text, path)
    gone = removed_with(written.data, path)
    assert said(changed) == pruned(written.data, gone)
    assert differ_in_one_piece(changed, written.text)
    kept = [comment for comment, of in written.comments.items() if of[: len(gone)] != gone]
    assert all(comment in changed for comment in kept)


BEFORE = """\
# top
old: http://a   # serves
new: {url: "http://b",   timeout: 10s}

compare:
  # noise
  ignore:
  - $.a        # why
  - {at: $.b,
     reason: 'x'}

  # --- lists ---
  unordered: [ {at: $.items, by: id} ]

# --- routes ---
routes:
    - match: GET /search      # slow
      compare:
          case: [
             $.hits,   # a
             $.more,   # b
          ]
"""


@pytest.mark.parametrize(
    ("path", "behind", "added"),
    [
        (("compare", "ignore"), "reason: 'x'}\n", "  - at: $.c\n    by: id\n"),
        (("compare", "unordered"), "by: id}", ", {at: $.c, by: id}"),
        (("compare", "case"), "by: id} ]\n", "  case:\n    - at: $.c\n      by: id\n"),
        (("routes", 0, "compare", "case"), "$.more", ", {at: $.c, by: id}"),
        (("redact", "json"), BEFORE, "redact:\n  json:\n    - at: $.c\n      by: id\n"),
    ],
)
def test_where_it_is_put_and_how(path: KeyPath, behind: str, added: str) -> None:
    before, _, after = BEFORE.partition(behind)
    assert insert(BEFORE, path, {"at": "$.c", "by": "id"}) == before + behind + added + after


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        (("compare", "ignore", 0), "  - $.a        # why\n"),
        (("compare", "ignore", 1), "  - {at: $.b,\n     reason: 'x'}\n"),
        (("compare", "unordered", 0), "  unordered: [ {at: $.items, by: id} ]\n"),
        (("routes", 0, "compare", "case", 0), "             $.hits,   # a\n"),
        (("routes", 0, "compare", "case", 1), "             $.more,   # b\n"),
    ],
)
def test_what_goes(path: KeyPath, gone: str) -> None:
    before, found, after = BEFORE.partition(gone)
    assert found
    assert remove(BEFORE, path) == before + after


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "compare:\n  case:\n    - at: $\n"),
        ("# nothing yet", "# nothing yet\ncompare:\n  case:\n    - at: $\n"),
        ("a: 1\r\n", "a: 1\r\ncompare:\r\n  case:\r\n    - at: $\r\n"),
        ("---\na: 1\n...\n", "---\na: 1\ncompare:\n  case:\n    - at: $\n...\n"),
        ("compare: ~  # none\na: 1\n", "compare:  # none\n  case:\n    - at: $\na: 1\n"),
        ("compare:\n  # case: [$.a]\n", "compare:\n  case:\n    - at: $\n  # case: [$.a]\n"),
        ("a:\n    b: 1\n", "a:\n    b: 1\ncompare:\n    case:\n        - at: $\n"),
        (
            "compare:\n  case:\n  - at: $.a\n    reason: |\n      why\na: 1\n",
            "compare:\n  case:\n  - at: $.a\n    reason: |\n      why\n  - at: $\na: 1\n",
        ),
        ("{}", "{compare: {case: [{at: $}]}}"),
        ("{a: 1,}", "{a: 1, compare: {case: [{at: $}]},}"),
        ("{compare: null}", "{compare: {case: [{at: $}]}}"),
        ('{"a": 1, "compare": {"case": []}}', '{"a": 1, "compare": {"case": [{at: $}]}}'),
    ],
)
def test_what_was_not_there_is_made(text: str, expected: str) -> None:
    assert insert(text, ("compare", "case"), {"at": "$"}) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not valid YAML"),
        ("a: 1\na: 2\n", "line 2: given twice"),
        ("a: &x [$.a]\ncompare: {case: *x}\n", "cannot be changed here"),
        ("compare: {case: $.a}\n", "something else than a list or mapping"),
        ("- compare\n", "cannot be changed here"),
    ],
)
def test_what_it_does_not_understand_it_leaves_alone(text: str, message: str) -> None:
    with pytest.raises(EditError, match=message):
        insert(text, ("compare", "case"), {"at": "$"})


def test_what_is_not_there_cannot_be_taken_out() -> None:
    with pytest.raises(EditError, match="no such item"):
        remove(BEFORE, ("compare", "ignore", 2))


@patient
@given(texts(), st.text(max_size=3), st.integers(0, 400))
def test_a_text_with_any_slip_in_it_is_edited_right_or_refused(written: Written, slip: str, where: int) -> None:
    text = written.text[:where] + slip + written.text[where:]
    try:
        changed = insert(text, ("compare", "case"), RULE)
    except EditError:
        return
    assert said(changed) == put(said(text), ("compare", "case"), RULE)
