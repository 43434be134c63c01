"""The facts of a moment, gathered from what is known."""

from collections.abc import Callable, Mapping

from parallelrun.alerts.facts import Counted, Facts, Lately, RolloutFacts, Side, Unhealthy
from parallelrun.config import Config
from parallelrun.config.units import MILLION
from parallelrun.evidence.collector import Collector

RECENT_S = 300.0
"""The facts are about so many seconds."""


class Gathered:
    """Remembers when counts last grew.

    Args:
        collector: what is known.
        config: the configuration in force.
        unhealthy: the sides whose health URL fails.
        rollout: where the rollout stands.
        place: where evidence is kept, without secrets.
    """

    def __init__(
        self,
        collector: Collector,
        config: Callable[[], Config],
        unhealthy: Callable[[], Mapping[Side, Unhealthy]],
        rollout: Callable[[], RolloutFacts | None],
        place: str,
    ) -> None:
        self._collector = collector
        self._config = config
        self._unhealthy = unhealthy
        self._rollout = rollout
        self._place = place
        self._counted = Counted()
        self._faults: dict[str, Lately] = {}

    def fault(self, name: str, error: str, now_ms: int) -> None:
        """An event said that a part of parallelrun itself failed."""
        known = self._faults.get(name)
        self._faults[name] = Lately((known.total if known else 0) + 1, now_ms, error)

    def at(self, now_ms: int) -> Facts:
        """The facts as of now."""
        collector, config = self._collector, self._config()
        counters, activity = collector.evidence.now, collector.activity
        held, _ = collector.held
        return Facts(
            now_ms=now_ms,
            weight=counters.weight_ppm / MILLION,
            sample=config.sample / MILLION,
            recent=activity.recent(RECENT_S),
            new_last_ms=activity.last_new_ms or collector.run.started_ms,
            new_url=config.new.url,
            new_failed=any(counters.sides.new.failures.values()),
            unhealthy=dict(self._unhealthy()),
            missed=self._missed(now_ms),
            store=self._place,
            store_error=collector.health.error,
            held=held,
            lost=self._counted("lost", collector.lost, now_ms),
            rollout=self._rollout(),
            faults=dict(self._faults),
        )

    def _missed(self, now_ms: int) -> dict[tuple[Side, str], Lately]:
        missed: dict[tuple[Side, str], Lately] = {}
        for endpoint in self._collector.evidence.now.endpoints:
            sides: tuple[tuple[Side, int], ...] = (
                ("old", endpoint.old.missed_writes),
                ("new", endpoint.new.missed_writes),
            )
            for side, total in sides:
                if writes := self._counted((side, endpoint.endpoint), total, now_ms):
                    missed[side, endpoint.endpoint] = writes
        return missed
