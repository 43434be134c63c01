"""Where records wait for the store: bounded in bytes, and unfair to floods."""

from collections import OrderedDict, deque

from .records import Record

OVERHEAD = 1024
"""Bytes that a held record takes beside its deflated JSON, roughly."""


class Hold:
    """Records in the order they came. Over the limit, the oldest record of the group that takes most room goes first,
    so that a flood of one difference cannot push out the only example of another. A group is the rarest difference of a
    record, or its endpoint and outcome where it shows none.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self._records: OrderedDict[str, tuple[str, Record]] = OrderedDict()
        self._groups: dict[str, deque[str]] = {}
        self._sizes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: Record) -> list[Record]:
        """Holds the record.

        Returns:
            What had to go for it: perhaps the record itself.
        """
        if record.id in self._records:
            return []
        group = self._group(record)
        self._records[record.id] = (group, record)
        self._groups.setdefault(group, deque()).append(record.id)
        self._sizes[group] = self._sizes.get(group, 0) + _size(record)
        self.bytes += _size(record)
        dropped = []
        while self.bytes > self.limit:
            largest = max(self._sizes, key=self._sizes.__getitem__)
            dropped.append(self._pop(self._groups[largest][0]))
        return dropped

    def first(self, count: int, size: int) -> list[Record]:
        """The oldest records, at most `count` of them and at most `size` bytes, but always one if there is any. They
        stay.
        """
        taken: list[Record] = []
        for _, record in self._records.values():
            size -= _size(record)
            if taken and (len(taken) >= count or size < 0):
                break
            taken.append(record)
        return taken

    def remove(self, records: list[Record]) -> None:
        """Lets go of the records, as far as they are still held."""
        for record in records:
            if record.id in self._records:
                self._pop(record.id)

    def get(self, pair: str) -> Record | None:
        """The held record of this pair."""
        found = self._records.get(pair)
        return found[1] if found else None

    def all(self) -> list[Record]:
        """Everything held, oldest first."""
        return [record for _, record in self._records.values()]

    def _group(self, record: Record) -> str:
        if not record.signatures:
            return f"{record.endpoint} {record.outcome}"
        return min(record.signatures, key=lambda name: self._sizes.get(name, 0))

    def _pop(self, pair: str) -> Record:
        group, record = self._records.pop(pair)
        self._groups[group].remove(pair)
        self._sizes[group] -= _size(record)
        self.bytes -= _size(record)
        if not self._groups[group]:
            del self._groups[group], self._sizes[group]
        return record


def _size(record: Record) -> int:
    return len(record.deflated) + OVERHEAD
