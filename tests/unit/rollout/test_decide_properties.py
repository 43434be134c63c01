"""What holds for the state machine whatever happens to it."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from parallelrun.rollout.actions import Action, Refusal, applied
from parallelrun.rollout.asking import COMMANDS
from parallelrun.rollout.decide import decide
from parallelrun.rollout.facts import Asked
from parallelrun.rollout.state import State
from tests.unit.rollout.given import STEPS, Walk, plan

KINDS = st.sampled_from(["advance", "advance", "advance", "hold", "roll_back", "blind", None])
EVENTS = st.one_of(
    st.tuples(st.just("pass"), st.integers(0, 3 * 86_400)),
    st.tuples(st.just("pass"), st.sampled_from([1, 599, 600, 601, 3600])),
    st.tuples(st.just("ask"), st.sampled_from(sorted(COMMANDS))),
    st.tuples(st.just("breaker"), st.booleans()),
    st.tuples(st.just("judged"), st.integers(0, 1)),
    st.tuples(st.just("versions"), st.integers(0, 1)),
    st.tuples(st.just("written"), st.booleans()),
)
PLANS = st.builds(
    plan,
    written=st.booleans(),
    steps=st.sampled_from([STEPS, (100,), (1_000_000,)]),
    approve=st.sampled_from([frozenset(), frozenset({1_000_000}), frozenset(STEPS)]),
)


class Watched(Walk):
    """Reckons by itself how long each epoch has lasted while nothing held the clock."""

    active = timedelta()

    def passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        if not (self.state.phase == "paused" or self.state.fallback_since):
            self.active += timedelta(seconds=seconds)

    def once(self, kind: Any, asked: Asked | None = None) -> str:
        """Decides, checks, and applies."""
        before, facts = self.state, self.facts(kind, asked)
        action = decide(before, facts)
        if isinstance(action, Refusal):
            assert asked
            return "refused"
        after = applied(before, action, self.plan, self.now)
        self.check(before, action, after, kind if asked is None else None)
        if after.epoch != before.epoch:
            self.active = timedelta()
        self.state = after
        assert State.model_validate_json(after.model_dump_json()) == after
        return action.kind

    def check(self, before: State, action: Action, after: State, kind: str | None) -> None:
        assert after.epoch >= before.epoch
        if after.weight > before.weight:
            assert action.kind == "step"
            assert after.weight in self.plan.steps
            assert after.epoch > before.epoch
        if action.forward and action.by == "judge":
            assert kind == "advance"
            assert before.phase in ("shadow", "stepping", "baking")
            assert not before.fallback_since
            assert self.active >= (self.plan.bake if before.phase == "baking" else self.plan.hold)
            if action.kind == "step":
                assert after.weight not in self.plan.approve
        if action.forward:
            assert action.by in ("judge", "person")
            assert before.going
        if kind == "roll_back" and before.going and action.by not in ("config", "person"):
            assert after.phase == "rolled_back"
        if after.phase == "rolled_back" or not after.started:
            assert after.weight == 0
        if before.phase == "rolled_back" and after.phase != "rolled_back":
            assert action.kind in ("start", "start_over")
        if kind == "blind" and action.by in ("judge", "clock", "breaker"):
            assert after.weight == before.weight
        if after.going and after.weight != before.weight:
            assert after.epoch > before.epoch  # within an epoch the weight stays
        assert after.deadline_from >= before.deadline_from or after.epoch > before.epoch
        assert after.held_from >= before.held_from


@settings(max_examples=400)
@given(PLANS, st.lists(st.tuples(EVENTS, KINDS), max_size=40))
def test_whatever_happens(begin: Any, events: list[tuple[tuple[str, Any], Any]]) -> None:
    walk = Watched(begin)
    for (event, value), kind in events:
        asked = None
        match event:
            case "pass":
                walk.passes(value)
            case "ask":
                asked = Asked(value)
            case "breaker":
                walk.breaker_closed = value
            case "judged":
                walk.plan = plan(**{**walk.plan.__dict__, "judged": f"rules {value}"})
            case "versions":
                walk.plan = plan(**{**walk.plan.__dict__, "versions": f"v1 v{value}"})
            case _:
                walk.plan = plan(**{**walk.plan.__dict__, "written": value})
        moved = walk.once(kind, asked) in ("step", "bake", "complete")
        # Deciding again with the same facts settles, and takes no further step forward.
        epoch = walk.state.epoch
        for _ in range(5):
            facts = walk.facts(kind)
            again = decide(walk.state, type(facts)(**{**facts.__dict__, "epoch": epoch}))
            assert isinstance(again, Action)
            if again.kind == "stay":
                break
            assert not (moved and again.forward), "two steps on one verdict"
            moved = moved or again.forward
            walk.state = applied(walk.state, again, walk.plan, walk.now)
            if walk.state.epoch != epoch:
                walk.active = timedelta()
        else:
            raise AssertionError(f"it does not settle: {again}")
