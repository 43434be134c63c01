"""The loop that runs a rollout: once a second it counts, looks, decides one thing, stores it, and only then moves
traffic; except for the way back, which does not wait for anything.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from parallelrun.evidence import StoreError
from parallelrun.evidence.collector import Collector
from parallelrun.evidence.counters import Counters
from parallelrun.evidence.events import Events
from parallelrun.judge import Verdict
from parallelrun.judge.words import blind
from parallelrun.rollout.actions import STAY, Action, Refusal, applied, initial
from parallelrun.rollout.asking import ask
from parallelrun.rollout.books import STORE_ERRORS, Books, LostError
from parallelrun.rollout.decide import decide
from parallelrun.rollout.facts import Asked, Command, Facts
from parallelrun.rollout.keeping import Keeper, Kept, Memory, Move, News
from parallelrun.rollout.plan import Plan
from parallelrun.rollout.slowness import with_measured
from parallelrun.rollout.standing import Standing
from parallelrun.rollout.state import State
from parallelrun.rollout.sums import Sums
from parallelrun.rollout.telling import Telling, move_of
from parallelrun.rollout.watching import Seen, Watch

TICK_S = 1.0
RATE_S = 60.0
"""The present rate of requests is that of so many seconds."""
ALIVE = 60
"""A process that decides writes once in so many ticks, and be it nothing new: others see that it lives."""
SILENT = 2 * ALIVE
"""After so many ticks without any write whoever decided has ended."""
COUNTS_EACH = timedelta(seconds=5)
"""So often counts are stored between two looks: more than that is never lost."""
_ATTEMPTS = 5


class Core(Protocol):
    """The part of `parallelrun._core.Proxy` that is led here."""

    def set_weight(self, ppm: int) -> None:
        """The share of clients that the new side serves, in parts per million."""

    def set_slow(self, limits: str) -> None:
        """What counts as slow, by endpoint, as JSON."""


class RefusedError(Exception):
    """What a person asked for cannot be done now. The message says why, and what can be done instead."""


@dataclass(frozen=True)
class _Owed:
    """A rollback that is done, and could not be stored. The next process does not know of it if this one is killed
    before the store takes it.
    """

    action: Action
    move: Move
    seen: Seen | None
    why: str
    """What kept it from being stored."""


class Rollout:
    """One per process, on one event loop. `take_up` it before traffic flows, then `run` it.

    Args:
        core: gets the weight, and what counts as slow.
        collector: knows the counters.
        keeper: the store.
        plan: what the configuration says; `planned` replaces it.
        events: `rollout.moved`, `rollout.blind`, `rollout.failing`.
        sample: told whether old has to be asked again for a random sample of the pairs.
        clock: the time.
        tick_s: seconds between two ticks, and the least between two looks.
    """

    def __init__(
        self,
        core: Core,
        collector: Collector,
        keeper: Keeper,
        plan: Plan,
        events: Events,
        *,
        sample: Callable[[bool], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        tick_s: float = TICK_S,
    ) -> None:
        self._core = core
        self._collector = collector
        self._books = Books(keeper)
        self._plan = plan
        self._telling = Telling(events)
        self._sample = sample
        self._clock = clock
        self._tick_s = tick_s
        self._state = initial(plan, clock())
        self._watch = Watch(self._state.epoch, timedelta(seconds=tick_s))
        self._counters = Counters()
        self._stored_at = clock()
        self._lock = asyncio.Lock()
        self._going_back = 0
        self._backs: set[asyncio.Task[Action]] = set()
        self._owed: _Owed | None = None
        self._leaving = False
        self._outdated = False
        """Whether another process has put another configuration in force: this one follows and decides nothing."""
        self._unread = False
        """Whether another process has moved since the moves were read."""

    @property
    def state(self) -> State:
        """Where it stands."""
        return self._state

    def standing(self) -> Standing:
        """Where it stands, for the faces."""
        return Standing(
            now=self._clock(),
            state=self._state,
            plan=self._plan,
            verdict=self._verdict(),
            history=tuple(self._telling.history),
            blind_since=self._telling.blind_since,
            unsaved=(self._books.fault or self._owed.why) if self._owed else None,
            outdated=self._outdated,
        )

    def journal(self) -> AsyncIterator[str]:
        """The judge's journal, line by line: what `parallelrun judge --replay` reads.

        Raises:
            StoreError, StoreTooNewError: the store does not answer.
        """
        return self._books.keeper.journal()

    async def take_up(self) -> None:
        """Goes on where the last process has left off. To be called before traffic flows.

        Raises:
            StoreError, StoreTooNewError: the store does not answer, or what it holds cannot be read.
        """
        found = await self._books.read()
        if found:
            self._state = found.state
            self._watch = Watch(found.state.epoch, timedelta(seconds=self._tick_s))
            self._watch.follow(found.state.epoch, found.memory, found.others)
            self._unread = True
        self._set_weight()
        self._sample(self._state.going)
        with contextlib.suppress(*STORE_ERRORS):  # noted; what has been done does not tell what to do
            await self._read_moves()

    def planned(self, plan: Plan) -> None:
        """To be called with the plan of a newer configuration before that is in force: another version must not begin
        with the weight of the one before.
        """
        if (plan.versions, plan.judged) != (self._plan.versions, self._plan.judged):
            self._outdated = False
        self._plan = plan
        self._set_weight()

    async def run(self) -> None:
        """Ticks until it is cancelled. Whatever goes wrong in a tick leaves the weight as it is."""
        while True:
            try:
                await self.tick()
                self._telling.failing(None)
            except Exception as error:  # a bug, or a core that broke: the rollout stands still and says so
                self._telling.failing(error)
            await asyncio.sleep(self._tick_s)

    def leave(self) -> None:
        """The process is about to end: nothing is decided here any more."""
        self._leaving = True

    async def stop(self) -> None:
        """Stores what has been counted last, and what is owed; whatever keeps it from that is no reason to wait, or to
        leave undone what comes after.
        """
        async with self._lock:
            try:
                await self._store_last()
            except STORE_ERRORS:
                pass
            except Exception as error:
                self._telling.failing(error)

    async def _store_last(self) -> None:
        for _ in range(_ATTEMPTS):
            if self._owed:
                await self._pay(self._owed)
            found = await self._books.read()
            if found is None or found.state.epoch != self._state.epoch or self._outdated:
                return
            self._count()
            if await self._books.write(News(found.state, found.memory, self._watch.own)):
                return

    async def tick(self) -> None:
        """Counts, looks if it is time, and does at most one thing."""
        async with self._lock:
            self._set_weight()  # a core that did not take it gets it again
            with contextlib.suppress(*STORE_ERRORS):  # noted: the next look is blind, and tries again
                await self._meet()
            counters = self._count()
            if not (self._leaving or self._owed):
                self._outdated = self._outdated and self._books.still < SILENT
                if not self._outdated:
                    with contextlib.suppress(*STORE_ERRORS):
                        await self._go_on(counters)
                self._telling.judged(self._state, self._verdict(), self._clock())
            self._sample(self._state.going)
            await self._books.tidy()

    async def _go_on(self, counters: Counters) -> None:
        seen = await self._look(counters) if self._due(counters) else None
        action = self._decided(counters)
        if action.forward and action.by == "judge" and not seen:
            seen = await self._look(counters)  # what was proved a while ago has to be so now
            action = self._decided(counters)
        if action != STAY:
            await self._do(action, seen)
            if self._watch.waits:
                self._count()
        elif seen or self._books.still >= ALIVE:
            await self._write(self._state, seen, [])
        elif self._watch.unstored and self._counts_are_due():
            await self._books.write_counts(self._state.epoch, self._watch.own)
            self._stored()

    def _counts_are_due(self) -> bool:
        """Also where the clock has been set back: nobody knows how long ago it was then."""
        return not timedelta() <= self._clock() - self._stored_at < COUNTS_EACH

    async def ask(self, command: Command, reason: str, epoch: int | None = None) -> Action:
        """Does what a person asks for. On `rollback` traffic goes back at once, whatever else is under way, and even if
        nobody waits for it any more.

        Returns:
            What was done; it moves nothing where things were so already.

        Raises:
            RefusedError: it cannot be done now.
            StoreError, StoreTooNewError: it cannot be stored, so it was not done; never of a rollback, which is stored
                once it can be.
        """
        asked = Asked(command, reason, epoch)
        if command == "rollback":
            back = asyncio.create_task(self._go_back(asked))
            self._backs.add(back)
            back.add_done_callback(self._backs.discard)
            return await asyncio.shield(back)
        async with self._lock:
            return await self._ask(asked)

    async def _go_back(self, asked: Asked) -> Action:
        """Holds the weight at 0 until the rollback is in the state, stored or owed."""
        self._going_back += 1
        try:
            self._set_weight()
            async with self._lock:
                try:
                    return await self._ask(asked)
                except Exception as error:
                    action = ask(self._state, asked, self._followed(), self._clock())
                    if isinstance(action, Refusal) or not action.moves:
                        return STAY
                    self._owe(action, None, error)
                    return action
        finally:
            self._going_back -= 1
            self._set_weight()

    async def _ask(self, asked: Asked) -> Action:
        for _ in range(_ATTEMPTS):
            counters = self._count()
            try:
                await self._meet()
            except STORE_ERRORS:
                if asked.command != "rollback":
                    raise
            action = decide(self._state, self._facts(counters, asked))
            if isinstance(action, Refusal):
                raise RefusedError(action.why)
            if not action.moves and (action == STAY or self._owed):  # a note must not come before what is owed
                return STAY
            if await self._do(action, None) and action.by == "person":
                return action
        raise StoreError("other processes keep writing the rollout")

    def _facts(self, counters: Counters, asked: Asked | None = None) -> Facts:
        closed = counters.breaker.state == "closed"
        return Facts(self._clock(), self._followed(), closed, self._watch.verdict, self._watch.epoch, asked)

    def _followed(self) -> Plan:
        """The plan in force, which in an outdated process is that of another one as far as it is known here."""
        if not self._outdated:
            return self._plan
        return replace(self._plan, versions=self._state.versions, judged=self._state.judged)

    def _decided(self, counters: Counters) -> Action:
        action = decide(self._state, self._facts(counters))
        return STAY if isinstance(action, Refusal) else action

    def _count(self) -> Counters:
        self._counters = counters = self._collector.refresh()
        self._watch.take(counters, going=self._state.going and not self._outdated)
        limits = self._watch.limits_to_set(counters) if self._state.going else {}
        if limits:
            self._core.set_slow(json.dumps(limits))
        return counters

    def _verdict(self) -> Verdict | None:
        """The last one on the present epoch, whoever judged."""
        if not self._state.going:
            return None
        if self._outdated and self._books.still > ALIVE:
            why = "a process with another configuration has taken over, and nothing has been heard of it since"
            return Verdict(kind="blind", reason=blind(why))
        return self._watch.verdict

    def _missing(self) -> str | None:
        fault = self._books.fault
        return f"the store does not take evidence ({fault})" if fault else self._watch.missing(self._clock())

    def _due(self, counters: Counters) -> bool:
        if not self._state.going or self._state.fallback_since:
            return False
        opened = counters.breaker.state != "closed"  # the failures that made it open are judged at once
        return opened or self._watch.due(self._state, self._plan, self._clock(), self._missing())

    async def _look(self, counters: Counters) -> Seen:
        recent = self._collector.activity.recent(RATE_S)
        rate = recent.requests / recent.seconds if recent.seconds > 0 else 0.0
        now, missing = self._clock(), self._missing()
        return await self._watch.look(self._state, self._plan, counters, now=now, rate=rate, missing=missing)

    async def _do(self, action: Action, seen: Seen | None) -> bool:
        """Stores an action, and does it; False where another process has written first.

        Raises:
            StoreError, StoreTooNewError: it was not stored, and not done; never of a rollback.
        """
        before, now = self._state, self._clock()
        state = applied(before, action, self._followed(), now)
        if state.weight < before.weight:
            self._core.set_weight(state.weight)
        moves = [move_of(before, state, action, now)] if before.started or state.started else []
        try:
            if not await self._write(state, seen, list(filter(self._telling.memorable, moves))):
                return False
        except Exception as error:
            if action.kind != "roll_back":
                raise
            self._owe(action, seen, error)
            return True
        for each in moves:  # before a start nobody needs to know
            self._telling.moved(each)
        return True

    def _owe(self, action: Action, seen: Seen | None, error: Exception) -> None:
        """Goes back without the store, which is told once it can be."""
        before, now = self._state, self._clock()
        if before.phase == "rolled_back":
            return
        self._state = applied(before, action, self._followed(), now)
        move = move_of(before, self._state, action, now)
        self._owed = _Owed(action, move, seen, str(error))
        self._set_weight()
        self._telling.moved(move)
        if not isinstance(error, STORE_ERRORS):
            self._telling.failing(error)

    async def _write(self, state: State, seen: Seen | None, moves: list[Move]) -> bool:
        """Stores the rollout, and takes over what is stored then: this, or what another process has written first."""
        memory, own, others = seen.memory if seen else self._watch.memory, self._watch.own, self._watch.others
        if state.epoch != self._state.epoch:
            limits = with_measured({}, self._counters, self._plan.gate.slower)
            memory, own, others = Memory(limits=dict(limits)), Sums(), Sums()
        entries = [seen.entry] if seen and seen.entry else []
        if await self._books.write(News(state, memory, own, moves, entries)):
            self._stored()
            self._take_over(state, memory, others)
            return True
        found = await self._books.read()
        if found:
            self._take_over_from(found)
        return False

    def _stored(self) -> None:
        self._stored_at = self._clock()
        self._watch.unstored = False

    async def _meet(self) -> None:
        """Notices what other processes have written, and stores what is owed.

        Raises:
            StoreError, StoreTooNewError: the store does not answer.
        """
        try:
            if self._owed:
                await self._pay(self._owed)
            elif found := await self._books.newer():
                self._take_over_from(found)
        except LostError:
            lost = Action("begin_again", "store", "The store has been replaced, and evidence with it.")
            self._watch.follow(self._state.epoch, self._watch.memory, Sums())
            if self._state.going:
                await self._do(lost, None)
            else:
                await self._write(self._state, None, [])
        await self._read_moves()

    async def _read_moves(self) -> None:
        if self._unread:
            self._telling.history = await self._books.history()
            self._unread = False

    async def _pay(self, owed: _Owed) -> None:
        """Stores the rollback that could not be stored when it was done, unless somebody else has rolled back, or begun
        another rollout since.
        """
        found = await self._books.read()
        mine = self._state
        if found and (found.state.number > mine.number or found.state.versions != mine.versions):
            self._owed = None
            self._take_over_from(found)
            return
        state = found.state if found else self._state
        news = News(state, found.memory if found else self._watch.memory, Sums())
        if state.phase != "rolled_back" or not found:
            same = not found or found.state.epoch == owed.move.epoch
            entries = [owed.seen.entry] if owed.seen and owed.seen.entry and same else []
            news = replace(news, state=applied(state, owed.action, self._plan, owed.move.at), entries=entries)
            news = replace(news, moves=[owed.move])
        if await self._books.write(news):
            self._owed = None
            self._take_over(news.state, news.memory, Sums())

    def _take_over_from(self, found: Kept) -> None:
        state = found.state
        self._unread = self._unread or state != self._state
        self._outdated = state.versions != self._plan.versions or (state.going and state.judged != self._plan.judged)
        self._take_over(state, found.memory, found.others)

    def _take_over(self, state: State, memory: Memory, others: Sums) -> None:
        """Traffic follows what is stored; in another epoch counting begins once it does."""
        self._state = state
        self._watch.follow(state.epoch, memory, others)
        self._set_weight()

    def _set_weight(self) -> None:
        """What clients get, unless somebody is about to go back, or the weight was that of other versions."""
        back = self._going_back or self._state.versions != self._plan.versions
        self._core.set_weight(0 if back else self._state.weight)
