"""Plain data as the YAML that a person would have written."""

import re
from collections.abc import Mapping, Sequence

Plain = str | float | None | Mapping[str, "Plain"] | Sequence["Plain"]
"""What can be written: text, numbers, nothing, and mappings and lists of it."""

_PLAIN = re.compile(r"[A-Za-z$][A-Za-z0-9_.$/\[\]*{}-]*(?: [A-Za-z0-9_./{}-]+)*(?::[A-Za-z0-9-]+)?")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Not text to every reader of YAML."""
_FLOW = re.compile(r"[\[\]{}]")
"""What ends a plain text between brackets."""


def block(value: Plain, indent: int = 2) -> list[str]:
    """The lines of a mapping or list, or the one line of anything else; `indent` is how much each level goes in."""
    if isinstance(value, Mapping) and value:
        return [line for key, item in value.items() for line in _entry(key, item, indent)]
    if isinstance(value, Sequence) and value and not isinstance(value, str):
        return [line for item in value for line in _item(block(item, indent))]
    return [flow(value)]


def flow(value: Plain) -> str:
    """All in one line, between brackets where it is a mapping or a list."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and _FLOW.search(value):
        return _quoted(value)
    return _scalar(value)


def _entry(key: str, value: Plain, indent: int) -> list[str]:
    if value and isinstance(value, Mapping | Sequence) and not isinstance(value, str):
        return [f"{key}:", *(" " * indent + line for line in block(value, indent))]
    return [f"{key}: {_scalar(value) if isinstance(value, str) else flow(value)}"]


def _item(lines: list[str]) -> list[str]:
    return [f"- {lines[0]}", *(f"  {line}" for line in lines[1:])]


def _scalar(value: str | float | None) -> str:
    """By hand, since PyYAML takes half a millisecond for it and there may be ten thousand."""
    if isinstance(value, float):
        mantissa, e, exponent = repr(value).partition("e")
        return f"{mantissa}{'' if '.' in mantissa else '.0'}{e}{exponent}"  # YAML 1.1 takes `1e-05` for a text
    if value is None:
        return "null"
    return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else _quoted(value)


def _quoted(value: str) -> str:
    return '"' + "".join(_escaped(char) for char in value) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
