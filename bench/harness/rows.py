"""Which rows the table has, in which order they are measured, and at which rate."""

from dataclasses import dataclass

SIZES = (100, 2048, 102_400)
RATES = {100: 4000, 2048: 4000, 102_400: 800}
"""Requests per second by body size: what one core carries through each of the proxies with room to spare, since a
saturated one batches its work and is measured at something else."""


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
