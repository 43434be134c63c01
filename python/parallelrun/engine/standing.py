"""Where the rollout stands, for the alerts: they and it do not know each other."""

from parallelrun.alerts.facts import RolloutFacts
from parallelrun.rollout.standing import Standing


def rollout_facts(standing: Standing) -> RolloutFacts | None:
    """What somebody may want to be told of; None where another process leads the rollout."""
    if standing.outdated:
        return None
    state, verdict = standing.state, standing.verdict
    blind = verdict.reason if verdict and verdict.kind == "blind" and standing.blind_since else None
    return RolloutFacts(
        state.phase,
        state.weight,
        state.reason,
        waiting=state.waiting_since is not None,
        blind=blind,
        blind_ms=int(standing.blind_since.timestamp() * 1000) if standing.blind_since else 0,
    )
