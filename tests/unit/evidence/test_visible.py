"""Text of strangers."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from parallelrun.evidence.visible import in_one_line, visible


@given(st.text(st.characters(codec=None, categories=None)))
def test_nothing_is_left_that_a_terminal_obeys_or_a_reader_cannot_see(text: str) -> None:
    shown = visible(text)
    assert all(char in "\t\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in shown)
    assert len(in_one_line(text).splitlines()) <= 1
    shown.encode()


def test_known_texts() -> None:
    assert visible("a\u202eb\x1b[31m\x00\ud800") == "a\\u202eb\\u001b[31m\\u0000\\ud800"
    assert visible("Grüße, \N{SNOWMAN} 東京\n\t") == "Grüße, \N{SNOWMAN} 東京\n\t"
    assert in_one_line("a\nb\tc") == "a\\nb\\tc"
