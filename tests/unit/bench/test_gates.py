"""The simulated gates do what their originals do, and the page shows what the newest result says."""

import numpy as np
import pytest

from gates.rules import RULES, argo, flagger
from gates.table import newest, render_file
from gates.traffic import DAY, SCENARIOS, Scenario, Traffic, traffic
from harness.table import BEGIN, put_into
from parallelrun.config.rollout import Gate
from tests.support.repository import ROOT

PAGE = ROOT / "docs" / "explanation" / "judging.md"


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def constant(requests: int, new_only: int, old_only: int = 0) -> Traffic:
    """The same in each minute."""
    return Traffic(requests, np.full(DAY, new_only), np.full(DAY, old_only), np.zeros(DAY, np.int64))


def test_the_page_shows_the_newest_result() -> None:
    page = PAGE.read_text()
    table = render_file(newest(ROOT / "bench" / "results"))
    assert put_into(page, table) == page, "run `python bench/judge.py --docs`"
    assert table in page.partition(BEGIN)[2]


def test_a_clean_run_is_promoted_by_all() -> None:
    decided = {name: rule(constant(3000, 0), rng()) for name, rule in RULES.items()}
    assert {outcome for outcome, _ in decided.values()} == {"promoted"}
    assert decided["flagger"] == ("promoted", 5)
    assert decided["argo"] == ("promoted", 60)


def test_a_broken_version_is_rolled_back_by_all() -> None:
    decided = {name: rule(constant(3000, 1500), rng()) for name, rule in RULES.items()}
    assert {outcome for outcome, _ in decided.values()} == {"rolled back"}
    assert decided["flagger"] == ("rolled back", 5)
    assert decided["argo"] == ("rolled back", 5)
    assert decided["argo, failureLimit 3"] == ("rolled back", 20)


@pytest.mark.parametrize(("per_second", "exact"), [(1, 0.84), (10, 0.56), (50, 0.05)])
def test_argo_is_wrong_as_often_as_it_can_be_reckoned(per_second: int, exact: float) -> None:
    """Exact: 1 - P(no window over 1 %)^12 with 0.5 % failures."""
    ended = [argo(0)(traffic(SCENARIOS[0], per_second, draw := rng_of(run)), draw)[0] for run in range(400)]
    assert ended.count("rolled back") / 400 == pytest.approx(exact, abs=0.07)


def test_flagger_is_wrong_as_often_as_it_can_be_reckoned() -> None:
    """Exact, by dynamic programming: 22 % of versions that fail in 0.9 % go back at 10 requests per second."""
    ended = [flagger(traffic(SCENARIOS[2], 10, draw := rng_of(run)), draw)[0] for run in range(400)]
    assert ended.count("rolled back") / 400 == pytest.approx(0.22, abs=0.06)


def rng_of(run: int) -> np.random.Generator:
    return np.random.default_rng([11, run])


def test_an_incident_fails_on_both_sides() -> None:
    seen = traffic(Scenario("x", 0.0, 0.0, bad=False, incident=(2, 4, 0.5)), 10, rng())
    assert not seen.new_only.any()
    assert not seen.old_only.any()
    assert [bool(each) for each in seen.both[:6]] == [False, False, True, True, False, False]


def test_the_gates_are_as_the_page_says() -> None:
    assert [each.name for each in SCENARIOS if each.bad] == ["regression"]
    assert Gate().failures == 1000
