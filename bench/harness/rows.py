"""Which rows the table has, in which order they are measured, and at which rate."""

from dataclasses import dataclass

SIZES = (100, 2048, 102_400)
RATES = {100: 4000, 2048: 4000, 102_400: 800}
"""Requests per second by body size: what one core carries through each of the proxies with room to spare. Each request
then costs its proxy a few wake-ups of its own."""

ALL_AT_ONCE = 1_000_000_000
"""A rate at which every connection of the load asks again as soon as it is answered: a proxy under full load finds
several requests at each look, and spends a larger share of its time on the work itself."""

FULL_LOAD = 5
"""So many times the requests of a steady window: the slowest proxies take a little longer for them, the fastest half of
that time."""


@dataclass(frozen=True)
class Row:
    """One proxy in one mode with one kind of body."""

    system: str
    mode: str
    bodies: str
    size: int

    @property
    def key(self) -> str:
        """Its name in the result file."""
        return f"{self.system} {self.mode} {self.bodies} {self.size}"

    @property
    def path(self) -> str:
        """What is asked for, see bench/load/src/bodies.rs."""
        return f"/{self.bodies}/{self.size}"

    @property
    def copies(self) -> bool:
        """Whether the new side must see every request."""
        return self.mode.startswith("mirror") or self.mode in ("compare", "verify")

    @property
    def at_full_load(self) -> bool:
        """Whether it is measured at full load, too.

        Large bodies that differ each time come faster then than they can be compared: copies are left out, and the row
        would look cheap.
        """
        return (self.bodies, self.size) != ("differs", 102_400)


ROWS = (
    Row("direct", "", "equal", 2048),
    Row("nginx", "proxy", "equal", 2048),
    Row("envoy", "proxy", "equal", 2048),
    Row("parallelrun", "pass", "equal", 2048),
    *(Row("nginx", "mirror", "equal", size) for size in SIZES),
    *(Row("nginx", "mirror-empty", "equal", size) for size in SIZES),
    *(Row("envoy", "mirror", "equal", size) for size in SIZES),
    *(Row("parallelrun", "compare", bodies, size) for bodies in ("equal", "differs") for size in SIZES),
    *(Row("parallelrun", "verify", "equal", size) for size in SIZES),
)
