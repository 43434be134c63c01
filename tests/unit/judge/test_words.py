"""The reasons of verdicts: what is counted once is no plural."""

from itertools import product

import pytest

from parallelrun.config.rollout import Gate
from parallelrun.judge import Finding, Proof, Stable, words
from parallelrun.judge.verdict import METRICS, MetricName
from tests.support.plural import wrong_plurals

GATE = Gate()
FEW = (-1, 0, 1, 2)


def proof(metric: MetricName, events: int, of: int, more: int | None = None, clean: int | None = None) -> Proof:
    return Proof(
        metric=metric,
        endpoint="GET /a",
        events=events,
        of=of,
        rate=events / of if of else None,
        log_e=1.0,
        budget=0.001,
        log_e_within=0.0,
        proved=False,
        more=more,
        more_if_clean=clean,
    )


@pytest.mark.parametrize(("metric", "events", "of"), list(product(METRICS, FEW, (0, 1, 2))))
def test_one_is_no_plural(metric: MetricName, events: int, of: int) -> None:
    found = proof(metric, events, of)
    others: list[Finding] = [proof(metric, 1, 1).model_copy(update={"endpoint": f"GET /{name}"}) for name in "bc"]
    said = [
        words.finding(found, GATE),
        words.advance([found], GATE),
        *(words.roll_back(found, [found, *others[:more]], GATE, 3.0, earlier=False) for more in (0, 1, 2)),
        *(words.suspect(found, GATE, more, None) for more in (None, 1, 2)),
        *(
            words.unproved(proof(metric, events, of, *needed), GATE, 60.0, None)
            for needed in product((None, 1, 2), (None, 1, 2))
        ),
        *(
            words.never([Stable(signature="a", endpoint="GET /a", location="$.b", count=1)] * more)
            for more in (1, 2, 3)
        ),
    ]
    assert [wrong for text in said for wrong in wrong_plurals(text)] == []


def test_how_it_reads() -> None:
    assert words.finding(proof("failures", 1, 10), GATE).startswith(
        "1 more failure than the old version in 10 answers ("
    )
    assert words.finding(proof("failures", -1, 10), GATE).startswith(
        "1 fewer failure than the old version in 10 answers"
    )
    assert words.finding(proof("mismatch", 1, 10), GATE).startswith("1 of 10 answers differs (")
    assert "About 1 more answer there is enough to go back" in words.suspect(proof("mismatch", 1, 10), GATE, 1, None)
    assert "About 1 more answer proves that" in words.unproved(proof("mismatch", 1, 10, 1), GATE, None, None)
    assert "at least 1 more answer does." in words.unproved(proof("mismatch", 1, 10, None, 1), GATE, None, None)
