"""Which matters are open, and what of them is still to be told. Pure: the caller brings the time, which never goes
back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from parallelrun.alerts.alert import Alert, Notice, Severity

WAIT_MS: dict[Severity, int] = {"critical": 2_000, "warning": 15_000, "info": 15_000}
"""So long a notice waits for others, to be told in one message with them."""
SETTLE_MS = 60_000
"""So long a matter must have been over before it is told to be: one that comes and goes is told once."""
RESUME_MS = 360_000
"""After a restart, so long a matter may take to show again before it counts as over: some take five minutes."""


@dataclass(frozen=True, slots=True)
class Open:
    """A matter that is open.

    Args:
        alert: as it was told, or is to be.
        since_ms: when it came up.
        told: whether it has left the book.
        over_ms: when it was over, should it stay so; None while it goes on.
        why: what is known of its end.
        resumed: whether an earlier process told it, and it has not shown since.
    """

    alert: Alert
    since_ms: int
    told: bool = False
    over_ms: int | None = None
    why: str = ""
    resumed: bool = False


class Book:
    """Tells each matter once when it comes up and once when it is over, and together what comes together.

    A matter that is over before it was told, and stays so, is not told at all but counted in `withdrawn`. How much may
    be open is bounded by what may come up: the core tells a bounded number of differences and endpoints apart.
    """

    def __init__(self) -> None:
        self.open: dict[str, Open] = {}
        """By key."""
        self.withdrawn = 0
        """Matters that were over before they were told."""
        self._waiting: dict[str, Notice] = {}
        self._due_ms: int | None = None

    def begin(self, alert: Alert, now_ms: int) -> None:
        """A matter has come up, or goes on; or, where it does not last, has happened."""
        key = alert.key
        if not alert.lasting:
            self._wait(Notice(alert, now_ms), now_ms)
        elif known := self.open.get(key):
            if known.over_ms is not None:
                self.open[key] = replace(known, over_ms=None, resumed=False)
            if not known.told and self._due_ms is None:  # it has waited already
                self._due_ms = now_ms
        elif ending := self._waiting.pop(key, None):  # it was about to be told as over, and is not
            self.open[key] = Open(ending.alert, ending.since_ms, told=True)
        else:
            self.open[key] = Open(alert, now_ms)
            self._wait(Notice(alert, now_ms), now_ms)

    def end(self, key: str, now_ms: int, why: str = "") -> None:
        """A matter is over, should it stay so. Nothing to do where it is not open."""
        known = self.open.get(key)
        if known and known.over_ms is None:
            self.open[key] = replace(known, over_ms=now_ms, why=why)

    def due(self, now_ms: int, *, at_once: bool = False) -> list[Notice]:
        """What is to be told now, or all that waits; it is the caller's from here on."""
        self._settle(now_ms)
        if not at_once and (self._due_ms is None or now_ms < self._due_ms):
            return []
        waiting, self._waiting, self._due_ms = self._waiting, {}, None
        return [notice for notice in waiting.values() if self._tell(notice)]

    def resume(self, known: Iterable[tuple[Alert, int]], now_ms: int) -> None:
        """Takes over what an earlier process has told, and when it came up. It is over unless it shows again."""
        for alert, since_ms in known:
            one = Open(alert, since_ms, told=True, over_ms=now_ms, resumed=True)
            self.open.setdefault(alert.key, one)

    def _settle(self, now_ms: int) -> None:
        for key, one in list(self.open.items()):
            if one.over_ms is None or now_ms - one.over_ms < (RESUME_MS if one.resumed else SETTLE_MS):
                continue
            del self.open[key]
            if one.told:
                alert = replace(one.alert, text=one.why or "It has not shown again since.")
                self._wait(Notice(alert, one.since_ms, resolved_ms=one.over_ms), now_ms)
            else:
                del self._waiting[key]
                self.withdrawn += 1

    def _wait(self, notice: Notice, now_ms: int) -> None:
        self._waiting[notice.alert.key] = notice
        due_ms = now_ms + WAIT_MS["info" if notice.resolved else notice.alert.severity]
        self._due_ms = due_ms if self._due_ms is None else min(self._due_ms, due_ms)

    def _tell(self, notice: Notice) -> bool:
        key = notice.alert.key
        if notice.resolved or not notice.alert.lasting:
            return True
        if self.open[key].over_ms is not None:  # it is told if it comes back
            self._waiting[key] = notice
            return False
        self.open[key] = replace(self.open[key], told=True)
        return True
