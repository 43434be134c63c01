"""The status of a difference, from its counts."""

import math
import random
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelrun.evidence.status import EVIDENCE_NEEDED, Verdicts, evidence_against_noise, repeatable, status
from tests.support.repository import ROOT

COUNTS = st.integers(0, 10**6)
VERDICTS = st.builds(Verdicts, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS).filter(lambda verdicts: verdicts.total > 0)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (Verdicts(confirmed=1), "open"),
        (Verdicts(confirmed=1, noise=1), "noise"),
        (Verdicts(confirmed=500, noise=500), "noise"),
        (Verdicts(confirmed=90, noise=10), "open"),
        (Verdicts(noise=3), "noise"),
        (Verdicts(noise=3, unconfirmed=9, race=9, ignored=9), "noise"),
        (Verdicts(race=2), "race"),
        (Verdicts(race=2, unconfirmed=5), "race"),
        (Verdicts(unconfirmed=5), "open"),
        (Verdicts(ignored=5), "ignored"),
        (Verdicts(ignored=5, confirmed=1), "open"),
    ],
)
def test_of_a_request_that_can_be_asked_again(verdicts: Verdicts, expected: str) -> None:
    assert status(verdicts, repeatable=True) == expected


def test_nothing_could_confirm_a_write_so_it_staystransaction() -> None:
    assert status(Verdicts(unconfirmed=1), repeatable=False) == "open"
    assert status(Verdicts(unconfirmed=1, race=1), repeatable=False) == "open"
    assert status(Verdicts(unconfirmed=1, noise=1), repeatable=False) == "noise"


@given(VERDICTS, st.booleans())
def test_what_the_present_rules_hide_is_ignored_whatever_came_before(verdicts: Verdicts, again: bool) -> None:
    assert status(verdicts, repeatable=again, hidden=True) == "ignored"


@given(VERDICTS, st.booleans())
def test_a_confirmed_difference_is_hidden_by_nothing_but_noise_or_a_rule(verdicts: Verdicts, again: bool) -> None:
    found = status(verdicts, repeatable=again)
    if verdicts.confirmed:
        assert found in ("open", "noise")
        assert found == "open" or verdicts.noise
    if found == "ignored":
        assert verdicts.shown == 0


@given(VERDICTS, st.booleans())
def test_a_further_confirmation_never_closes_an_open_difference(verdicts: Verdicts, again: bool) -> None:
    if status(verdicts, repeatable=again) == "open":
        assert status(verdicts + Verdicts(confirmed=1), repeatable=again) == "open"


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_evidence_agrees_with_exact_arithmetic(confirmed: int, noise: int) -> None:
    # The integral of 2 t^c (1-t)^m over (1/2, 1), against (1/2)^(c+m), by expanding (1-t)^m.
    whole = sum(
        Fraction((-1) ** i * math.comb(noise, i), confirmed + i + 1) * (1 - Fraction(1, 2) ** (confirmed + i + 1))
        for i in range(noise + 1)
    )
    exact = 2 * whole * 2 ** (confirmed + noise)
    assert evidence_against_noise(confirmed, noise) == pytest.approx(float(exact), rel=1e-9)


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_the_evidence_is_a_number_for_counts_of_any_size(confirmed: int, noise: int) -> None:
    value = evidence_against_noise(confirmed, noise)
    assert value >= 0
    assert evidence_against_noise(confirmed + 1, noise) >= value


def test_pure_noise_rarely_looks_like_a_difference_however_often_one_looks() -> None:
    chance = random.Random(7)
    runs, fooled = 2000, 0
    for _ in range(runs):
        confirmed = noise = 0
        for _ in range(300):  # two old answers agree half of the time: the worst that noise can do
            if chance.random() < 0.5:
                confirmed += 1
            else:
                noise += 1
            if noise and evidence_against_noise(confirmed, noise) >= EVIDENCE_NEEDED:
                fooled += 1
                break
    assert fooled / runs < 1 / EVIDENCE_NEEDED


def test_the_examples_in_the_docs_are_true() -> None:
    page = (ROOT / "docs" / "explanation" / "noise.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (\d+) \| ([\d.]+) \| (\w+) \|$", page, re.MULTILINE)
    assert len(rows) == 5
    for confirmed, noise, evidence, expected in rows:
        decimals = len(evidence.partition(".")[2])
        assert f"{evidence_against_noise(int(confirmed), int(noise)):.{decimals}f}" == evidence
        assert status(Verdicts(confirmed=int(confirmed), noise=int(noise)), repeatable=True) == expected


def test_which_requests_can_be_asked_again() -> None:
    assert repeatable("GET /orders/{id}")
    assert repeatable("HEAD /")
    assert not repeatable("POST /orders")
    assert not repeatable("(other)")
    assert not repeatable("get /x")
