"""What is counted of an epoch, and what an outage counts for."""

from hypothesis import given
from hypothesis import strategies as st

from parallelrun.rollout.sums import Sums, as_one_failure

CELLS = ("requests", "compared", "mismatches", "failures.new_only", "failures.neither", "alone.new.failures")
COUNTS = st.dictionaries(st.sampled_from(CELLS), st.integers(min_value=1, max_value=50))
SUMS = st.builds(
    Sums,
    endpoints=st.dictionaries(st.sampled_from(["GET /a", "GET /b", "POST /a"]), COUNTS),
    confirmed=st.just({"x": 2}),
)
FAILED = ("failures.new_only", "alone.new.failures")


def failed(sums: Sums) -> int:
    """Failures of the new side."""
    return sum(cells.get(cell, 0) for cells in sums.endpoints.values() for cell in FAILED)


@given(SUMS)
def test_an_outage_is_one_failure_and_changes_nothing_else(sums: Sums) -> None:
    outage = as_one_failure(sums)
    assert failed(outage) == min(1, failed(sums))
    assert outage.confirmed == sums.confirmed
    for name, cells in sums.endpoints.items():
        others = {cell: count for cell, count in cells.items() if cell not in FAILED}
        assert {cell: count for cell, count in outage.endpoints[name].items() if cell not in FAILED} == others


def test_it_counts_where_most_of_it_was() -> None:
    sums = Sums(endpoints={"GET /a": {"failures.new_only": 3}, "GET /b": {"failures.new_only": 14, "requests": 20}})
    assert as_one_failure(sums).endpoints == {"GET /a": {}, "GET /b": {"failures.new_only": 1, "requests": 20}}
