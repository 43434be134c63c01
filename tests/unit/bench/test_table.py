"""The tables of the docs are those of the newest result."""

import pytest

from harness.table import BEGIN, END, newest, put_into, render_file
from tests.support.repository import ROOT

PAGE = ROOT / "docs" / "explanation" / "performance.md"
RESULTS = ROOT / "bench" / "results"


def test_the_page_shows_the_newest_result() -> None:
    page = PAGE.read_text()
    assert page == put_into(page, render_file(newest(RESULTS)))


def test_every_row_of_the_result_is_on_the_page() -> None:
    table = render_file(newest(RESULTS))
    for name in ("nginx `mirror`", "`request_mirror_policies`", "one field differs", "sample 0 %", "no proxy", "hangs"):
        assert name in table


def test_only_what_is_between_the_markers_changes() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert put_into(page, "new\n") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


@pytest.mark.parametrize("page", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_page_without_its_markers_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="expected one"):
        put_into(page, "new\n")
