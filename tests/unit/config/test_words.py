"""Numbers in words."""

import pytest

from parallelrun.config.words import number, verb
from tests.support.plural import wrong_plurals


def test_one_is_no_plural() -> None:
    assert [number(count, "pair") for count in (0, 1, 2, 1234)] == ["0 pairs", "1 pair", "2 pairs", "1,234 pairs"]
    assert [verb(count, "wait") for count in (0, 1, 2)] == ["wait", "waits", "wait"]
    assert [verb(1, plural) for plural in ("are", "do", "were")] == ["is", "does", "was"]


@pytest.mark.parametrize(
    "text", ["1 more failures", "1 requests in 3 s", "(1 pairs)", "1 pair wait", "1 more were noise"]
)
def test_what_the_other_tests_look_for_is_found(text: str) -> None:
    assert wrong_plurals(text)
    assert not wrong_plurals(text.replace("1", "21"))
