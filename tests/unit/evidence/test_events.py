"""Events for the log and for listeners."""

import asyncio

from structlog.testing import capture_logs

from parallelrun.evidence.events import QUEUE, Events


async def test_an_event_reaches_the_log_and_every_listener() -> None:
    events = Events(clock=lambda: 1.5)
    with capture_logs() as logs, events.subscribe() as one, events.subscribe() as other:
        events.publish("store.failing", "error", error="full")
        for listener in (one, other):
            got = await listener.next()
            assert got
            (event,), lost = got
            assert (event.name, event.at_ms, event.data, lost) == ("store.failing", 1500, {"error": "full"}, 0)
    assert logs == [{"event": "store.failing", "log_level": "error", "error": "full"}]
    assert events.listeners == 0


async def test_a_slow_listener_loses_the_oldest_and_is_told_how_many() -> None:
    events = Events()
    with events.subscribe() as listener:
        for number in range(QUEUE + 5):
            events.publish("x", number=number)
        got = await listener.next()
        assert got
        found, lost = got
        assert lost == 5
        assert [event.data["number"] for event in found] == list(range(5, QUEUE + 5))
        events.publish("x", number=-1)
        got = await listener.next()
        assert got
        assert got[1] == 0


async def test_closing_ends_listeners_after_what_they_have_not_read() -> None:
    events = Events()
    with events.subscribe() as listener:
        events.publish("last")
        events.close()
        got = await listener.next()
        assert got
        assert [event.name for event in got[0]] == ["last"]
        assert await listener.next() is None
        assert await listener.next() is None
    with events.subscribe() as late:
        assert await late.next() is None


async def test_a_waiting_listener_is_woken_by_the_close() -> None:
    events = Events()
    with events.subscribe() as listener:
        waiting = asyncio.create_task(listener.next())
        await asyncio.sleep(0)
        events.close()
        assert await waiting is None
