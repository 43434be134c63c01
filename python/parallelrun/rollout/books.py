"""The store as one process of a rollout knows it: what it read last, and whether it works."""

import contextlib
from collections.abc import Iterator

from parallelrun.evidence import StoreError, StoreTooNewError
from parallelrun.rollout.keeping import Keeper, Kept, Move, News
from parallelrun.rollout.sums import Sums

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
        self.still = 0
        """So many looks in a row have found that nobody has written, this process included."""
        self._revision = 0
        self._lost = False
        self._writes = 0

    async def read(self) -> Kept | None:
        """The rollout; None where there has never been one.

        Raises:
            UnreadableError: it is none.
        """
        with self._noted():
            found = await self.keeper.read()
            self._revision, self._lost, self.still = found.revision if found else 0, False, 0
            return found

    async def newer(self) -> Kept | None:
        """What another process has written since; None if nothing.

        Raises:
            LostError: what this process has read or written is gone; again and again until it has been answered.
        """
        with self._noted():
            revision = await self.keeper.revision()
        if self._lost or revision < self._revision:
            self._revision, self._lost = revision, True
            raise LostError
        if revision > self._revision:
            return await self.read()
        self.still += revision > 0
        return None

    async def write(self, news: News) -> bool:
        """Writes it; False where another process has written since the last read."""
        with self._noted():
            written = await self.keeper.write(self._revision, news)
        self._revision += written
        self._writes += 1
        self._lost = False  # where it is False others have answered the loss, and are read next
        self.still, self.fault = 0, None
        return written

    async def tidy(self) -> None:
        """Lets go of what is too much, now and then. That it fails is no fault: the next time does it."""
        if self._writes >= TRIM_EACH:
            self._writes = 0
            with contextlib.suppress(*STORE_ERRORS):
                await self.keeper.trim()

    async def write_counts(self, epoch: int, own: Sums) -> None:
        """Writes what this process has counted of an epoch, if that is still the present one."""
        with self._noted():
            await self.keeper.write_counts(epoch, own)

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
