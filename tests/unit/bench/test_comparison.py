"""What `cargo bench -p parallelrun-compare` prints is read whole, or refused."""

import pytest

from harness.comparison import parse
from harness.processes import BenchError

PRINTED = """
running 0 tests

microseconds                         100 B      2 kB    100 kB      1 MB
parse both: IgnoredAny                0.21      3.46    161.43   1618.97
compare: last, with rules             0.91      3.30    112.70   1142.67
"""


def test_every_case_has_a_time_for_each_size() -> None:
    assert parse(PRINTED) == {
        "parse both: IgnoredAny": [0.21, 3.46, 161.43, 1618.97],
        "compare: last, with rules": [0.91, 3.3, 112.7, 1142.67],
    }


@pytest.mark.parametrize("printed", ["", "running 0 tests\n", PRINTED.replace("100 kB", "64 kB")])
def test_anything_else_is_refused(printed: str) -> None:
    with pytest.raises(BenchError, match="no table"):
        parse(printed)
