"""What is told to whom: real alerts of real evidence, to a real SMTP server and to a strict HTTP server that checks the
signature with a library of its own. The core is a fake one, so that a test can say what is counted.
"""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, Group
from standardwebhooks.webhooks import Webhook

from parallelrun.alerts import alerts, book, delivery, outbox, senders
from parallelrun.alerts.facts import RolloutFacts
from parallelrun.api import views
from parallelrun.api.metrics import Metrics
from parallelrun.api.status import status
from parallelrun.cli.status_text import status_text
from parallelrun.config import Config, Loaded
from parallelrun.config.attachments import Attachments
from parallelrun.evidence import collector
from parallelrun.evidence.events import Event
from tests.support import behaviour, certs
from tests.support.exchange import Recorded
from tests.support.fake_core import difference, pair
from tests.support.fake_engine import SIDES, FakeEngine
from tests.support.fixtures import MakeOrigin
from tests.support.mail import PASSWORD, MailServer
from tests.support.origin import Origin
from tests.support.until import until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOKEN = "a-token-in-the-path"
SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")
ENDPOINT = "GET /orders/{id}"


class Receiver:
    """The webhook of a team: verifies each message and remembers those it has seen."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.path = f"/{TOKEN}"
        origin.on(self.path, behaviour.reply(204))

    @property
    def target(self) -> dict[str, str]:
        """As in the configuration."""
        url = f"webhook+http://user:{PASSWORD}@127.0.0.1:{self.origin.port}{self.path}?key={TOKEN}"
        return {"to": url, "secret": SECRET, "min": "info"}

    @property
    def tries(self) -> list[Recorded]:
        """All that arrived whole."""
        return self.origin.whole(self.path)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The content of each message, verified; one that came twice counts once."""
        found: dict[str, dict[str, Any]] = {}
        for request in self.tries:
            head = {
                name: request.header(name) or "" for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
            }
            found.setdefault(head["webhook-id"], Webhook(SECRET).verify(request.body, head)["data"])
        return list(found.values())

    @property
    def told(self) -> list[tuple[str, str]]:
        """Key and status of each alert, in order."""
        return [(one["key"], one["status"]) for message in self.messages for one in message["alerts"]]


