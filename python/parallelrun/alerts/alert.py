"""What is told, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["info", "warning", "critical"]
"""To know; to look at today; to look at now."""

RANK: Mapping[Severity, int] = {"info": 0, "warning": 1, "critical": 2}

Fact = str | int | float | None


@dataclass(frozen=True, slots=True)
class Alert:
    """One matter that somebody may want to know of.

    Args:
        key: names the matter. The same matter has the same key, also after a restart.
        severity: how much it matters.
        title: one line.
        text: what was seen, why, and what to do; may have several lines.
        facts: the same for programs; can be written as JSON.
        lasting: whether it goes on, and its end is told, too. Otherwise it has happened and is over, and its key is its
            own alone.
    """

    key: str
    severity: Severity
    title: str
    text: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class Notice:
    """That a matter has come up, or that it is over.

    Args:
        alert: the matter.
        since_ms: when it came up, in ms since the epoch.
        resolved_ms: when it was over; None while it is not.
    """

    alert: Alert
    since_ms: int
    resolved_ms: int | None = None

    @property
    def resolved(self) -> bool:
        """Whether it is over."""
        return self.resolved_ms is not None


@dataclass(frozen=True, slots=True)
class Message:
    """What a target is told at once.

    Args:
        id: names the message; the same for each try to deliver it.
        at_ms: when it was put together, in ms since the epoch.
        notices: at least one; the most severe first, what is over last.
        more: how many notices there are beside these, too many to be listed.
    """

    id: str
    at_ms: int
    notices: tuple[Notice, ...]
    more: int = 0

    @property
    def severity(self) -> Severity:
        """The highest of what has come up; of what is over where that is all."""
        come_up = [notice for notice in self.notices if not notice.resolved]
        return max((notice.alert.severity for notice in come_up or self.notices), key=RANK.__getitem__)

    @property
    def resolved(self) -> bool:
        """Whether everything in it is over."""
        return all(notice.resolved for notice in self.notices)
