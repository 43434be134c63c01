"""What went on lately."""

from parallelrun.evidence.activity import WINDOW_MS, Activity
from parallelrun.evidence.counters import Counters
from tests.support.fake_core import FakeCore


def note(activity: Activity, core: FakeCore, now_ms: int) -> None:
    activity.note(Counters.model_validate_json(core.counters()), now_ms)


def test_counts_what_was_added_in_the_window() -> None:
    core, activity = FakeCore(), Activity(0)
    for second in range(1, 101):
        core.count("GET /", "match", 2)
        note(activity, core, second * 1000)
    recent = activity.recent(20)
    assert (recent.seconds, recent.requests, recent.outcomes) == (20.0, 40, {"match": 40})
    assert activity.recent(500).requests == 200
    assert activity.recent(500).seconds == 100


def test_forgets_what_is_long_ago() -> None:
    core, activity = FakeCore(), Activity(0)
    core.count("GET /")
    note(activity, core, 1000)
    for minute in range(1, 30):
        note(activity, core, minute * 60_000)
    for step in range(WINDOW_MS // 5000 + 1):
        note(activity, core, 30 * 60_000 + step * 5000)
    recent = activity.recent(600)
    assert (recent.requests, recent.outcomes) == (0, {})
    assert activity.last_request_ms == 1000


def test_knows_when_each_side_last_got_a_request() -> None:
    core, activity = FakeCore(), Activity(0)
    note(activity, core, 1000)
    assert (activity.last_request_ms, activity.last_old_ms, activity.last_new_ms) == (None, None, None)
    core.extra = {"requests": 1, "sides": {"old": {"requests": 1}, "new": {"requests": 0}}}
    note(activity, core, 2000)
    assert (activity.last_request_ms, activity.last_old_ms, activity.last_new_ms) == (2000, 2000, None)


def test_nothing_is_known_before_the_first_look() -> None:
    recent = Activity(5).recent(60)
    assert (recent.seconds, recent.requests, recent.outcomes) == (0.0, 0, {})


def test_when_the_clock_is_set_back_the_samples_begin_anew() -> None:
    core, activity = FakeCore(), Activity(3_600_000)
    for second in range(6, 60, 6):
        core.count("GET /", "match", 10)
        note(activity, core, 3_600_000 + second * 1000)
    note(activity, core, 1_000_000)
    assert (activity.recent(60).seconds, activity.recent(60).requests) == (0.0, 0)
    core.count("GET /", "match", 30)
    note(activity, core, 1_010_000)
    recent = activity.recent(60)
    assert (recent.seconds, recent.requests, recent.outcomes) == (10.0, 30, {"match": 30})
