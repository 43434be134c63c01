"""The tables of docs/reference/configuration.md."""

from datetime import date
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BeforeValidator, SecretStr
from pydantic.fields import FieldInfo

from parallelrun.config import keys, units
from parallelrun.config.model import Config
from parallelrun.config.positions import KeyPath
from parallelrun.config.section import Section
from parallelrun.config.snapshot import FIXED

_UNITS: dict[Any, tuple[str, Any]] = {
    units.parse_duration: ("duration", units.format_duration),
    units.parse_size: ("size", units.format_size),
    units.parse_share: ("percent", units.format_share),
    units.parse_address: ("ADDRESS:PORT", str),
}
_PLAIN = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    SecretStr: "text",
    date: "date",
    Path: "file",
}


def fixed() -> str:
    """The settings that only a new process takes over."""
    return ", ".join(f"`{key}`" for key in FIXED) + "."


def settings() -> str:
    """A table for each section of the configuration, in the order of the file."""
    parts = [_table("Top level", Config, set())]
    done: set[type[Section]] = {Config}
    for path, field in keys.every_path():
        section = keys.section_in(field.annotation)
        if section and section not in done:
            parts.append(_table(_heading(path), section, done))
            done.add(section)
    return "\n\n".join(parts)


def _heading(path: KeyPath) -> str:
    """`routes[].match`; the section of both sides carries both names."""
    names = [
        f"{key}[]" if keys.is_list(field.annotation) else str(key)
        for key, field in zip(path, keys.chain(path), strict=True)
    ]
    text = ".".join(names)
    return (
        " and ".join(f"`{each}`" for each in (text, text.replace("old", "new", 1))) if path[0] == "old" else f"`{text}`"
    )


def _table(heading: str, section: type[Section], done: set[type[Section]]) -> str:
    """One section; what it shares with one that is there already is not repeated."""
    known = next((keys.fields(base) for base in section.__mro__[1:] if base in done), {})
    shared = f"Beside {', '.join(f'`{key}`' for key in known)}:" if known else ""
    intro = [" ".join((section.__doc__ or "").split()), shared]
    head = [f"## {heading}", "", " ".join(filter(None, intro)), ""]
    head += ["| key | value | default | example | meaning |", "| --- " * 5 + "|"]
    rows = [_row(key, field) for key, field in keys.fields(section).items() if key not in known]
    return "\n".join(head + rows)


def _row(key: str, field: FieldInfo) -> str:
    meaning = " ".join((field.description or "").split())
    example = _code(field.examples[0]) if field.examples else ""
    cells = [f"`{key}`", _kind(field.annotation, field.metadata), _default(field), example, meaning]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _kind(annotation: Any, metadata: list[Any]) -> str:
    """What stands there, in a word or two."""
    unit = _unit(metadata)
    origin = get_origin(annotation)
    arguments = [each for each in get_args(annotation) if each is not type(None)]
    if unit:
        kind = unit[0]
    elif origin is Annotated:
        kind = _kind(arguments[0], arguments[1:])
    elif origin is Literal:
        kind = ", ".join(f"`{each}`" for each in arguments)
    elif origin in (Union, UnionType):
        kind = " or ".join(_kind(each, []) for each in arguments)
    elif origin is tuple:
        kind = f"list, each: {_kind(arguments[0], [])}"
    else:
        kind = "mapping" if keys.section_in(annotation) else _PLAIN.get(annotation, "mapping of header to text")
    return kind


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    value = field.get_default(call_default_factory=True)
    if value in (None, (), {}) or isinstance(value, Section):
        return ""
    if isinstance(value, tuple):
        (item, *_) = get_args(field.annotation)
        return _code([_written(each, list(get_args(item)[1:])) for each in value])
    return _code(_written(value, field.metadata))


def _written(value: Any, metadata: list[Any]) -> Any:
    unit = _unit(metadata)
    return unit[1](value) if unit else value


def _unit(metadata: list[Any]) -> tuple[str, Any] | None:
    functions = [each.func for each in metadata if isinstance(each, BeforeValidator)]
    return next((_UNITS[function] for function in functions if function in _UNITS), None)


def _code(value: Any) -> str:
    """A value as it would be written in the file."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False, allow_unicode=True)
    return f"`{text.removesuffix(chr(10)).removesuffix('...').strip()}`"
