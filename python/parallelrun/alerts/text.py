"""A message in words, for people."""

import re

from parallelrun.alerts.alert import Message, Notice
from parallelrun.config.words import number, span
from parallelrun.evidence.visible import in_one_line, visible

_CALLS = re.compile(r"@(?=everyone|here|channel|all\b)|<(?=[!@#])", re.IGNORECASE)
"""What makes a chat ring for everybody. A stranger may write it into a path or a value."""


def title(message: Message) -> str:
    """One line: how bad, the most important matter, and how many others."""
    first, others = message.notices[0], len(message.notices) - 1 + message.more
    head = "resolved" if message.resolved else message.severity
    return _harmless(in_one_line(f"{head}: {first.alert.title}") + (f" (and {others:,} more)" if others else ""))


def body(message: Message, origin: str) -> str:
    """The whole message; `origin` says which parallelrun it comes from."""
    parts = [_part(notice) for notice in message.notices]
    if message.more:
        parts.append(f"And {number(message.more, 'alert')} more: `parallelrun diffs`, `parallelrun doctor`.")
    return _harmless(visible("\n\n".join([*parts, origin])))


def _part(notice: Notice) -> str:
    alert = notice.alert
    if notice.resolved_ms is None:
        return f"{alert.severity}: {in_one_line(alert.title)}\n{alert.text}".rstrip()
    lasted = span((notice.resolved_ms - notice.since_ms) / 1000)
    return f"resolved: {in_one_line(alert.title)}\n{alert.text} It lasted {lasted}."


def _harmless(text: str) -> str:
    return _CALLS.sub(lambda found: f"{found[0]}\u200b", text)
