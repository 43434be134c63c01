"""What events of the breaker and the rollout change."""

from typing import Any

from parallelrun.alerts.happenings import Change, change
from parallelrun.evidence.events import Event


def of(event: str, **data: Any) -> Change | None:
    return change(Event(7, 1000, event, "info", data))


def test_the_breaker() -> None:
    opened = of("breaker.opened", reason="5 failures in a row.")
    assert opened
    assert opened.begun
    assert (opened.begun.key, opened.begun.severity, opened.over) == ("breaker", "critical", None)
    assert opened.begun.text.startswith("5 failures in a row. The old side serves everybody")
    closed = of("breaker.closed")
    assert closed
    assert (closed.over, closed.begun) == ("breaker", None)
    assert of("breaker.half_open") is None


def test_a_move_of_the_rollout_has_happened_and_ends_what_it_waited_for() -> None:
    moved = of("rollout.moved", action="step", phase="stepping", weight=0.25, reason="All is proved.")
    assert moved
    assert moved.begun
    assert (moved.over, moved.begun.lasting, moved.begun.severity) == ("rollout:", False, "info")
    assert moved.begun.title == "The rollout has moved: stepping, weight 25 %"
    assert moved.begun.text == "All is proved."


def test_a_stop_of_the_rollout_lasts() -> None:
    stops = {"pause": "warning", "wait": "warning", "roll_back": "critical"}
    keys = set()
    for action, severity in stops.items():
        stop = of("rollout.moved", action=action, phase="paused", reason="Because.")
        assert stop
        assert stop.begun
        assert (stop.begun.severity, stop.begun.lasting, stop.begun.text) == (severity, True, "Because.")
        keys.add(stop.begun.key)
    assert len(keys) == len(stops)
    assert all(key.startswith("rollout:") for key in keys)


def test_an_event_that_lacks_everything_is_told_all_the_same() -> None:
    moved = of("rollout.moved")
    assert moved
    assert moved.begun
    assert of("config.reloaded") is None
