"""What a decision is made from: everything but the state itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from parallelrun.judge import Verdict
from parallelrun.rollout.plan import Plan

Command = Literal["start", "pause", "resume", "advance", "rollback"]


@dataclass(frozen=True)
class Asked:
    """What a person wants.

    Args:
        command: what.
        reason: why; may be empty.
        epoch: of `advance`: the one to leave, and no other; None for the present one.
    """

    command: Command
    reason: str = ""
    epoch: int | None = None


@dataclass(frozen=True)
class Facts:
    """The world at one moment.

    Args:
        now: wall-clock time.
        plan: what the configuration says.
        breaker_closed: whether the data plane holds the new side for healthy.
        verdict: the judge's last one; None where nothing has been judged.
        epoch: which counts that verdict is about.
        asked: what a person wants; None if nothing.
    """

    now: datetime
    plan: Plan
    breaker_closed: bool = True
    verdict: Verdict | None = None
    epoch: int | None = None
    asked: Asked | None = None
