"""A message as signed JSON, by the Standard Webhooks specification (https://www.standardwebhooks.com), version 1."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from parallelrun.alerts.alert import Message, Notice
from parallelrun.alerts.text import title


def payload(message: Message, origin: dict[str, Any]) -> bytes:
    """The body: the same for each try."""
    value = {
        "type": "parallelrun.alerts",
        "timestamp": _moment(message.at_ms),
        "data": {
            "title": title(message),
            "severity": message.severity,
            "resolved": message.resolved,
            "alerts": [_alert(notice) for notice in message.notices],
            "more": message.more,
            "origin": origin,
        },
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def headers(message: Message, body: bytes, key: bytes, at_s: int) -> dict[str, str]:
    """The head of one try.

    Args:
        message: the message.
        body: its `payload`.
        key: the shared secret.
        at_s: the time of the try, in seconds since the epoch: the receiver refuses one that is long past.
    """
    signed = hmac.digest(key, f"{message.id}.{at_s}.".encode() + body, hashlib.sha256)
    return {
        "content-type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }


def _alert(notice: Notice) -> dict[str, Any]:
    alert = notice.alert
    return {
        "key": alert.key,
        "severity": alert.severity,
        "status": "resolved" if notice.resolved else "open" if alert.lasting else "happened",
        "title": alert.title,
        "text": alert.text,
        "since": _moment(notice.since_ms),
        "resolved_at": None if notice.resolved_ms is None else _moment(notice.resolved_ms),
        "facts": dict(alert.facts),
    }


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
