"""What one target is still to be told, and when it may be. Pure: the caller brings the time, which never goes back."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from parallelrun.alerts.alert import RANK, Alert, Message, Notice, Severity

LISTED = 20
"""Notices in one message. Further ones are counted in it."""
BURST = 5
"""Messages that may go out one after the other."""
REFILL_MS = 60_000
"""Then one more each so often. What comes meanwhile goes out together."""
RETRY_FIRST_MS = 1_000
RETRY_MOST_MS = 300_000
"""The wait after a failure doubles from the one to the other."""
GIVE_UP_MS = 86_400_000
"""A message that nobody took for so long is dropped."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the notices that a target is to be told; each in one of `told`, `unlisted`, `merged`, `dropped`,
    or still waiting.

    Args:
        told: in a message that was taken.
        unlisted: too many for their message, which says how many there are.
        merged: outdated by a newer notice of the same matter before they could go out.
        dropped: in a message that nobody took for a day.
        messages: how many were taken.
        failures: tries that failed.
    """

    told: int = 0
    unlisted: int = 0
    merged: int = 0
    dropped: int = 0
    messages: int = 0
    failures: int = 0


class Outbox:
    """Holds what waits for a target, in bounded memory.

    At most one message is on its way at a time; it stays the same until it is taken or given up. What waits behind it
    has at most one notice per matter, the newest, and at most `LISTED` of them, the most severe: others are only
    counted, and the next message says how many.

    Args:
        least: what is less severe is none of the target's business.
        now_ms: the time.
        new_id: makes ids of messages.
    """

    def __init__(self, least: Severity, now_ms: int, new_id: Callable[[], str]) -> None:
        self.least: Severity = least
        self.counts = Counts()
        self.current: Message | None = None
        """The message on its way."""
        self.error: str | None = None
        """Why the last try failed; None where it did not."""
        self.error_ms: int | None = None
        """When it began to fail; None while it does not."""
        self._retry_ms = 0
        self._failed = 0
        self._new_id = new_id
        self._pending: dict[str, Notice] = {}
        self._more = 0
        self._open: set[str] = set()
        self._tokens = float(BURST)
        self._filled_ms = now_ms

    def offer(self, notices: Iterable[Notice]) -> None:
        """Takes what concerns the target."""
        for notice in notices:
            if RANK[notice.alert.severity] >= RANK[self.least]:
                self._take(notice)
        while len(self._pending) > LISTED:
            least = max(self._pending.values(), key=_rank)
            self._leave(self._pending.pop(least.alert.key))
            self._more += 1

    def resume(self, alerts: Iterable[Alert]) -> None:
        """An earlier process has told of these: their end is worth telling."""
        self._open.update(alert.key for alert in alerts if RANK[alert.severity] >= RANK[self.least])

    def hurry(self) -> None:
        """Lets what waits go at once, whatever the rate and the failures so far: there is no later. A target that fails
        again is tried again as after a first failure.
        """
        self._retry_ms, self._failed = 0, 0
        self._tokens = max(self._tokens, 1.0)

    def next_ms(self, now_ms: int) -> int | None:
        """When `message` will have one; None while nothing waits."""
        if self.current:
            return self._retry_ms
        if not self._pending:
            return None
        self._fill(now_ms)
        return now_ms if self._tokens >= 1 else now_ms + int((1 - self._tokens) * REFILL_MS) + 1

    def message(self, now_ms: int) -> Message | None:
        """The message to try now, if any. `sent` or `failed` must follow."""
        if self.current:
            return self.current if now_ms >= self._retry_ms else None
        self._fill(now_ms)
        if not self._pending or self._tokens < 1:
            return None
        self._tokens -= 1
        notices = sorted(self._pending.values(), key=_rank)
        for notice in notices:
            self._leave(notice)
        self.current = Message(self._new_id(), now_ms, tuple(notices), self._more)
        self._pending, self._more, self._retry_ms = {}, 0, now_ms
        return self.current

    def sent(self, message: Message) -> None:
        """The target took the message."""
        self.current = None
        self._count(told=len(message.notices), unlisted=message.more, messages=1)
        self.error, self.error_ms, self._failed = None, None, 0

    def failed(self, message: Message, error: str, now_ms: int, chance: float) -> bool:
        """The target did not take the message: it is tried again later.

        Args:
            message: it.
            error: why, in one line without secrets.
            now_ms: the time.
            chance: 0 to 1; spreads the tries of many.

        Returns:
            Whether it is given up instead.
        """
        self.error, self.error_ms = error, self.error_ms if self.error_ms is not None else now_ms
        wait_ms = min(RETRY_FIRST_MS * 2 ** min(self._failed, 20), RETRY_MOST_MS)
        self._failed += 1
        self._retry_ms = now_ms + int(wait_ms * (0.5 + chance / 2))
        self._count(failures=1)
        if now_ms - message.at_ms < GIVE_UP_MS:
            return False
        self.current = None
        self._count(dropped=len(message.notices) + message.more)
        return True

    @property
    def queued(self) -> int:
        """Notices that the target is still to be told, those that are only counted among them."""
        on_its_way = len(self.current.notices) + self.current.more if self.current else 0
        return on_its_way + len(self._pending) + self._more

    @property
    def retry_ms(self) -> int | None:
        """When a message that failed is tried again; None where none has."""
        return self._retry_ms if self.current and self._failed else None

    def _take(self, notice: Notice) -> None:
        key = notice.alert.key
        outdated = self._pending.pop(key, None)
        if outdated:
            self._count(merged=1)
        if not notice.alert.lasting:
            self._pending[key] = notice
        elif notice.resolved:
            if outdated or key in self._open:  # otherwise it has never been told that it came up
                self._pending[key] = notice
        elif key in self._open:  # it has never been told that it was over
            self._count(merged=1)
        else:
            self._pending[key] = notice

    def _leave(self, notice: Notice) -> None:
        if notice.resolved:
            self._open.discard(notice.alert.key)
        elif notice.alert.lasting:
            self._open.add(notice.alert.key)

    def _count(self, **more: int) -> None:
        counts = self.counts
        self.counts = Counts(**{name: getattr(counts, name) + more.get(name, 0) for name in Counts.__slots__})

    def _fill(self, now_ms: int) -> None:
        self._tokens = min(float(BURST), self._tokens + (now_ms - self._filled_ms) / REFILL_MS)
        self._filled_ms = now_ms


def _rank(notice: Notice) -> tuple[bool, int, int]:
    """The most severe first, what is over last; then in the order of time."""
    return notice.resolved, -RANK[notice.alert.severity], notice.since_ms
