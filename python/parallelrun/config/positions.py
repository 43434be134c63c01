"""YAML with positions: the plain data of a document, and the line on which each of its keys stands.

Scalars follow the core schema of YAML 1.2: only `true` and `false` are booleans, so that `no`, `on` and `12:30` stay
text, where PyYAML by itself reads them as booleans and as a number in base 60.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

KeyPath = tuple[str | int, ...]
"""Where a value stands: the keys and list positions that lead to it."""

_DEEPEST = 32
_MOST_NODES = 100_000

_STANDARD = "tag:yaml.org,2002:"
_TAGS = frozenset({"map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value"})

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LITERALS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """Something that keeps a document from being read."""

    line: int
    path: KeyPath
    message: str


@dataclass
class Document:
    """What a YAML text says, and where.

    Args:
        data: mappings, lists, text, numbers, booleans and None.
        lines: the line, from 1, of each key and list item, by its path; `()` is the document itself.
        faults: what could not be read; `data` then lacks it.
    """

    data: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def line(self, path: KeyPath) -> int:
        """The line of the nearest place at or above `path` that the document has."""
        return next(self.lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in self.lines)


def parse(text: str) -> Document:
    """Reads one YAML document. Never raises: what is wrong is in `faults`."""
    document = Document(lines={(): 1})
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = " ".join(part for part in (error.context, error.problem) if part)
        document.faults.append(Fault(mark.line + 1 if mark else 1, (), f"not valid YAML: {message}"))
    except yaml.YAMLError as error:
        document.faults.append(Fault(_reader_line(text, error), (), f"not valid YAML: {_one_line(error)}"))
    else:
        if node is not None:
            document.data = _Builder(document).build(node, (), 0)
    return document


def parse_scalar(text: str) -> Any:
    """What an unquoted scalar of the core schema means."""
    if text in _LITERALS:
        return _LITERALS[text]
    if _INTEGER.fullmatch(text) and len(text) < 20:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _reader_line(text: str, error: yaml.YAMLError) -> int:
    position = getattr(error, "position", None)
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else 1


class _Builder:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._nodes = 0

    def build(self, node: yaml.Node, path: KeyPath, depth: int) -> Any:
        self._nodes += 1
        if depth > _DEEPEST or self._nodes > _MOST_NODES:
            # Also ends the expansion of aliases, which may be recursive or grow without bound.
            if not any(fault.message.startswith("too large") for fault in self._document.faults):
                self._fault(node, path, f"too large: deeper than {_DEEPEST} levels or more than {_MOST_NODES} values")
            return None
        if node.tag.removeprefix(_STANDARD) not in _TAGS:
            self._fault(node, path, f"unknown tag {node.tag.removeprefix(_STANDARD)}")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return list(self._sequence(node, path, depth))
        # SafeLoader resolved the tag by YAML 1.1; only whether it was quoted matters here.
        plain = isinstance(node, yaml.ScalarNode) and node.style is None
        return parse_scalar(node.value) if plain else node.value

    def _mapping(self, node: yaml.MappingNode, path: KeyPath, depth: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(key_node, path, "expected a plain key, not a list or mapping")
                continue
            key = key_node.value
            at = (*path, key)
            if key in mapping:
                self._fault(key_node, at, f"given twice; first on line {self._document.lines[at]}")
                continue
            self._document.lines[at] = key_node.start_mark.line + 1
            mapping[key] = self.build(value_node, at, depth + 1)
        return mapping

    def _sequence(self, node: yaml.SequenceNode, path: KeyPath, depth: int) -> Iterator[Any]:
        for index, item in enumerate(node.value):
            at = (*path, index)
            self._document.lines[at] = item.start_mark.line + 1
            yield self.build(item, at, depth + 1)

    def _fault(self, node: yaml.Node, path: KeyPath, message: str) -> None:
        self._document.faults.append(Fault(node.start_mark.line + 1, path, message))
