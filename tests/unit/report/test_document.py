"""Bodies as lines."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from parallelrun._core import Comparator
from parallelrun.api.models import Body
from parallelrun.web.document import Line, lines
from tests.support.proxy import NO_RULES

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=130), inner, max_size=4),
    max_leaves=15,
)
NONE = Comparator(json.dumps(NO_RULES))


def body(text: str, *, truncated: bool = False) -> Body:
    return Body(text=text, base64=None, bytes=len(text.encode()), truncated=truncated, hash="00")


def test_json_is_laid_out_with_the_place_of_each_line() -> None:
    text = '{"b": [1.50, {"a b": null}], "a": {}, "a": 1e400}'
    assert lines(body(text)) == [
        Line("{", "$"),
        Line('  "a": {},', "$.a"),
        Line('  "a": 1e400,', "$.a", 1),
        Line('  "b": [', "$.b"),
        Line("    1.50,", "$.b[*]"),
        Line("    {", "$.b[*]"),
        Line('      "a b": null', "$.b[*]['a b']"),
        Line("    }", "$.b[*]"),
        Line("  ]", "$.b"),
        Line("}", "$"),
    ]


@given(JSON)
def test_the_lines_are_the_document(value: Any) -> None:
    text = "\n".join(line.text for line in lines(body(json.dumps(value))))
    assert json.loads(text) == value


@given(st.dictionaries(st.text(max_size=130), st.text(max_size=3), min_size=1, max_size=3))
def test_places_are_named_as_the_core_names_them(value: dict[str, str]) -> None:
    old, new = json.dumps({"x": [value]}), json.dumps({"x": [{}]})
    headers = [("content-type", "application/json")]
    compared = json.loads(NONE.compare((200, headers, old.encode()), (200, headers, new.encode())))
    named = {one["location"] for one in compared["differences"] if one["kind"] == "missing"}
    assert named
    assert named <= {line.path for line in lines(body(old))}


def test_what_is_no_json_stays_as_it_is() -> None:
    assert lines(body("<p>\nx")) == [Line("<p>"), Line("x")]
    assert lines(body("[" * 5000 + "]" * 5000))[0].path is None
    assert lines(body('{"a": ', truncated=True))[-1].text == "… cut: the whole body has 6 bytes"
    assert lines(None) == []
    binary = Body(text=None, base64="AAE=", bytes=2, truncated=False, hash="abcd")
    assert lines(binary) == [Line("2 bytes that are no text, hash abcd")]
    assert len(lines(body("[" + "1," * 60_000 + "1]"))) == 20_001
