"""Where records wait for the store: bounded in bytes, and unfair to floods."""

from collections import OrderedDict, deque

from parallelrun.evidence.records import Record

OVERHEAD = 1024
"""Bytes that a held record takes beside its deflated JSON, roughly."""


class Hold:
    """Records in the order they came. Over the limit, the oldest record of the group that takes most room goes first,
    so that a flood of one difference cannot push out the only example of another. A group is the rarest difference of a
    record, or its endpoint and outcome where it shows none. Records that are being written count, but do not go.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self._waiting: OrderedDict[str, tuple[str, Record]] = OrderedDict()
        self._written: dict[str, Record] = {}
        self._groups: dict[str, deque[str]] = {}
        self._sizes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._written)

    def add(self, record: Record) -> list[Record]:
        """Holds the record.

        Returns:
            What had to go for it: perhaps the record itself.
        """
        if self.get(record.id):
            return []
        self._enter(record, last=True)
        self.bytes += _size(record)
        dropped = []
        while self.bytes > self.limit and self._waiting:
            largest = max(self._sizes, key=self._sizes.__getitem__)
            dropped.append(self._leave(self._groups[largest][0]))
            self.bytes -= _size(dropped[-1])
        return dropped

    def take(self, count: int, size: int) -> list[Record]:
        """The oldest records, at most `count` of them and at most `size` bytes, but always one if any waits. They are
        being written from now on: `done` or `put_back` must follow.
        """
        taken: list[Record] = []
        for _, record in self._waiting.values():
            size -= _size(record)
            if taken and (len(taken) >= count or size < 0):
                break
            taken.append(record)
        for record in taken:
            self._leave(record.id)
            self._written[record.id] = record
        return taken

    def done(self, records: list[Record]) -> None:
        """The taken records are in the store."""
        for record in records:
            self.bytes -= _size(self._written.pop(record.id))

    def put_back(self, records: list[Record]) -> None:
        """The taken records are not in the store, or perhaps not: they wait again, before all others."""
        for record in reversed(records):
            self._enter(self._written.pop(record.id), last=False)

    def get(self, pair: str) -> Record | None:
        """The held record of this pair."""
        found = self._waiting.get(pair)
        return found[1] if found else self._written.get(pair)

    def all(self) -> list[Record]:
        """Everything held, oldest first."""
        return [*self._written.values(), *(record for _, record in self._waiting.values())]

    def clear(self) -> list[Record]:
        """Gives up everything held, and returns it."""
        given_up = self.all()
        for state in (self._waiting, self._written, self._groups, self._sizes):
            state.clear()
        self.bytes = 0
        return given_up

    def _enter(self, record: Record, *, last: bool) -> None:
        group = self._group(record)
        self._waiting[record.id] = (group, record)
        self._waiting.move_to_end(record.id, last=last)
        names = self._groups.setdefault(group, deque())
        (names.append if last else names.appendleft)(record.id)
        self._sizes[group] = self._sizes.get(group, 0) + _size(record)

    def _leave(self, pair: str) -> Record:
        group, record = self._waiting.pop(pair)
        self._groups[group].remove(pair)
        self._sizes[group] -= _size(record)
        if not self._groups[group]:
            del self._groups[group], self._sizes[group]
        return record

    def _group(self, record: Record) -> str:
        if not record.signatures:
            return f"{record.endpoint} {record.outcome}"
        return min(record.signatures, key=lambda name: self._sizes.get(name, 0))


def _size(record: Record) -> int:
    return len(record.deflated) + OVERHEAD
