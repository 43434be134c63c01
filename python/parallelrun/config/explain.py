"""Pydantic's findings in our words: what was expected, and which known key an unknown one comes near to."""

from datetime import date
from typing import Any

from pydantic_core import ErrorDetails

from parallelrun.config import keys
from parallelrun.config.positions import KeyPath

_EXPECTED = {
    "bool_type": "expected true or false",
    "dict_type": "expected a mapping of keys to values",
    "finite_number": "expected a finite number",
    "float_type": "expected a number",
    "int_from_float": "expected a whole number",
    "int_type": "expected a whole number",
    "mapping_type": "expected a mapping of keys to values",
    "model_attributes_type": "expected a mapping of keys to values",
    "model_type": "expected a mapping of keys to values",
    "path_type": "expected the name of a file",
    "string_too_short": "expected some text",
    "too_short": "expected at least one item",
    "tuple_type": "expected a list",
}


def path_of(error: ErrorDetails) -> KeyPath:
    """The path of the value that is wrong."""
    key = _key_named(error)
    return (*_loc(error), key) if key else _loc(error)


def _loc(error: ErrorDetails) -> KeyPath:
    return tuple(part for part in error["loc"] if part != "[key]")


def message_of(error: ErrorDetails) -> str:
    """What was expected there, and what stands there instead, unless that is a secret."""
    path, kind = path_of(error), error["type"]
    if kind == "extra_forbidden":
        near = keys.nearest(path)
        return f"unknown key; did you mean `{near}`?" if near else "unknown key"
    if kind == "missing":
        return f"missing{_example(path)}"
    expected = _expected(error)
    shown = _shown(path, error["input"])
    return f"{expected}, got {shown}" if shown else expected


def _expected(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        message = str(context["error"])
        key = _key_named(error)
        return message.removeprefix(f"{key}: ") if key else message
    if kind == "literal_error":
        return f"expected {context['expected']}"
    if kind == "string_type":
        return "expected text" if isinstance(error["input"], (list, dict)) else "expected text: put it in quotes"
    if kind == "string_pattern_mismatch":
        return f"expected text of the form {context['pattern']}"
    for comparison, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if comparison in context:
            return f"expected {words} {context[comparison]:g}"
    return _EXPECTED.get(kind, error["msg"])


def _key_named(error: ErrorDetails) -> str | None:
    """The key with which the message of a section's own check begins: it is about that one, as in `steps: expected at
    least 0.01%`.
    """
    if error["type"] != "value_error" or not isinstance(error["input"], dict):
        return None
    key, colon, _ = str(error["ctx"]["error"]).partition(": ")
    section = keys.section_at(_loc(error))
    return key if colon and section and key in keys.fields(section) else None


def _example(path: KeyPath) -> str:
    field = keys.field_at(path)
    if field is not None and field.examples:
        return f"; expected a value such as {field.examples[0]}"
    section = keys.section_at(path)
    required = {key: below for key, below in keys.fields(section).items() if below.is_required()} if section else {}
    if list(required) == ["url"]:  # a side, which may be a plain URL
        return f"; expected a URL such as {(required['url'].examples or [''])[0]}"
    return f"; expected a mapping with `{'`, `'.join(required)}`" if required else ""


def _shown(path: KeyPath, value: Any) -> str | None:
    if isinstance(value, (dict, list)) or keys.secret(path) or "@" in str(value):
        return None  # too long, or a secret: a URL with an `@` holds a password
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float, date)):
        return str(value)
    text = str(value)
    return f"`{text if len(text) <= 60 else text[:59] + '…'}`"
