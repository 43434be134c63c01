"""What the admin API needs of the running process."""

from typing import Protocol

from parallelrun.alerts.alerts import Alerts
from parallelrun.config import Config, Loaded
from parallelrun.config.rewrite import Plan
from parallelrun.config.units import Address
from parallelrun.engine.health import HealthChecks
from parallelrun.engine.sides import Sides
from parallelrun.engine.status import ConfigStatus
from parallelrun.evidence import Store
from parallelrun.evidence.collector import Collector
from parallelrun.evidence.events import Events
from parallelrun.rollout import Rollout


class Settings(Protocol):
    """The settings in force."""

    @property
    def loaded(self) -> Loaded:
        """With what the files that they name hold."""

    async def rewrite(self, plan: Plan) -> None:
        """Changes the file that they come from and puts the result in force."""


class Engine(Protocol):
    """The part of `parallelrun.engine.Engine` that is read here. A test may bring another."""

    @property
    def version(self) -> str:
        """Of parallelrun."""

    @property
    def config(self) -> Config:
        """The configuration in force."""

    @property
    def config_status(self) -> ConfigStatus:
        """How it came into force, and the newer one that was refused, if any."""

    @property
    def settings(self) -> Settings:
        """The configuration with its files."""

    @property
    def alerts(self) -> Alerts:
        """What is told to whom."""

    @property
    def health(self) -> HealthChecks:
        """The health of both sides."""

    @property
    def store(self) -> Store:
        """The database of the evidence."""

    @property
    def collector(self) -> Collector:
        """What is known."""

    @property
    def rollout(self) -> Rollout:
        """What moves the traffic."""

    @property
    def events(self) -> Events:
        """Where news is told."""

    @property
    def address(self) -> Address:
        """Where clients connect."""

    @property
    def admin_address(self) -> Address:
        """Where the admin API listens."""

    @property
    def other_sides(self) -> Sides | None:
        """Other addresses than those that it began with, where the store holds evidence of them."""

    @property
    def draining(self) -> bool:
        """Whether it no longer takes new connections."""
