"""YAML as people write it: in blocks and between brackets, quoted or not, with comments everywhere."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from parallelrun.config.positions import KeyPath

TEXTS = (
    "$.items[*].id", "plain", "a: b", "it's", 'a "word"', "x # y", "true", "1e5", "- a", "é ☃", "", "[a]", "{a: 1}",
    "~", "two\nlines\n",
)  # fmt: skip


@dataclass
class Written:
    """A YAML text in a style of somebody's own, and what it says.

    Args:
        data: what it says.
        comments: each comment, by the entry that it stands in front of, or behind which it stands.
    """

    draw: st.DrawFn
    data: dict[str, Any]
    comments: dict[str, KeyPath] = field(default_factory=dict)
    text: str = ""

    def __post_init__(self) -> None:
        flow = self._maybe(8)
        lines = self._flow_lines(self.data, ()) if flow else self._block(self.data, ())
        self.text = "\n".join(lines)
        if "|" in self.text or not self._maybe(8):  # without it, the end of a literal text would mean another one
            self.text += "\n"
        if self._maybe(8):
            self.text = self.text.replace("\n", "\r\n")

    def _maybe(self, times: int) -> bool:
        return self.draw(st.integers(1, times)) == times

    def _comment(self, path: KeyPath) -> str:
        name = f"# {len(self.comments)}, of {'.'.join(map(str, path))} - a: [x"
        self.comments[name] = path
        return name

    def _before(self, path: KeyPath) -> list[str]:
        blank = [""] if self._maybe(6) else []
        return blank + [self._comment(path) for _ in range(self.draw(st.sampled_from((0, 0, 0, 1, 2))))]

    def _behind(self, path: KeyPath) -> str:
        return f"{self.draw(st.sampled_from((' ', '    ')))}{self._comment(path)}" if self._maybe(4) else ""

    def _block(self, value: Any, path: KeyPath) -> list[str]:
        lines: list[str] = []
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in entries:
            below = (*path, key)
            lines += self._before(below)
            lines += self._entry(f"{key}:", item, below) if isinstance(value, dict) else self._item(item, below)
        return lines

    def _entry(self, head: str, value: Any, path: KeyPath) -> list[str]:
        if value is None:
            return [head + self._behind(path)]
        if isinstance(value, dict | list) and value and not self._maybe(3):
            indent = self.draw(st.sampled_from((2, 4, 1)))
            if isinstance(value, list) and self._maybe(3):
                indent = 0
            return [head + self._behind(path), *(" " * indent + line for line in self._block(value, path))]
        if isinstance(value, str) and value.endswith("\n"):
            return [f"{head} |{self._behind(path)}", *(f"  {line}" for line in value.splitlines())]
        first, *rest = self._flow_lines(value, path)
        return [f"{head} {first}", *rest]

    def _item(self, value: Any, path: KeyPath) -> list[str]:
        if isinstance(value, dict) and value and not self._maybe(3):
            gap = self.draw(st.sampled_from(("", "  ")))
            first, *rest = self._block(value, path) if self._maybe(3) else self._plain_first(value, path)
            return [f"- {gap}{first}", *(f"  {gap}{line}" for line in rest)]
        first, *rest = self._flow_lines(value, path)
        return [f"- {first}", *rest]

    def _plain_first(self, value: Any, path: KeyPath) -> list[str]:
        lines = self._block(value, path)
        while lines[0].startswith("#") or not lines[0]:
            self.comments.pop(lines.pop(0), None)
        return lines

    def _flow_lines(self, value: Any, path: KeyPath) -> list[str]:
        """Of a value in one line or, between brackets, in several; the first one goes where the value begins."""
        if not isinstance(value, dict | list):
            return [self._scalar(value) + self._behind(path)]
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        entries = list(value.items() if isinstance(value, dict) else enumerate(value))
        texts = [
            f"{key}: {self._inline(each)}" if isinstance(value, dict) else self._inline(each) for key, each in entries
        ]
        if not entries or not self._maybe(2):
            comma = "," if entries and self._maybe(4) else ""
            space = " " if self._maybe(3) else ""
            return [f"{opening}{space}{', '.join(texts)}{comma}{space}{closing}{self._behind(path)}"]
        lines = [opening + self._behind(path)]
        for index, ((key, _), text) in enumerate(zip(entries, texts, strict=True)):
            lines += [f"    {line}" for line in self._before((*path, key))]
            comma = "," if index < len(entries) - 1 or self._maybe(2) else ""
            lines.append(f"    {text}{comma}{self._behind((*path, key))}")
        return [*lines, f"    {closing}"]

    def _inline(self, value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key}: {self._inline(each)}" for key, each in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self._inline, value)) + "]"
        return self._scalar(value)

    def _scalar(self, value: Any) -> str:
        if value is None:
            return "null"
        if not isinstance(value, str):
            return str(value)
        style = self.draw(st.sampled_from(("plain", "single", "double")))
        if style == "plain" and value in ("plain", "é ☃"):
            return value
        if style == "single" and "\n" not in value:
            return "'" + value.replace("'", "''") + "'"
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
