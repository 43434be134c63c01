"""Rollouts that are led through a made-up world, for tests of the loop."""

import zlib
from datetime import timedelta
from typing import Any

from parallelrun.config.rollout import Gate
from parallelrun.rollout import Rollout
from parallelrun.rollout.keeping import Move
from tests.support.fake_world import World
from tests.unit.rollout.given import STEPS, plan

QUICK = Gate.model_validate(
    {"mismatch": "5%", "failures": "5%", "slower": {"quantile": "50%", "ratio": 2.0}, "confidence": "90%"}
)


def quick(**changes: Any) -> Any:
    """A plan that a few hundred requests are enough for."""
    return plan(**{"gate": QUICK, "hold": timedelta(seconds=30), "bake": timedelta(seconds=60), **changes})


async def ticks(world: World, rollout: Rollout, number: int, *, requests: int = 50, **traffic: Any) -> None:
    """Seconds go by, with traffic."""
    for _ in range(number):
        world.passes(1)
        world.requests(requests, **traffic)
        await rollout.tick()


async def until(world: World, rollout: Rollout, phase: str, *, weight: int | None = None, **traffic: Any) -> None:
    """Seconds go by until it is in that phase."""
    for _ in range(2000):
        if rollout.state.shown == phase and weight in (None, rollout.state.weight):
            return
        await ticks(world, rollout, 1, **traffic)
    raise AssertionError(f"never {phase}: {rollout.state}")


async def at_half(world: World) -> Rollout:
    """A rollout at its second step."""
    rollout = await world.process()
    await until(world, rollout, "stepping", weight=STEPS[1])
    return rollout


def journal(world: World) -> list[str]:
    """The lines that are stored."""
    return [zlib.decompress(entry).decode() for entry in world.store.entries]


def moves(world: World) -> list[Move]:
    """Those that are stored, the oldest first."""
    return [Move.model_validate_json(move) for move in world.store.moves_]
