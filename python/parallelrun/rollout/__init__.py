"""The rollout: moves traffic by evidence, one step at a time. docs/explanation/rollout.md says why.

Start with `decide`; `Rollout` is the loop around it.
"""

from parallelrun.rollout.actions import Action, Refusal, applied, initial
from parallelrun.rollout.decide import decide
from parallelrun.rollout.facts import Asked, Command, Facts
from parallelrun.rollout.phases import PHASES, Phase
from parallelrun.rollout.plan import Plan, make_plan
from parallelrun.rollout.rollout import RefusedError, Rollout
from parallelrun.rollout.standing import Standing
from parallelrun.rollout.state import State

__all__ = [
    "PHASES",
    "Action",
    "Asked",
    "Command",
    "Facts",
    "Phase",
    "Plan",
    "Refusal",
    "RefusedError",
    "Rollout",
    "Standing",
    "State",
    "applied",
    "decide",
    "initial",
    "make_plan",
]