@pytest.fixture
def receiver(make_origin: MakeOrigin) -> Receiver:
    return Receiver(make_origin("receiver"))


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same waits, a hundred times shorter."""
    monkeypatch.setattr(book, "WAIT_MS", {"critical": 50, "warning": 200, "info": 200})
    monkeypatch.setattr(book, "SETTLE_MS", 100)
    monkeypatch.setattr(outbox, "RETRY_FIRST_MS", 20)
    monkeypatch.setattr(outbox, "RETRY_MOST_MS", 100)
    monkeypatch.setattr(alerts, "LOOK_S", 0.02)
    monkeypatch.setattr(collector, "NEWS_WAIT_MS", 100)


class Engine(FakeEngine):
    """With the events that were published."""

    def __init__(self, url: str, **settings: Any) -> None:
        super().__init__(url, **settings)
        self.seen: list[Event] = []
        self._publish, self.events.publish = self.events.publish, self._note  # type: ignore[method-assign]

    def _note(self, name: str, level: Any = "info", **data: Any) -> None:
        self.seen.append(Event(0, 0, name, level, data))
        self._publish(name, level, **data)


Start = Callable[..., Awaitable[Engine]]


@pytest.fixture
async def start(tmp_path: Path, quick: None) -> AsyncIterator[Start]:
    """Starts an engine that tells the given targets."""
    engines: list[Engine] = []

    async def begin(*targets: dict[str, str]) -> Engine:
        engine = Engine(f"sqlite:///{tmp_path}/evidence.db", alerts=list(targets))
        engines.append(engine)
        engine.alerts.start()
        await engine.collector.start()
        return engine

    yield begin
    for engine in engines:
        await engine.alerts.stop(0.0)
        await engine.close()


def _told(receiver: Receiver, alerts: int) -> bool:
    return len(receiver.told) == alerts


def printed(text: Group) -> str:
    console = Console(width=500, file=io.StringIO(), color_system=None)
    with console.capture() as capture:
        console.print(text)
    return capture.get()


def names(engine: Engine) -> list[str]:
    return [event.name for event in engine.seen if event.name.startswith("alert")]


def differ(engine: Engine, *locations: str) -> None:
    """New confirmed differences, with an example each."""
    for location in locations:
        engine.core.count(ENDPOINT, "mismatch", 1)
        engine.core.differ(location, endpoint=ENDPOINT, confirmed=1)
        example = pair(f"pair-{location}", difference(location), endpoint=ENDPOINT, at_ms=int(time.time() * 1000))
        engine.core.record(example)


def settings(engine: Engine, **changed: Any) -> None:
    """Another configuration is in force."""
    engine.loaded = Loaded(Config.model_validate({**SIDES, **changed}), Attachments())


async def test_new_differences_are_one_message_with_example_count_and_rule(start: Start, receiver: Receiver) -> None:
    engine = await start(receiver.target)
    engine.core.count(ENDPOINT, "match", 9)
    differ(engine, "$.total", "$.items[*].price")
    await until(lambda: len(receiver.told) == 2, "two alerts")
    (message,) = receiver.messages
    total = next(one for one in message["alerts"] if one["facts"]["location"] == "$.total")
    assert total["severity"] == message["severity"] == "warning"
    assert total["facts"]["pair_id"] == "pair-$.total"
    assert (total["facts"]["count"], total["facts"]["compared"]) == (1, 11)
    assert (total["facts"]["old"], total["facts"]["new"]) == ("10.50", "10.49")
    assert "at: $.total" in total["facts"]["silence"]
    assert "1 pair of 11 compared requests" in total["text"]
    assert message["origin"] == {"version": "1.2.3", **SIDES}
    assert names(engine) == ["alert", "alert"]


async def test_one_difference_is_told_once_however_often_it_is_seen(start: Start, receiver: Receiver) -> None:
    engine = await start(receiver.target)
    differ(engine, "$.total")
    await until(lambda: receiver.told)
    for _ in range(20):
        engine.core.differ("$.total", endpoint=ENDPOINT, confirmed=5)
        engine.collector.refresh()
    differ(engine, "$.other")
    await until(lambda: len(receiver.told) == 2)
    assert len({key for key, _ in receiver.told}) == 2


async def test_a_difference_that_waits_is_told_with_the_count_of_now(
    start: Start, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "WAIT_MS", {"critical": 60_000, "warning": 60_000, "info": 60_000})
    engine = await start(receiver.target)
    differ(engine, "$.total")
    await until(lambda: engine.alerts._book.open)
    engine.core.count(ENDPOINT, "mismatch", 4)
    engine.core.differ("$.total", endpoint=ENDPOINT, confirmed=4)
    engine.collector.refresh()
    await engine.alerts.settle()
    await until(lambda: receiver.told)
    facts = receiver.messages[0]["alerts"][0]["facts"]
    assert (facts["count"], facts["compared"]) == (5, 5)


async def test_what_no_longer_holds_is_over(start: Start, receiver: Receiver) -> None:
    engine = await start(receiver.target)
    engine.rollout_facts = RolloutFacts("paused", 250_000, "Somebody wanted it.")
    await until(lambda: receiver.told)
    engine.rollout_facts = RolloutFacts("stepping", 250_000, "Somebody resumed it.")
    await until(lambda: len(receiver.told) == 2)
    assert receiver.told == [("rollout:paused", "open"), ("rollout:paused", "resolved")]


async def test_a_mail_says_it_in_words(start: Start, mail: MailServer) -> None:
    engine = await start({"to": mail.url})
    differ(engine, "$.total")
    message = (await until(lambda: mail.messages, "a mail"))[0]
    assert message["subject"] == f"parallelrun: warning: New difference at {ENDPOINT}: $.total (value)"
    text = message.get_content()
    for part in ("old: 10.50", "new: 10.49", "parallelrun show pair-$.total", "tolerance:", SIDES["new"]):
        assert part in text
    assert mail.recipients == ["ops@example.org"]


async def test_what_is_over_is_told_to_who_heard_of_it(start: Start, receiver: Receiver, mail: MailServer) -> None:
    engine = await start({**receiver.target, "min": "critical"}, {"to": mail.url, "min": "critical"})
    engine.events.publish("breaker.opened", "error", reason="5 failures in a row.")
    await until(lambda: receiver.told and mail.messages)
    engine.events.publish("breaker.closed")
    await until(lambda: len(receiver.told) == 2 and len(mail.messages) == 2)
    assert receiver.told == [("breaker", "open"), ("breaker", "resolved")]
    assert receiver.messages[1]["resolved"]
    assert "5 failures in a row." in mail.messages[0].get_content()
    assert mail.messages[1]["subject"].startswith("parallelrun: resolved: The breaker has opened")
    assert names(engine) == ["alert", "alert.resolved"]


async def test_each_gets_only_what_is_severe_enough(start: Start, receiver: Receiver, make_origin: MakeOrigin) -> None:
    calm = Receiver(make_origin("calm"))
    engine = await start(receiver.target, {**calm.target, "min": "critical"})
    engine.events.publish("rollout.moved", action="step", phase="stepping", weight=100_000, reason="Proved.")
    differ(engine, "$.total")
    await until(lambda: len(receiver.told) == 2)
    writes = {"status_5xx": 0, "missed_writes": 2}
    engine.core.extra = {"endpoints": [{"endpoint": "POST /orders", "requests": 2, "new": writes}]}
    await until(lambda: calm.told)
    assert calm.told == [("missed:new:POST /orders", "open")]
    await until(lambda: len(receiver.told) == 3)
    assert {one["severity"] for message in receiver.messages for one in message["alerts"]} == {
        "info",
        "warning",
        "critical",
    }
    logged = {event.data["severity"]: event.level for event in engine.seen if event.name == "alert"}
    assert logged == {"info": "info", "warning": "warning", "critical": "warning"}


async def test_a_target_that_refuses_is_tried_again_until_it_is_back(start: Start, receiver: Receiver) -> None:
    receiver.origin.refuse()
    engine = await start(receiver.target)
    differ(engine, "$.total")
    await until(lambda: engine.alerts.status().targets[0].counts.failures > 3, "some tries")
    target = (await status(engine)).alerts.targets[0]
    assert (target.ok, target.queued, target.target) == (False, 1, "webhook+http://127.0.0.1")
    assert target.error
    assert target.next_try_at
    assert target.failing_since
    shown = printed(status_text(await status(engine), views.ledger(engine)))
    for part in ("1 open; 1 warning since", "to webhook+http://127.0.0.1", f"failing: {target.error}", ", 1 wait"):
        assert part in shown
    receiver.origin.listen()
    await until(lambda: receiver.told)
    await until(lambda: engine.alerts.status().targets[0].error is None)
    assert names(engine) == ["alert", "alert.failing", "alert.recovered"]
    assert engine.alerts.status().targets[0].queued == 0


async def test_a_message_keeps_its_id_and_its_content_through_all_tries(start: Start, receiver: Receiver) -> None:
    receiver.origin.on(receiver.path, behaviour.reply(500))
    engine = await start(receiver.target)
    differ(engine, "$.total")
    await until(lambda: len(receiver.tries) >= 3)
    receiver.origin.on(receiver.path, behaviour.reset_after_request())  # it was taken, and we cannot know
    before = len(receiver.tries)
    await until(lambda: len(receiver.tries) > before + 1)
    receiver.origin.on(receiver.path, behaviour.reply(200))
    await until(lambda: engine.alerts.status().targets[0].counts.messages)
    assert len(receiver.messages) == 1
    assert len({request.body for request in receiver.tries}) == 1
    assert len({request.header("webhook-id") for request in receiver.tries}) == 1
    errors = [event.data["error"] for event in engine.seen if event.name == "alert.failing"]
    assert errors[0] == "answered 500"


async def test_a_target_that_hangs_holds_up_nobody(
    start: Start, receiver: Receiver, make_origin: MakeOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(senders, "ANSWER_S", 0.2)
    hung = Receiver(make_origin("hung"))
    hung.origin.on(hung.path, behaviour.hang())
    engine = await start(hung.target, receiver.target)
    for number in range(3):
        differ(engine, f"$.a{number}")
        await until(partial(_told, receiver, number + 1))
    await until(lambda: engine.alerts.status().targets[0].counts.failures)
    first, second = engine.alerts.status().targets
    assert (first.error, second.error, first.queued) == ("no answer within 0.2 s", None, 3)
    await until(lambda: engine.alerts.status().targets[1].counts.told == 3)
    hung.origin.on(hung.path, behaviour.reply(200))
    await until(lambda: len(hung.told) == 3)


async def test_a_mail_server_that_hangs_holds_up_nobody_and_gets_one_connection(
    start: Start, receiver: Receiver, make_origin: MakeOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "SEND_S", 0.2)
    hung = make_origin("hung")
    hung.at_accept = "hang"
    url = f"mailto://pager:{PASSWORD}@127.0.0.1:{hung.port}/?from=a@example.org&to=b@example.org&mode=insecure"
    engine = await start({"to": url}, receiver.target)
    differ(engine, "$.a")
    await until(lambda: hung.connections)
    before = engine.alerts.status().targets[0].counts.failures
    await until(lambda: engine.alerts.status().targets[0].counts.failures > before + 2)
    await until(lambda: receiver.told)
    failing = [event.data for event in engine.seen if event.name == "alert.failing"]
    errors = [data["error"] for data in failing if data["target"].startswith("mailto:")]
    assert errors == ["no answer within 0.2 s", "the try before this one still hangs"]
    assert hung.connections == 1
    hung.reset_all()


async def test_a_webhook_by_tls_must_be_who_it_says(
    start: Start, make_origin: MakeOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver(make_origin("tls", tls=certs.server_context()))
    to = receiver.target["to"].replace("webhook+http://", "webhook+https://")
    engine = await start({**receiver.target, "to": to})
    differ(engine, "$.total")
    error = await until(lambda: engine.alerts.status().targets[0].error)
    assert "certificate verify failed" in str(error)
    assert receiver.tries == []
    (tmp_path / "ca.pem").write_text(certs.ca_pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    await until(lambda: receiver.told)


async def test_nothing_that_is_secret_is_ever_shown(start: Start, receiver: Receiver, mail: MailServer) -> None:
    receiver.origin.on(receiver.path, behaviour.raw(b"nonsense\r\n\r\n", close=True))
    mail.refusing = True
    wrong = mail.url.replace(PASSWORD, f"not-{PASSWORD}") + "&cto=1"
    engine = await start(receiver.target, {"to": mail.url}, {"to": wrong})
    differ(engine, "$.total")
    await until(lambda: all(target.counts.failures for target in engine.alerts.status().targets))
    metrics = Metrics(engine.collector.refresh, lambda: 0, engine.alerts.status, lambda: "shadow").text().decode()
    shown = [(await status(engine)).model_dump_json(), metrics, *(json.dumps(event.data) for event in engine.seen)]
    found = [target.target for target in engine.alerts.status().targets]
    assert found == ["webhook+http://127.0.0.1", "mailto://127.0.0.1", "mailto://127.0.0.1 (2)"]
    for secret in (PASSWORD, TOKEN, SECRET, "pager", "user:"):
        assert not [text for text in shown if secret in text], secret


async def test_a_reload_lets_targets_go_and_keeps_what_waits_for_the_others(
    start: Start, receiver: Receiver, make_origin: MakeOrigin
) -> None:
    gone = Receiver(make_origin("gone"))
    for one in (receiver, gone):
        one.origin.on(one.path, behaviour.reply(503))
    engine = await start(gone.target, receiver.target)
    differ(engine, "$.a")
    await until(lambda: all(target.error for target in engine.alerts.status().targets))
    settings(engine, alerts=[receiver.target])
    await until(lambda: len(engine.alerts.status().targets) == 1)
    dropped = [event.data for event in engine.seen if event.name == "alert.dropped"]
    assert dropped == [{"target": "webhook+http://127.0.0.1", "alerts": 1}]
    receiver.origin.on(receiver.path, behaviour.reply(200))
    await until(lambda: engine.alerts.status().targets[0].counts.told == 1)
    assert len(receiver.messages) == 1


async def test_the_end_lets_what_waits_go_out(
    start: Start, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "WAIT_MS", {"critical": 60_000, "warning": 60_000, "info": 60_000})
    engine = await start(receiver.target)
    differ(engine, "$.total")
    await until(lambda: [event for event in engine.seen if event.name == "difference.new"])
    await engine.alerts.stop(20.0)
    assert len(receiver.told) == 1
    assert "alert.dropped" not in names(engine)


async def test_the_end_lets_also_go_out_what_waits_for_the_rate(start: Start, receiver: Receiver) -> None:
    engine = await start(receiver.target)
    for number in range(outbox.BURST):
        differ(engine, f"$.a{number}")
        await until(partial(_told, receiver, number + 1))
    differ(engine, "$.b")
    await until(lambda: sum(engine.alerts.status().told.values()) == outbox.BURST + 1)
    await until(lambda: engine.alerts.status().targets[0].counts.told == outbox.BURST)
    assert engine.alerts.status().targets[0].queued == 1
    await engine.alerts.stop(20.0)
    assert len(receiver.messages) == outbox.BURST + 1
    assert "alert.dropped" not in names(engine)


async def test_the_end_waits_for_no_back_off_of_a_target_that_is_up_again(
    start: Start, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "RETRY_FIRST_MS", 60_000)
    monkeypatch.setattr(outbox, "RETRY_MOST_MS", 60_000)
    receiver.origin.refuse()
    engine = await start(receiver.target)
    differ(engine, "$.total")
    await until(lambda: engine.alerts.status().targets[0].error)
    receiver.origin.listen()
    await engine.alerts.stop(20.0)
    assert len(receiver.told) == 1
    assert "alert.dropped" not in names(engine)


async def test_at_the_end_a_target_is_tried_until_its_time_is_over(start: Start, receiver: Receiver) -> None:
    receiver.origin.on(receiver.path, behaviour.reply(503))
    engine = await start(receiver.target)
    differ(engine, "$.total")
    await until(lambda: engine.alerts.status().targets[0].error)
    before = len(receiver.tries)
    ending = asyncio.create_task(engine.alerts.stop(20.0))
    await until(lambda: len(receiver.tries) > before + 2)
    receiver.origin.on(receiver.path, behaviour.reply(200))
    await ending
    assert len(receiver.told) == 1
    assert "alert.dropped" not in names(engine)


async def test_at_the_end_a_dead_target_has_its_time_and_no_more(start: Start, receiver: Receiver) -> None:
    receiver.origin.refuse()
    engine = await start(receiver.target)
    differ(engine, "$.total")
    await until(lambda: engine.alerts.status().targets[0].error)
    begun = time.monotonic()
    await engine.alerts.stop(0.5)
    assert 0.4 < time.monotonic() - begun < 5
    dropped = [event.data["alerts"] for event in engine.seen if event.name == "alert.dropped"]
    assert dropped == [1]


async def test_a_thousand_differences_at_once_are_one_message_that_says_how_many(
    start: Start, receiver: Receiver
) -> None:
    engine = await start(receiver.target)
    differ(engine, *(f"$.field{number}" for number in range(1000)))
    await until(lambda: receiver.messages)
    await until(lambda: sum(engine.alerts.status().told.values()) == 1000)
    await until(lambda: engine.alerts.status().targets[0].queued == 0, patience=60)
    listed = sum(len(message["alerts"]) for message in receiver.messages)
    assert listed + sum(message["more"] for message in receiver.messages) == 1000
    counts = engine.alerts.status().targets[0].counts
    assert (counts.told, counts.unlisted, counts.dropped) == (listed, 1000 - listed, 0)
    assert len(receiver.messages) <= outbox.BURST


async def test_a_fault_in_one_matter_does_not_end_the_telling_of_others(start: Start, receiver: Receiver) -> None:
    engine = await start(receiver.target)
    engine.events.publish("difference.new", signature="unknown")
    await until(lambda: [event for event in engine.seen if event.name == "engine.failing"])
    differ(engine, "$.total")
    await until(lambda: len(receiver.told) == 2)
    assert {key.partition(":")[0] for key, _ in receiver.told} == {"fault", "difference"}


async def test_a_restart_tells_nothing_twice_and_what_ended_meanwhile(
    start: Start, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "RESUME_MS", 500)
    first = await start(receiver.target)
    differ(first, "$.total")
    first.events.publish("breaker.opened", "error", reason="5 failures in a row.")
    await until(lambda: len(receiver.told) == 2)
    await first.alerts.settle()
    await first.collector.stop()
    await first.alerts.stop(5.0)
    second = await start(receiver.target)
    await until(lambda: len(receiver.told) > 2)
    difference, breaker = sorted((key for key, _ in receiver.told[:2]), reverse=True)
    assert receiver.told[2:] == [("breaker", "resolved")]
    assert breaker == "breaker"
    assert [one.key for one in second.alerts.status().open] == [difference]
