"""Plans, verdicts and states for tests of the rollout."""

from datetime import UTC, datetime, timedelta
from typing import Any

from parallelrun.config.rollout import Gate
from parallelrun.judge import Verdict
from parallelrun.judge.verdict import Kind
from parallelrun.rollout.actions import Action, Refusal, applied, initial
from parallelrun.rollout.decide import decide
from parallelrun.rollout.facts import Asked, Command, Facts
from parallelrun.rollout.plan import Plan
from parallelrun.rollout.state import State

BEGAN = datetime(2026, 3, 1, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STEPS = (100_000, 500_000, 1_000_000)


def plan(**changes: Any) -> Plan:
    """A plan of three steps, each of ten minutes at least and of a day at most."""
    values: dict[str, Any] = {
        "written": True,
        "versions": "v1 v2",
        "judged": "rules",
        "steps": STEPS,
        "hold": 10 * MINUTE,
        "deadline": timedelta(days=1),
        "gate": Gate(),
        "never": (),
        "approve": frozenset(),
        "bake": 60 * MINUTE,
        "asks_again": True,
    }
    return Plan(**(values | changes))


def verdict(kind: Kind) -> Verdict:
    """A verdict that gives its kind for a reason."""
    return Verdict(kind=kind, reason=f"Because of {kind}.")


class Walk:
    """A rollout that is led by hand: time passes, verdicts come, people ask."""

    def __init__(self, begin: Plan | None = None) -> None:
        self.plan = begin or plan()
        self.now = BEGAN
        self.breaker_closed = True
        self.state: State = initial(self.plan, self.now)
        self.actions: list[Action] = []

    def facts(self, said: Kind | None = None, asked: Asked | None = None) -> Facts:
        """The facts as they are, with a verdict on the present epoch."""
        judged = verdict(said) if said else None
        return Facts(self.now, self.plan, self.breaker_closed, judged, self.state.epoch, asked)

    def goes(self, said: Kind | None = None, *, after: timedelta = timedelta()) -> str:
        """Lets time pass, decides once, and returns what was decided."""
        self.now += after
        return self._do(decide(self.state, self.facts(said)))

    def asked(
        self, command: Command, reason: str = "", *, epoch: int | None = None, after: timedelta = timedelta()
    ) -> str:
        """Lets time pass, and a person asks; `refused` where it cannot be."""
        self.now += after
        return self._do(decide(self.state, self.facts(asked=Asked(command, reason, epoch))))

    def _do(self, action: Action | Refusal) -> str:
        if isinstance(action, Refusal):
            return "refused"
        self.state = applied(self.state, action, self.plan, self.now)
        self.actions.append(action)
        return action.kind

    def to(self, phase: str, weight: int = 0) -> "Walk":
        """Leads it there by proof upon proof."""
        for _ in range(20):
            if (self.state.phase, self.state.weight) == (phase, weight):
                return self
            self.goes("advance", after=self.plan.bake)
        raise AssertionError(f"never {phase} at {weight}: {self.state}")
