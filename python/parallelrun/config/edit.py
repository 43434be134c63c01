"""Puts an item into a list of a YAML text, or takes one away; every other byte of the text stays as it is.

A splice at the positions that the parser tells, rather than a round trip through a library: ruamel.yaml (0.19) drops
the comments inside a list between brackets, takes the heading of the next section away with the last item before it,
puts a new item below that heading, and sets the spaces of all the rest anew.

Whatever the text looks like, the result says exactly what it should, or there is none: it is read again and compared.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from parallelrun.config.positions import KeyPath, parse, parse_scalar
from parallelrun.config.written import Plain, block, flow

_COMMA = re.compile(r"\s*,[ \t]*")
_NOTHING_ELSE = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)|\r\n")
"""The rest of a line that holds nothing, or a comment."""
_INDENT = 2
"""How much a level goes in, where the text does not show it."""


class EditError(ValueError):
    """The text cannot be changed in this way, and is as it was. The message says why, in one line."""


def insert(text: str, path: KeyPath, item: Plain) -> str:
    """Puts `item` at the end of the list at `path`. Where there is no such list, it is made, with all above it.

    Raises:
        EditError: the text is no YAML, or puts it in a way that this does not understand.
    """
    return _checked(_inserted(text, _Tree(text), path, item), _with(_data(text), path, item))


def remove(text: str, path: KeyPath) -> str:
    """Takes the list item at `path` away, and with the last one the list; what is left empty above it goes too.

    Comments on lines of their own stay.

    Raises:
        EditError: there is no such item, or the text puts it in a way that this does not understand.
    """
    tree = _Tree(text)
    nodes = tree.along(path)
    if len(nodes) <= len(path):
        raise EditError("there is no such item")
    length = len(path)
    while length > 1 and len(nodes[length - 1].value) == 1:
        length -= 1
    begin, end = (_flow_cut if _is_flow(nodes[:length]) else _block_cut)(text, nodes[length - 1], path[length - 1])
    return _checked(text[:begin] + text[end:], _without(_data(text), path[:length]))


# --- the text ---------------------------------------------------------------------------------------------------------


class _Tree:
    """What a text holds, with positions."""

    def __init__(self, text: str) -> None:
        try:
            self.root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise EditError(f"not valid YAML: {' '.join(str(error).split())}") from None

    def along(self, path: KeyPath) -> list[yaml.Node]:
        """The nodes from the root to `path`, as far as there are any."""
        nodes = [self.root] if self.root else []
        for key in path if nodes else ():
            below = next((value for name, _, value in _entries(nodes[-1]) if name == key), None)
            if below is None:
                break
            nodes.append(below)
        return nodes

    @property
    def indent(self) -> int:
        """How much a level goes in: as much as the first one of the text does."""
        entries = _entries(self.root) if self.root else ()
        below = (value for _, _, value in entries if isinstance(value, yaml.MappingNode))
        return next((_column(node) for node in below if not node.flow_style), _INDENT)


def _entries(node: yaml.Node) -> Iterator[tuple[str | int, yaml.Node, yaml.Node]]:
    """Of a mapping or list: name, the node where the entry begins, and its value."""
    if isinstance(node, yaml.MappingNode):
        yield from ((key.value, key, value) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((index, item, item) for index, item in enumerate(node.value))


def _is_flow(nodes: list[yaml.Node]) -> bool:
    return any(isinstance(node, yaml.CollectionNode) and node.flow_style for node in nodes)


def _column(node: yaml.Node) -> int:
    """Where the entries of a block begin: for a list, the column of its dashes."""
    first = node.value[0][0] if isinstance(node, yaml.MappingNode) and node.value else node
    return int(first.start_mark.column)


def _end(node: yaml.Node) -> int:
    """Where the node ends; for a block PyYAML tells where the next one begins, behind the comments between them."""
    if not isinstance(node, yaml.CollectionNode) or node.flow_style:
        return int(node.end_mark.index)
    return _end(list(_entries(node))[-1][2])


def _line_end(text: str, position: int) -> int:
    """The beginning of the next line; `position` itself where it is one, as behind a block of literal text."""
    if text[position - 1 : position] == "\n":
        return position
    return text.find("\n", position) + 1 or len(text)


# --- putting in -------------------------------------------------------------------------------------------------------


def _inserted(text: str, tree: _Tree, path: KeyPath, item: Plain) -> str:
    nodes = tree.along(path)
    found = max(0, len(nodes) - 1)
    value: Plain = [item]
    for key in reversed(path[found:]):
        value = {str(key): value}
    last = nodes[-1] if nodes else None
    match last:
        case yaml.CollectionNode() if _is_flow(nodes):
            entry = flow(value).strip()[1:-1]
            if not last.value:
                return _spliced(text, last.start_mark.index + 1, entry)
            return _spliced(text, _end(list(_entries(last))[-1][2]), f", {entry}")
        case yaml.CollectionNode():
            return _with_lines(text, _end(last), _column(last), block(value, tree.indent))
        case yaml.ScalarNode() if last.style is None and parse_scalar(last.value) is None:
            text, at = _without_null(text, last)
            if _is_flow(nodes):
                return _spliced(text, at, f" {flow(value)}")
            column = _column(nodes[-2]) + tree.indent if found else 0
            return _with_lines(text, at, column, block(value, tree.indent))
        case None:
            return _with_lines(text, len(text), 0, block(value, tree.indent))
    raise EditError("something else than a list or mapping stands there")


def _without_null(text: str, node: yaml.Node) -> tuple[str, int]:
    """The text without a null that is written out, and where something else may stand instead."""
    begin, end = node.start_mark.index, node.end_mark.index
    begin = len(text[:begin].rstrip(" ")) if end > begin else begin
    return text[:begin] + text[end:], begin


def _spliced(text: str, position: int, added: str) -> str:
    return text[:position] + added + text[position:]


def _with_lines(text: str, position: int, column: int, lines: list[str]) -> str:
    """Lines of their own below the one of `position`."""
    newline = "\r\n" if "\r\n" in text else "\n"
    at = _line_end(text, position)
    added = "".join(f"{' ' * column}{line}{newline}" for line in lines)
    return _spliced(text, at, added if text[:at].endswith("\n") or not at else newline + added)


# --- taking out -------------------------------------------------------------------------------------------------------


def _block_cut(text: str, node: yaml.Node, key: str | int) -> tuple[int, int]:
    """From where to where an entry of a block stands, with what follows in its last line."""
    first, value = next((first, value) for name, first, value in _entries(node) if name == key)
    begin = first.start_mark.index
    if isinstance(node, yaml.SequenceNode):
        dashes = (token.start_mark.index for token in yaml.scan(text) if isinstance(token, yaml.BlockEntryToken))
        begin = max(dash for dash in dashes if dash < begin)
    end = _line_end(text, _end(value))
    line = text.rfind("\n", 0, begin) + 1
    if not text[line:begin].strip():
        return line, end
    # The first key behind a dash: the next one takes its place.
    return begin, end + len(text[end:]) - len(text[end:].lstrip(" "))


def _flow_cut(text: str, node: yaml.Node, key: str | int) -> tuple[int, int]:
    """From where to where an entry between brackets stands, with the comma that it no longer needs."""
    entries = [(name, first.start_mark.index, _end(value)) for name, first, value in _entries(node)]
    at = next(index for index, (name, _, _) in enumerate(entries) if name == key)
    _, begin, end = entries[at]
    if at and at == len(entries) - 1 and "\n" not in text[entries[at - 1][2] : begin]:
        return entries[at - 1][2], end
    comma = _COMMA.match(text, end)
    end = comma.end() if comma else end
    line = text.rfind("\n", 0, begin) + 1
    rest = _NOTHING_ELSE.match(text, end)
    return (line, rest.end()) if rest and not text[line:begin].strip() else (begin, end)


# --- what it should say -----------------------------------------------------------------------------------------------


def _data(text: str) -> Any:
    document = parse(text)
    if document.faults:
        raise EditError(f"line {document.faults[0].line}: {document.faults[0].message}")
    return document.data


def _with(data: Any, path: KeyPath, item: Plain) -> Any:
    if not path:
        return [*(data or ()), item]
    key, below = path[0], path[1:]
    if isinstance(data, list):
        return [_with(each, below, item) if index == key else each for index, each in enumerate(data)]
    return {**(data or {}), key: _with((data or {}).get(key), below, item)}


def _without(data: Any, path: KeyPath) -> Any:
    key, below = path[0], path[1:]
    entries = enumerate(data) if isinstance(data, list) else data.items()
    kept = [(name, _without(each, below) if name == key else each) for name, each in entries if below or name != key]
    return [each for _, each in kept] if isinstance(data, list) else dict(kept)


def _checked(text: str, expected: Any) -> str:
    document = parse(text)
    if document.faults or (document.data or {}) != expected:
        raise EditError("it is written in a way that cannot be changed here, with an anchor perhaps")
    return text
