"""What is known of the present epoch: counted, looked at when it is time, and judged."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from parallelrun.config.rollout import Gate
from parallelrun.config.words import span
from parallelrun.evidence.counters import Counters
from parallelrun.evidence.threads import in_thread
from parallelrun.judge import Entry, JudgeState, Look, Stable, Verdict
from parallelrun.judge.words import blind
from parallelrun.rollout.keeping import Memory
from parallelrun.rollout.looks import make_look, stable
from parallelrun.rollout.plan import Plan
from parallelrun.rollout.slowness import not_in_force, with_measured
from parallelrun.rollout.state import State
from parallelrun.rollout.sums import Counting, Sums

LEAST_PAUSE = timedelta(seconds=1)
_SHARE = 100
"""The next look comes after a hundredth of the time of the epoch so far: a few hundred, however long it lasts."""
MOST_PAUSE = timedelta(minutes=1)
MOST_PAUSE_BAKING = timedelta(seconds=10)
"""The bake looks for a change, which a look at many requests at once finds later."""
STALE = timedelta(minutes=5)
"""So long without an answer of the new side to compare, and what was proved may hold no longer."""
WHOLE_EACH = 200
"""Every so many entries of the journal one can be understood without those before."""
JUDGE_S = 30.0
"""How long the judge may take."""


@dataclass(frozen=True)
class Seen:
    """What a look has brought, to be stored."""

    memory: Memory
    entry: tuple[Entry, bool] | None
    """The line for the journal, and whether it can be understood by itself; None where the judge itself failed."""


class Watch:
    """Of one process. Its counts and those of other processes on the same store make up the evidence.

    Args:
        epoch: the one that counts from the start of the process belong to.
        pause: the least time between two looks.
    """

    def __init__(self, epoch: int = 0, pause: timedelta = LEAST_PAUSE) -> None:
        self.epoch = epoch
        """What all of it is about."""
        self.waits = False
        """Whether counting begins with the next counters."""
        self.memory = Memory()
        """As it is in the store."""
        self.verdict: Verdict | None = None
        """The last one; None before the first look of the epoch."""
        self.others = Sums()
        self.unstored = False
        """Whether something has been counted that is not in the store yet."""
        self._counting = Counting()
        self._pause = pause
        self._counts = True
        self._judging: asyncio.Future[tuple[Verdict, JudgeState]] | None = None
        self._looked: datetime | None = None
        self._missing: str | None = None
        self._stable: tuple[Stable, ...] = ()
        self._since_whole = WHOLE_EACH
        self._fresh: tuple[int, datetime] | None = None
        self._summed: Sums | None = None

    @property
    def own(self) -> Sums:
        """What this process has counted."""
        return self._counting.own

    def follow(self, epoch: int, memory: Memory, others: Sums) -> None:
        """What is in the store. In another epoch than before nothing has been counted or judged yet."""
        if epoch != self.epoch:
            self.epoch, self.waits = epoch, True
            self._counting = Counting()
            self._looked, self._fresh, self._stable, self._since_whole = None, None, (), WHOLE_EACH
        self.memory, self.others = memory, others
        self.verdict = memory.verdict
        self._summed = None

    def take(self, counters: Counters, *, going: bool) -> None:
        """Counts what has come since. What came while the breaker was open or let traffic back is no evidence; the
        failures that made it open are one.
        """
        closed = counters.breaker.state == "closed"
        counts = going and self._counts and not self.waits
        self._counting.take(counters, counts=counts, outage=not closed)
        self.unstored = self.unstored or counts
        self.waits, self._counts = False, closed
        if not self._counts:
            self._fresh = None
        self._summed = None

    def missing(self, now: datetime) -> str | None:
        """Why the counts are not fresh, as the end of a sentence; None if they are."""
        compared = self._sums().compared
        if self._fresh is None or self._fresh[0] != compared:
            self._fresh = (compared, now)
        if now < self._fresh[1]:  # the clock has been set back
            self._fresh = (compared, now)
        quiet = now - self._fresh[1]
        return f"nothing has been compared for {span(quiet.total_seconds())}" if quiet >= STALE else None

    def due(self, state: State, plan: Plan, now: datetime, missing: str | None) -> bool:
        """Whether it is time for a look: regularly, and at once where something has happened."""
        if self._looked is None or now < self._looked or (missing is None) != (self._missing is None):
            return True
        if plan.never and len(stable(self._sums(), plan)) > len(self._stable):
            return True
        most = MOST_PAUSE_BAKING if state.progress == "baking" else MOST_PAUSE
        return now - self._looked >= max(self._pause, min(most, (now - state.since) / _SHARE))

    async def look(
        self, state: State, plan: Plan, counters: Counters, *, now: datetime, rate: float, missing: str | None
    ) -> Seen:
        """Judges what there is, in a thread."""
        self._looked, self._missing = now, missing
        before = self.memory.judge
        try:
            limits = with_measured(self.memory.limits, counters, plan.gate.slower)
            look = make_look(state, plan, self._sums(), limits, now=now, rate=rate, missing=missing)
            self._stable = look.stable
            verdict, judged = await self._judged(look, before, plan.gate)
        except Exception as error:  # whatever it is: without a judge there is no verdict
            why = f"the judge failed ({type(error).__name__}: {error})"[:300]
            self.verdict = Verdict(kind="blind", reason=blind(why))
            return Seen(self.memory.model_copy(update={"verdict": self.verdict}), None)
        self.verdict = verdict
        first = before.last is None or before.last.epoch != look.epoch
        self._since_whole += 1
        whole = first or self._since_whole > WHOLE_EACH
        if whole:
            self._since_whole = 1
        entry = Entry(look=look, gate=plan.gate, verdict=verdict, state=before if whole and not first else None)
        return Seen(Memory(judge=judged, verdict=verdict, limits=dict(limits)), (entry, whole))

    async def _judged(self, look: Look, before: JudgeState, gate: Gate) -> tuple[Verdict, JudgeState]:
        """In a thread. One that hangs is left alone, and nobody else is asked until it has come back."""
        if self._judging and not self._judging.done():
            raise TimeoutError("the one asked last has not answered yet")
        self._judging = judging = in_thread(lambda: _judge(look, before, gate))
        done, _ = await asyncio.wait({judging}, timeout=JUDGE_S)
        if not done:
            raise TimeoutError(f"no answer within {JUDGE_S:g} s")
        return judging.result()

    def limits_to_set(self, counters: Counters) -> dict[str, dict[str, int]]:
        """What the core has to be told of what counts as slow."""
        new = not_in_force(self.memory.limits, counters)
        return {endpoint: {"old_us": old_us, "new_us": new_us} for endpoint, (old_us, new_us) in new.items()}

    def _sums(self) -> Sums:
        """What all processes have counted."""
        if self._summed is None:
            self._summed = self.own + self.others
        return self._summed


def _judge(look: Look, state: JudgeState, gate: Gate) -> tuple[Verdict, JudgeState]:
    from parallelrun.judge import judge  # noqa: PLC0415 - SciPy, which takes a second: in that thread, and only now

    return judge(look, state, gate)
