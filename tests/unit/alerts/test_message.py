"""A message in words and as signed JSON."""

import base64
import json
import time
from typing import Any

import pytest
import yaml
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from parallelrun.alerts.alert import Alert, Message, Notice
from parallelrun.alerts.differences import difference_alert, key_of, signature_of
from parallelrun.alerts.text import body, title
from parallelrun.alerts.webhook import headers, payload
from parallelrun.config import Config
from parallelrun.config.targets import webhook_key
from parallelrun.evidence.model import Difference, Example, Judged, Times
from parallelrun.evidence.status import Verdicts
from tests.support.markdown import blocks
from tests.support.repository import ROOT
from tests.unit.alerts.given import NOW, notice

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def judged(old: str | None = "10.50", new: str | None = "10.49", endpoint: str = "GET /orders/{id}") -> Judged:
    verdicts = Verdicts(confirmed=3, unconfirmed=1, ignored=9)
    difference = Difference("abc123", endpoint, "$.total", "value", verdicts, Times(NOW))
    return Judged(difference, "open", Example("01jd", NOW, "confirmed", old, new))


def message(*notices: Notice, more: int = 0) -> Message:
    return Message("msg_1", NOW, notices, more)


def test_a_difference_has_an_example_its_count_and_the_rule_that_hides_it() -> None:
    alert = difference_alert(judged(), 340)
    assert alert.title == "New difference at GET /orders/{id}: $.total (value)"
    for part in ("4 pairs of 340 compared requests", "old: 10.50", "new: 10.49", "parallelrun show 01jd"):
        assert part in alert.text
    assert signature_of(alert.key) == "abc123"
    assert signature_of("store") is None
    rule = alert.text.partition("this rule hides it:\n")[2]
    assert yaml.safe_load(rule) == yaml.safe_load(str(alert.facts["silence"]))
    Config.model_validate({"old": "http://a", "new": "http://b", **yaml.safe_load(rule)})


def test_a_difference_without_an_example() -> None:
    alert = difference_alert(Judged(judged().difference, "open", None), 1)
    assert "parallelrun show" not in alert.text
    assert alert.facts["pair_id"] is None


def test_the_title_says_the_worst_and_how_many_others() -> None:
    assert title(message(notice("a", "critical"))) == "critical: Title of a"
    several = message(notice("a", "critical"), notice("b"), more=7)
    assert title(several) == "critical: Title of a (and 8 more)"
    assert title(message(notice("a", "critical", over=NOW + 5))) == "resolved: Title of a"


def test_the_body_lists_all_and_says_from_where() -> None:
    text = body(message(notice("a"), notice("b", over=NOW + 720_000), more=3), "old http://a, new http://b")
    assert "warning: Title of a\nText of a.\n" in text
    assert "resolved: Title of b\nText of b. It lasted 12 min." in text
    assert "And 3 alerts more: `parallelrun diffs`" in text
    assert text.endswith("\n\nold http://a, new http://b")


def test_text_of_strangers_neither_breaks_lines_nor_rings_for_everybody() -> None:
    hostile = "\x1b[31m\u202e@everyone <!channel> <@U123>\r\nBcc: all@example.org"
    alert = difference_alert(judged(hostile, hostile, f"GET /{hostile}"), 1)
    made = message(Notice(alert, NOW))
    for text in (title(made), body(made, "x")):
        assert not any(part in text for part in ("@everyone", "<!channel", "<@U123", "\x1b", "\u202e", "\r"))
    assert "\n" not in title(made)


def signed(at_s: int, body_: bytes, secret: str = SECRET) -> dict[str, str]:
    return headers(message(notice()), body_, webhook_key(secret), at_s)


def test_a_receivers_library_accepts_the_signature() -> None:
    made = message(notice("a", "critical"), notice("b", over=NOW + 5), notice("c", lasting=False), more=2)
    text = payload(made, {"old": "http://a"})
    value = Webhook(SECRET).verify(text, signed(int(time.time()), text))
    assert value["data"]["severity"] == "critical"
    assert [one["status"] for one in value["data"]["alerts"]] == ["open", "resolved", "happened"]
    assert value["data"]["more"] == 2
    assert value["timestamp"] == "2025-11-24T16:00:00.000Z"


def test_a_receivers_library_refuses_what_was_changed_or_sent_again_later() -> None:
    text = payload(message(notice()), {})
    head = signed(int(time.time()), text)
    wrong: list[tuple[bytes, dict[str, str]]] = [
        (text + b" ", head),
        (text, {**head, "webhook-id": "msg_2"}),
        (text, {**head, "webhook-timestamp": str(int(head["webhook-timestamp"]) + 1)}),
        (text, signed(int(time.time()) - 400, text)),
        (text, signed(int(time.time()), text, "whsec_" + base64.b64encode(bytes(24)).decode())),
    ]
    Webhook(SECRET).verify(text, head)
    for body_, changed in wrong:
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(body_, changed)


def test_the_receiver_in_the_docs_takes_each_message_once_and_refuses_all_else() -> None:
    (source,) = blocks(ROOT / "docs/how-to/alerts.md", "python")
    names: dict[str, Any] = {}
    exec(source, names)
    seen: set[str] = set()
    handled: list[Any] = []
    text = payload(message(notice("a")), {})

    def answer(body_: bytes, head: dict[str, str]) -> int:
        return int(names["receive"](SECRET, head, body_, seen, handled.append))

    head = signed(int(time.time()), text)
    assert answer(text + b" ", head) == answer(text, {**head, "webhook-id": "msg_2"}) == 401
    assert answer(text, signed(int(time.time()) - 400, text)) == 401
    assert answer(text, signed(int(time.time()) + 400, text)) == 401
    assert answer(text, signed(int(time.time()), text, "whsec_" + "A" * 32)) == 401
    assert handled == []
    assert answer(text, head) == answer(text, signed(int(time.time()) - 1, text)) == 200
    assert [one["alerts"][0]["key"] for one in handled] == ["a"]


def test_any_text_can_be_sent() -> None:
    odd = Alert("k", "info", "lone \udc80 surrogate", "\x00", {"x": None, "y": 1.5})
    assert json.loads(payload(message(Notice(odd, NOW)), {}))["data"]["alerts"][0]["facts"] == {"x": None, "y": 1.5}


def test_keys_of_differences() -> None:
    assert signature_of(key_of("ff00")) == "ff00"
