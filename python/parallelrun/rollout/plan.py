"""What the configuration says about the rollout."""

from dataclasses import dataclass
from datetime import timedelta

from parallelrun.config.rollout import Gate


@dataclass(frozen=True)
class Plan:
    """The plan in force.

    Args:
        written: whether the configuration has a `rollout` of its own: without one nothing moves unless a person starts.
        versions: names the two versions: two plans with the same are about the same.
        judged: names what is compared and by which gate.
        steps: the weights in parts per million, rising.
        hold: the least time at a step.
        deadline: how long a step may take to come to a decision.
        gate: the evidence that a step needs.
        never: places where one confirmed difference is enough to go back.
        approve: the steps that wait for a person.
        bake: how long the old side keeps shadowing after the last step.
        asks_again: whether a random sample of the pairs tells how often the old side differs from itself.
    """

    written: bool
    versions: str
    judged: str
    steps: tuple[int, ...]
    hold: timedelta
    deadline: timedelta
    gate: Gate
    never: tuple[str, ...]
    approve: frozenset[int]
    bake: timedelta
    asks_again: bool

    def after(self, weight: int) -> int | None:
        """The next step above a weight; None after the last."""
        return next((step for step in self.steps if step > weight), None)

    def number(self, weight: int) -> int | None:
        """Which step a weight is, from 1; None where it is none."""
        return self.steps.index(weight) + 1 if weight in self.steps else None
