"""YAML with positions."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelrun.config.positions import parse


def test_each_key_and_item_has_its_line() -> None:
    document = parse("a: 1\nb:\n  c: x\n  d:\n    - 1\n    - {e: 2,\n       f: 3}\n")
    assert document.data == {"a": 1, "b": {"c": "x", "d": [1, {"e": 2, "f": 3}]}}
    assert document.lines[("b", "c")] == 3
    assert document.lines[("b", "d", 1)] == 6
    assert document.lines[("b", "d", 1, "f")] == 7


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("on", "on"),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("0.0.0.0:8080", "0.0.0.0:8080"),
        ("2027-03-01", "2027-03-01"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("10%", "10%"),
        ("99999999999999999999999", 99999999999999999999999.0),
        ("nan", "nan"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    parsed = parse(f"a: {text}").data["a"]
    assert (parsed, type(parsed)) == (value, type(value))


def test_a_key_given_twice_is_a_fault() -> None:
    document = parse("a: 1\nb: {c: 1, c: 2}\na: 2\n")
    assert document.data == {"a": 1, "b": {"c": 1}}
    assert [(fault.line, fault.path, fault.message) for fault in document.faults] == [
        (2, ("b", "c"), "given twice; first on line 2"),
        (3, ("a",), "given twice; first on line 1"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: [1\nb: 2\n", 2, "not valid YAML"),
        ("a: 1\n  b: 2\n", 2, "not valid YAML"),
        ("a: 1\n---\nb: 1\n", 2, "not valid YAML"),
        ("a: 1\nb: \x00\n", 2, "not valid YAML"),
        ("a: &x [*x]\n", 1, "too large"),
        ("a: !mine {b: 1}\n", 1, "unknown tag !mine"),
        ("a: !!python/object:os.system x\n", 1, "unknown tag"),
        ("[1]: 2\n", 1, "plain key"),
    ],
)
def test_what_cannot_be_read_is_a_fault(text: str, line: int, message: str) -> None:
    (fault, *_) = parse(text).faults
    assert fault.line == line
    assert message in fault.message


def test_aliases_do_not_grow_without_bound() -> None:
    levels = "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9))
    document = parse("a: &a [1]\n" + levels)
    assert [fault.message.split(":")[0] for fault in document.faults] == ["too large"]


def test_an_empty_text_is_an_empty_document() -> None:
    assert parse("# nothing\n").data is None


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cn", "Co", "Cs", "Zl", "Zp")), max_size=20)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(_VALUES)
def test_json_is_read_as_it_is_meant(value: object) -> None:
    document = parse(json.dumps({"value": value}, ensure_ascii=False))
    assert (document.data, document.faults) == ({"value": value}, [])
