"""Reading records."""

import json
import zlib

import pytest

from parallelrun.evidence.records import read_pair, read_record
from parallelrun.evidence.signature import signature
from tests.support.fake_core import difference, pair


def test_a_pair_is_filed_under_its_differences_and_stored_as_it_came() -> None:
    raw = json.dumps({**pair("p1", difference(), difference("status", old="200", new="404")), "later": 1}).encode()
    record = read_record(raw)
    assert record
    assert record.signatures == (
        signature("GET /orders/{id}", "$.total", "value"),
        signature("GET /orders/{id}", "status", "value"),
    )
    assert zlib.decompress(record.deflated) == raw
    assert read_pair(record.deflated).old.status == 200


def test_types_that_are_not_known_are_skipped() -> None:
    assert read_record(b'{"type": "weather"}') is None
    assert read_record(b"{}") is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[1]",
        b'{"type": "pair"}',
        json.dumps({**pair("p"), "id": ""}).encode(),
        json.dumps({**pair("p"), "id": "x" * 65}).encode(),
        json.dumps({**pair("p"), "at_ms": 2**53}).encode(),
        json.dumps(pair("p", difference(verdict="perhaps"))).encode(),
        rb'{"type": "pair", "id": "\ud800"}',
    ],
)
def test_what_is_no_record_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        read_record(raw)


def test_a_damaged_stored_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="damaged"):
        read_pair(b"rubbish")
