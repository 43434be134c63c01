"""Each change of the breaker is told once."""

import structlog

from parallelrun.evidence.breaker_news import BreakerNews
from parallelrun.evidence.counters import Breaker
from parallelrun.evidence.events import Events


def change(state: str, at_ms: int, after_ms: int | None = None) -> dict[str, object]:
    return {"at_ms": at_ms, "state": state, "reason": f"because of {at_ms}", "after_ms": after_ms}


def test_each_change_is_told_once() -> None:
    events = Events()
    told: list[tuple[str, str, dict[str, object]]] = []
    events._log = structlog.wrap_logger(structlog.testing.ReturnLogger(), processors=[])
    with events.subscribe() as subscription:
        news = BreakerNews(events)
        news.note(Breaker())
        first = [change("open", 1, 7), change("half_open", 2)]
        news.note(Breaker.model_validate({"state": "half_open", "changed": 2, "changes": first}))
        news.note(Breaker.model_validate({"state": "half_open", "changed": 2, "changes": first}))
        # The core forgets the oldest ones.
        then = [change("half_open", 2), change("closed", 3), change("open", 4)]
        news.note(Breaker.model_validate({"state": "open", "changed": 4, "changes": then}))
        news.note(Breaker.model_validate({"state": "open", "changed": 9, "changes": then[1:]}))
        told = [(event.name, event.level, event.data) for event in subscription._events]
    assert told == [
        ("breaker.opened", "error", {"reason": "Because of 1.", "at_ms": 1, "after_ms": 7}),
        ("breaker.half_open", "info", {"reason": "Because of 2.", "at_ms": 2}),
        ("breaker.closed", "info", {"reason": "Because of 3.", "at_ms": 3}),
        ("breaker.opened", "error", {"reason": "Because of 4.", "at_ms": 4, "after_ms": None}),
        ("breaker.closed", "info", {"reason": "Because of 3.", "at_ms": 3}),
        ("breaker.opened", "error", {"reason": "Because of 4.", "at_ms": 4, "after_ms": None}),
    ]
