"""The command line beats the environment, the environment beats the file; each value remembers where it came from."""

from dataclasses import dataclass, field
from typing import Any

from parallelrun.config.positions import KeyPath
from parallelrun.config.problem import Problem, key_text
from parallelrun.config.sides import plain_side

_SIDES: frozenset[KeyPath] = frozenset({("old",), ("new",)})


Origin = tuple[str, int | None]
"""A file and a line in it, or an environment variable or the command line, which have no lines."""


@dataclass
class Layers:
    """Settings put on top of each other.

    Args:
        data: what they amount to.
        origins: for each path at which a layer said something, that layer's name and the line in it, if it has lines.
        root: the same for what no layer says anything about.
    """

    data: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, Origin] = field(default_factory=dict)
    root: Origin = ("command line", None)

    def put(self, path: KeyPath, value: Any, origin: str) -> None:
        """Puts one setting on top; a mapping is merged into the one that is there, anything else takes the place."""
        if isinstance(value, dict) and value:
            for key, item in value.items():
                self.put((*path, key), item, origin)
            return
        parent = self.data
        for depth, key in enumerate(path[:-1]):
            # A side may be a plain URL, on top of which another layer says more.
            below = plain_side(parent.get(str(key))) if path[: depth + 1] in _SIDES else parent.get(str(key))
            parent[str(key)] = below if isinstance(below, dict) else {}
            parent = parent[str(key)]
        last = str(path[-1])
        if path in _SIDES and isinstance(value, str) and isinstance(parent.get(last), dict):
            self.put((*path, "url"), value, origin)
            return
        parent[last] = value
        for known in [known for known in self.origins if known[: len(path)] == path]:
            del self.origins[known]
        self.origins[path] = (origin, None)

    def origin(self, path: KeyPath) -> Origin:
        """Where the nearest setting at or above `path` came from."""
        nearest = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in self.origins), None)
        return self.root if nearest is None else self.origins[nearest]

    def problem(self, path: KeyPath, message: str) -> Problem:
        """A problem at `path`, placed where the nearest setting at or above it came from."""
        return Problem(*self.origin(path), key_text(path), message)
