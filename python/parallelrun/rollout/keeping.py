"""Between the rollout and its store: what is read and written, with types."""

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from parallelrun.evidence import StoreError
from parallelrun.evidence.rollouts import Change, Rollouts, StoredEntry
from parallelrun.judge import Entry, JudgeState, Verdict
from parallelrun.rollout.actions import By, Kind
from parallelrun.rollout.phases import Phase
from parallelrun.rollout.state import State
from parallelrun.rollout.sums import Sums, total

WAIT_S = 5.0
"""How long the store may take; then it counts as failing, and the weight as frozen."""
HISTORY = 100
"""Moves that are shown."""

Model = TypeVar("Model", bound=BaseModel)


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Move(_Kept):
    """Something that the rollout did. `reason` is what is known of why, and may be empty; `before` is the phase that it
    came from.
    """

    at: AwareDatetime
    action: Kind
    by: By
    reason: str
    rollout: str
    epoch: int
    before: Phase
    phase: Phase
    weight: int


class Memory(_Kept):
    """What belongs to the evidence of one epoch: what the judge remembers and said last, and what counts as slow."""

    judge: JudgeState = JudgeState()
    verdict: Verdict | None = None
    limits: dict[str, tuple[int, int]] = {}


@dataclass(frozen=True)
class Kept:
    """The rollout as it was found in the store."""

    revision: int
    state: State
    memory: Memory
    others: Sums
    """What other processes have counted of its epoch."""


@dataclass(frozen=True)
class News:
    """What is to be written."""

    state: State
    memory: Memory
    own: Sums
    """What this process has counted of the epoch of `state`."""
    moves: Sequence[Move] = ()
    entries: Sequence[tuple[Entry, bool]] = ()
    """Lines of the journal, and whether no earlier one is needed to understand them."""


class UnreadableError(StoreError):
    """The store holds a rollout that this version cannot read, such as that of a newer one."""


class Keeper:
    """The rollout of one process in its store.

    Every method raises `StoreError` and `StoreTooNewError` as the store does, and where it takes longer than `WAIT_S`.

    Args:
        rollouts: the store.
        run: the process in the store's books.
    """

    def __init__(self, rollouts: Rollouts, run: str) -> None:
        self._rollouts = rollouts
        self._run = run

    async def revision(self) -> int:
        """Of the last write, whoever made it."""
        async with _in_time():
            return await self._rollouts.revision()

    async def read(self) -> Kept | None:
        """The rollout; None where there has never been one.

        Raises:
            UnreadableError: it is none.
        """
        async with _in_time():
            found = await self._rollouts.read(self._run)
        if found is None:
            return None
        try:
            state = State.model_validate_json(found.state)
            memory = _unpacked(Memory, found.memory)
            others = total(_unpacked(Sums, each) for each in found.others)
        except (ValidationError, zlib.error) as error:
            raise UnreadableError(f"the rollout in the store cannot be read: {error}") from error
        return Kept(found.revision, state, memory, others)

    async def write(self, known: int, news: News) -> bool:
        """Writes it after the revision `known`; False where another process has written since."""
        entries = [
            StoredEntry(_ms(entry.look.at), whole, zlib.compress(entry.line().encode()))
            for entry, whole in news.entries
        ]
        change = Change(
            known=known,
            epoch=news.state.epoch,
            state=news.state.model_dump_json(),
            memory=_packed(news.memory),
            run=self._run,
            counts=_packed(news.own),
            moves=[(_ms(move.at), move.model_dump_json()) for move in news.moves],
            entries=entries,
        )
        async with _in_time():
            return await self._rollouts.write(change)

    async def write_counts(self, epoch: int, own: Sums) -> None:
        """Writes what this process has counted of an epoch, if that is still the present one."""
        async with _in_time():
            await self._rollouts.write_counts(epoch, self._run, _packed(own))

    async def history(self) -> list[Move]:
        """The last moves, the newest first.

        Raises:
            UnreadableError: one is none.
        """
        async with _in_time():
            found = await self._rollouts.moves(HISTORY)
        try:
            return [Move.model_validate_json(move) for move in found]
        except ValidationError as error:
            raise UnreadableError(f"the moves in the store cannot be read: {error}") from error

    async def journal(self) -> AsyncIterator[str]:
        """The judge's journal, line by line: what `parallelrun judge --replay` reads."""
        async for entry in self._rollouts.journal():
            yield zlib.decompress(entry).decode()

    async def trim(self) -> None:
        """Lets go of what is too much."""
        async with _in_time():
            await self._rollouts.trim()


@contextlib.asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """A store that hangs is one that fails."""
    try:
        async with asyncio.timeout(WAIT_S):
            yield
    except TimeoutError:
        raise StoreError(f"no answer within {WAIT_S:g} s") from None


def _packed(model: BaseModel) -> bytes:
    return zlib.compress(model.model_dump_json().encode(), 1)


def _unpacked(model: type[Model], packed: bytes) -> Model:
    return model.model_validate_json(zlib.decompress(packed))


def _ms(at: AwareDatetime) -> int:
    return int(at.timestamp() * 1000)
