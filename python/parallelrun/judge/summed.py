"""Counts that can be added up and scaled, whatever they count."""

from typing import Any, Self


class Summed:
    """For a dataclass whose first field says what its counts are about, and whose others are those counts."""

    def scaled(self, factor: float) -> Self:
        """`factor` times as many of each."""
        about, *counts = vars(self).values()
        make: Any = type(self)
        made: Self = make(about, *(factor * count for count in counts))
        return made

    def __add__(self, other: Self) -> Self:
        about, *counts = vars(self).values()
        _, *others = vars(other).values()
        make: Any = type(self)
        made: Self = make(about, *(a + b for a, b in zip(counts, others, strict=True)))
        return made
