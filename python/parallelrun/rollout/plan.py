"""What the configuration says about the rollout."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, timedelta

from parallelrun.config import Loaded
from parallelrun.config.rollout import Gate
from parallelrun.config.snapshot import snapshot

VERSIONS = ("old.url", "old.version", "new.url", "new.version")
"""Settings that say which versions are compared: when one changes, another rollout begins, at weight 0."""
COMPARED = (
    "old",
    "new",
    "databases",
    "rescue",
    "sample",
    "sticky",
    "verify",
    "compare",
    "routes",
    "openapi",
    "rollout.steps",
    "rollout.gate",
    "rollout.never",
    "limits.body",
    "limits.shadow_timeout",
    "limits.endpoints",
    "limits.samples",
)
"""Settings that evidence depends on: when one changes, or a rule expires, the step begins again with fresh evidence."""

_OF_SNAPSHOT = (
    "old",
    "new",
    "databases",
    "rescue",
    "sample_ppm",
    "sticky",
    "verify",
    "compare",
    "templates",
    "routes",
)
_OF_LIMITS = ("body_bytes", "shadow_ms", "endpoints", "sampled_per_s")


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


def make_plan(loaded: Loaded, day: date) -> Plan:
    """The plan of a configuration.

    Args:
        loaded: the configuration.
        day: today. Rules whose last day has passed are not in force.
    """
    config, rollout = loaded.config, loaded.config.rollout
    sides = [[side.url, side.version] for side in (config.old, config.new)]
    never = tuple(place.at for place in rollout.never)
    text = json.loads(snapshot(loaded, 1, day, sampling=True))
    for side in (text["old"], text["new"]):
        del side["ca"]  # another authority vouches for the same answers
    compared = [[text[key] for key in _OF_SNAPSHOT], [text["limits"][key] for key in _OF_LIMITS]]
    judged = [compared, rollout.steps, rollout.gate.model_dump(mode="json"), never]
    return Plan(
        written="rollout" in config.model_fields_set,
        versions=_digest(sides),
        judged=_digest(judged),
        steps=rollout.steps,
        hold=rollout.hold,
        deadline=rollout.deadline,
        gate=rollout.gate,
        never=never,
        approve=frozenset(rollout.approve),
        bake=rollout.bake,
        asks_again=config.limits.samples > 0,
    )


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
