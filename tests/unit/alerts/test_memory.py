"""What is remembered across a restart."""

import pytest

from parallelrun.alerts.memory import MOST, dump, load
from parallelrun.alerts.status import OpenAlert
from tests.unit.alerts.given import NOW


def test_what_was_told_comes_back() -> None:
    told = [OpenAlert("breaker", "critical", "The breaker has opened", NOW), OpenAlert("store", "warning", "x", NOW)]
    assert [(alert.key, alert.severity, alert.title, since) for alert, since in load(dump(told))] == [
        ("breaker", "critical", "The breaker has opened", NOW),
        ("store", "warning", "x", NOW),
    ]


def test_only_so_many_the_newest() -> None:
    known = load(dump(OpenAlert(f"{number}", "info", "x", NOW) for number in range(MOST + 5)))
    assert len(known) == MOST
    assert known[-1][0].key == f"{MOST + 4}"


@pytest.mark.parametrize("text", [None, "", "[{}]", "nonsense", '{"key": 1}'])
def test_what_cannot_be_read_is_nothing(text: str | None) -> None:
    assert load(text) == []
