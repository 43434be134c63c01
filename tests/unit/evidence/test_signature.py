"""The stable id of a difference."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from parallelrun.evidence.signature import signature

TEXT = st.text(st.characters(exclude_characters="\0"))


def test_is_the_hash_that_the_docs_promise() -> None:
    expected = hashlib.sha256(b"GET /orders/{id}\0$.total\0value\0").hexdigest()[:12]
    assert signature("GET /orders/{id}", "$.total", "value") == expected == "b38863f08b67"


@given(st.tuples(TEXT, TEXT, TEXT), st.tuples(TEXT, TEXT, TEXT))
def test_two_differences_share_a_signature_only_if_they_are_the_same(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (signature(*one) == signature(*other)) == (one == other)
