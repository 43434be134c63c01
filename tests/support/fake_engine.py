"""An engine without a data plane: a fake core, a real store and a real collector, for tests of the faces."""

from datetime import date
from typing import Any

import structlog

from parallelrun.alerts.alerts import Alerts
from parallelrun.alerts.facts import RolloutFacts
from parallelrun.api import rollout, rules, views
from parallelrun.api.status import status
from parallelrun.config import Config, Loaded
from parallelrun.config.attachments import Attachments
from parallelrun.config.rewrite import Plan, RewriteError
from parallelrun.config.units import Address
from parallelrun.engine.health import HealthChecks
from parallelrun.engine.sides import Sides
from parallelrun.engine.status import ConfigStatus
from parallelrun.evidence import open_store
from parallelrun.evidence.collector import Collector
from parallelrun.evidence.events import Events
from parallelrun.evidence.rollouts import Rollouts
from parallelrun.rollout import Rollout, make_plan
from parallelrun.rollout.keeping import Keeper
from parallelrun.web.report import Report, build, wanted_pairs
from tests.support.fake_core import START_MS, Clock, FakeCore

SIDES = {"old": "http://127.0.0.1:1", "new": "http://127.0.0.1:2"}


class FakeEngine:
    """What `api.engine.Engine` asks for; a test changes what it likes."""

    version = "1.2.3"

    def __init__(self, url: str, core: FakeCore | None = None, clock: Clock | None = None, **settings: Any) -> None:
        self.core = core or FakeCore()
        self.store = open_store(url)
        self.events = Events()
        self.events._log = structlog.wrap_logger(structlog.testing.ReturnLogger(), processors=[])
        options: dict[str, Any] = {"clock": clock} if clock else {}
        self.collector = Collector(self.core, self.store, events=self.events, interval=0.01, **options)
        self.loaded = Loaded(Config.model_validate({**SIDES, **settings}), Attachments())
        self.health = HealthChecks(self, self.core)
        self.rollout_facts: RolloutFacts | None = None
        keeper = Keeper(Rollouts(self.store), self.collector.run.id)
        plan = make_plan(self.loaded, date(2026, 3, 1))
        self.rollout = Rollout(self.core, self.collector, keeper, plan, self.events, sample=lambda _: None)
        self.alerts = Alerts(
            self.collector,
            self.events,
            config=lambda: self.config,
            unhealthy=lambda: self.health.unhealthy,
            rollout=lambda: self.rollout_facts,
            place=self.store.place,
            version=self.version,
        )
        self.config_status = ConfigStatus(None, 1, START_MS)
        self.address = Address("127.0.0.1", 8080)
        self.admin_address = Address("127.0.0.1", 8081)
        self.draining = False
        self.other_sides: Sides | None = None

    @property
    def config(self) -> Config:
        return self.loaded.config

    @property
    def settings(self) -> "FakeEngine":
        return self

    async def rewrite(self, plan: Plan) -> None:
        plan(self.config)
        raise RewriteError("There is no configuration file.")

    async def report(self) -> Report:
        """The report as it is now."""
        found = views.differences(self, limit=10_000).items
        return build(
            status=await status(self),
            ledger=views.ledger(self),
            endpoints=views.endpoints(self),
            differences=found,
            rules=rules.rules(self),
            rollout=rollout.rollout(self),
            pairs=await views.pairs(self, wanted_pairs(found)),
        )

    async def close(self) -> None:
        await self.collector.stop()
        await self.store.close()
