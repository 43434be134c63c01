"""What events of the breaker and the rollout change."""

from typing import Any, get_args

from parallelrun.alerts.happenings import Change, change
from parallelrun.evidence.events import Event
from parallelrun.rollout.actions import Kind


def of(event: str, **data: Any) -> Change | None:
    return change(Event(7, 1000, event, "info", data))


def test_the_breaker() -> None:
    opened = of("breaker.opened", reason="5 failures in a row.")
    assert opened
    assert opened.begun
    assert [opened.begun.key, opened.begun.severity, opened.over] == ["breaker", "critical", None]
    assert opened.begun.text.startswith("5 failures in a row. The old side serves everybody")
    closed = of("breaker.closed")
    assert closed
    assert [closed.over, closed.begun] == ["breaker", None]
    assert of("breaker.half_open") is None


def test_a_move_of_the_rollout_has_happened() -> None:
    moved = of("rollout.moved", action="step", phase="stepping", weight=250_000, reason="All is proved.")
    assert moved
    assert moved.begun
    assert [moved.over, moved.begun.lasting, moved.begun.severity] == [None, False, "info"]
    assert (moved.begun.title, moved.begun.text) == ("The rollout has gone to 25%", "All is proved.")


def test_what_lasts_is_no_move() -> None:
    for action in ("wait", "pause", "roll_back", "fall_back", "go_on"):
        assert of("rollout.moved", action=action, phase="x", weight=0, reason="Because.") is None


def test_every_action_of_a_rollout_is_a_move_or_lasts_or_moves_nothing() -> None:
    not_told = {"stay", "note", "wait", "pause", "roll_back", "fall_back", "go_on"}
    told = {kind for kind in get_args(Kind) if of("rollout.moved", action=kind, weight=0)}
    assert told | not_told == set(get_args(Kind))
    assert not told & not_told


def test_other_events_change_nothing() -> None:
    assert of("rollout.moved") is None
    assert of("config.reloaded") is None


def test_a_move_that_a_person_asked_for_is_told_as_such() -> None:
    moved = of("rollout.moved", action="bake", by="person", weight=1_000_000, reason="I know")
    assert moved
    assert moved.begun
    assert moved.begun.title.endswith(", as a person asked")
    assert "proved" not in moved.begun.title
