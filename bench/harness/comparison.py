"""What the comparison alone costs, beside parsing both bodies: `cargo bench -p parallelrun-compare`."""

from harness.build import run
from harness.processes import BenchError

SIZES = ("100 B", "2 kB", "100 kB", "1 MB")


def measure_comparison() -> dict[str, list[float]]:
    """The time of each case in µs, for each of `SIZES`; best of many rounds.

    Raises:
        BenchError: it does not build, or prints something else.
    """
    return parse(run(["cargo", "bench", "--locked", "-p", "parallelrun-compare", "--bench", "parse"]))


def parse(printed: str) -> dict[str, list[float]]:
    """Reads what the bench prints: a line of sizes, then a case in each line.

    Raises:
        BenchError: there is no such table in it.
    """
    _, found, table = printed.partition("microseconds")
    head, *lines = table.splitlines() or [""]
    if not found or head.split() != " ".join(SIZES).split():
        raise BenchError(f"cargo bench printed no table for {', '.join(SIZES)}:\n{printed[-2000:]}")
    cases = (line.rsplit(maxsplit=len(SIZES)) for line in lines if line.strip())
    return {case: [float(cell) for cell in cells] for case, *cells in cases}
