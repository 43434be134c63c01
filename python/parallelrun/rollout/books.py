"""The store as one process of a rollout knows it: what it read last, and whether it works."""

import contextlib
from collections.abc import Iterator

from parallelrun.evidence import StoreError, StoreTooNewError
from parallelrun.rollout.keeping import Keeper, Kept, Move, News

STORE_ERRORS = (StoreError, StoreTooNewError)
TRIM_EACH = 500
"""Writes between two passes over what is too much in the store."""


class LostError(Exception):
    """The store is another one than before, or an older copy of it."""


class Books:
    """Every method raises `StoreError` and `StoreTooNewError` as the store does, and notes it in `fault`.

    Args:
        keeper: the store.
    """

    def __init__(self, keeper: Keeper) -> None:
        self.fault: str | None = None
        """Why the last write failed, or what has been tried since; None once one has worked."""
        self.keeper = keeper
        self._revision = 0
        self._writes = 0

    async def read(self) -> Kept | None:
        """The rollout; None where there has never been one.

        Raises:
            UnreadableError: it is none.
        """
        with self._noted():
            found = await self.keeper.read()
            self._revision = found.revision if found else 0
            return found

    async def newer(self) -> Kept | None:
        """What another process has written since; None if nothing.

        Raises:
            LostError: what this process has read or written is gone.
        """
        with self._noted():
            revision = await self.keeper.revision()
        if revision < self._revision:
            self._revision = revision
            raise LostError
        return await self.read() if revision > self._revision else None

    async def write(self, news: News) -> bool:
        """Writes it; False where another process has written since the last read."""
        with self._noted():
            written = await self.keeper.write(self._revision, news)
            self._revision += written
            self._writes += 1
            self.fault = None
            if self._writes >= TRIM_EACH:
                self._writes = 0
                await self.keeper.trim()
            return written

    async def history(self) -> list[Move]:
        """The last moves, the newest first.

        Raises:
            UnreadableError: one is none.
        """
        with self._noted():
            return await self.keeper.history()

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except STORE_ERRORS as error:
            self.fault = str(error)
            raise
