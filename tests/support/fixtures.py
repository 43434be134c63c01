"""The types of what the fixtures in tests/conftest.py hand out."""

from collections.abc import Callable
from dataclasses import dataclass

from .exchange import Behaviour
from .h2_origin import H2Origin
from .light import LightProcess
from .origin import Origin
from .process import OriginProcess
from .proxy import RunningProxy

MakeOrigin = Callable[..., Origin]
MakeH2Origin = Callable[..., H2Origin]
MakeProcess = Callable[..., OriginProcess]
LightSides = tuple[LightProcess, LightProcess]
"""The old and the new side."""
StartProxy = Callable[..., RunningProxy]


@dataclass
class Upstreams:
    """The two origins of a test."""

    old: Origin
    new: Origin

    def on(self, path: str, behaviour: Behaviour) -> None:
        """Scripts a path the same on both sides."""
        self.old.on(path, behaviour)
        self.new.on(path, behaviour)

    @property
    def both(self) -> tuple[Origin, Origin]:
        return (self.old, self.new)
