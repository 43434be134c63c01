"""One running parallelrun: its parts, started in the right order and ended in the right order."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from parallelrun._core import ConfigError, Proxy, __version__
from parallelrun.alerts.alerts import Alerts
from parallelrun.config import Config, Loaded, Source
from parallelrun.config.active import today
from parallelrun.config.snapshot import listener, snapshot
from parallelrun.config.units import Address
from parallelrun.engine.admin import AdminServer
from parallelrun.engine.deadline import Deadline
from parallelrun.engine.handover import Port
from parallelrun.engine.health import HealthChecks
from parallelrun.engine.neighbours import name_of, processes_at
from parallelrun.engine.settings import Settings
from parallelrun.engine.sides import ADVICE, Sides, SidesInStore
from parallelrun.engine.standing import rollout_facts
from parallelrun.engine.start import (
    USAGE,
    StartError,
    bind_admin,
    cannot_listen,
    check_admin,
    ready_rollout,
    ready_sides,
    ready_store,
)
from parallelrun.engine.status import Clock, ConfigStatus, Ending
from parallelrun.engine.tasks import Tasks
from parallelrun.evidence import Store
from parallelrun.evidence.collector import Collector
from parallelrun.evidence.events import Events
from parallelrun.evidence.threads import in_thread
from parallelrun.rollout import Rollout

FLUSH_S = 5.0
"""How long the store may take for the last evidence, in seconds, as far as the deadline allows."""

TELL_S = 2.0
"""How long the last alerts may take, in seconds, as far as the deadline allows."""
ROLLOUT_S = 2.0
"""How long the store may take for what the rollout has counted last, in seconds, as far as the deadline allows."""

CreateApp = Callable[["Engine"], Any]
"""Makes the ASGI application of the admin API; it may hold on to the engine."""


class Engine:
    """The parts of a running process, for the faces to read. Made by `start`.

    Args:
        core: the data plane.
        store: the database of the evidence.
        collector: carries evidence from the one to the other, and knows what there is.
        settings: what is in force.
        rollout: moves the traffic.
        events: where news is told.
    """

    version = __version__

    def __init__(
        self, core: Proxy, store: Store, collector: Collector, *, settings: Settings, rollout: Rollout, events: Events
    ) -> None:
        self.core = core
        self.store = store
        self.collector = collector
        self.settings = settings
        self.rollout = rollout
        self.events = events
        self.draining = False
        """Whether it no longer takes new connections, since a signal asked it to end."""
        self.other_sides: Sides | None = None
        """Other addresses than those that it began with, where the store holds evidence of them."""
        self.admin: AdminServer
        self.health = HealthChecks(settings, core)
        """Of both sides."""
        self.alerts = Alerts(
            collector,
            events,
            config=lambda: self.config,
            unhealthy=lambda: self.health.unhealthy,
            rollout=lambda: rollout_facts(self.rollout.standing()),
            place=store.place,
            version=self.version,
        )
        """What is told to whom."""
        self._sides: SidesInStore
        self._tasks = Tasks(events)
        self._port: Port
        self._admin_port: Port

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.settings.config

    @property
    def config_status(self) -> ConfigStatus:
        """How the configuration came into force, and the newer one that was refused, if any."""
        return self.settings.status

    @property
    def address(self) -> Address:
        """Where clients connect, with the real port."""
        return Address(*self.core.address)

    @property
    def admin_address(self) -> Address:
        """Where the admin API listens, with the real port."""
        return Address(*self.admin.listener.getsockname()[:2])

    @classmethod
    async def start(cls, source: Source, loaded: Loaded, create_app: CreateApp, events: Events) -> "Engine":
        """Connects to the store, binds both ports and begins to serve.

        Raises:
            StartError: that cannot be done; nothing is left open then.
        """
        config = loaded.config
        async with contextlib.AsyncExitStack() as undo:
            store = await ready_store(config.store)
            undo.push_async_callback(store.close)
            try:
                core = Proxy(listener(loaded), snapshot(loaded, 1, today()))
            except ConfigError as error:
                raise StartError(str(error), USAGE) from error
            collector = Collector(core, store, events=events, version=cls.version)
            settings = Settings(source, loaded, core, collector, events)
            rollout = await ready_rollout(core, collector, store, settings, events)
            sides = SidesInStore(collector, lambda: settings.config)
            other_sides = await ready_sides(sides, store)
            admin_socket = bind_admin(config.admin.listen)
            undo.callback(admin_socket.close)
            await check_admin(config.admin.listen, config.listen)
            try:
                core.start()
            except OSError as error:
                raise cannot_listen("listen", config.listen, error) from error
            undo.callback(core.stop, 0.0)
            engine = cls(core, store, collector, settings=settings, rollout=rollout, events=events)
            engine.other_sides, engine._sides = other_sides, sides
            engine.admin = AdminServer(create_app(engine), admin_socket, events)
            engine.alerts.start()
            undo.push_async_callback(engine.alerts.stop, 0.0)
            await collector.start()
            await engine.admin.start()
            undo.pop_all()
        engine._begin()
        return engine

    def reload(self) -> None:
        """Reads the configuration again, as SIGHUP asks."""
        self._tasks.start("reload", self.settings.reload("SIGHUP"))

    async def stop(self, cause: str, hurry: asyncio.Event) -> Ending:
        """Lets requests finish, stores the evidence, and ends.

        Args:
            cause: for the log: the name of the signal.
            hurry: once set, nobody waits for requests any longer.

        Returns:
            Which clock ended it. Where the hard deadline does, the process ends in here.
        """
        clocks = self.config.stop
        deadline = Deadline(clocks.deadline.total_seconds())
        self.draining = True
        self.rollout.leave()
        self.events.publish("draining", cause=cause, grace_s=clocks.grace.total_seconds())
        handed_over = await self._hand_over(hurry)
        clock = await self._finish(max(0.0, clocks.grace.total_seconds() - deadline.passed), hurry)
        await self._tasks.cancel()
        with contextlib.suppress(Exception):  # a core that broke must not keep the process from ending
            self.collector.refresh()
        self._sides.note()
        await self.alerts.settle()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.1, min(ROLLOUT_S, deadline.left / 4))):
                await self.rollout.stop()
        # A second stays for the rest, where there is one.
        await self.collector.stop(max(0.2, min(FLUSH_S, deadline.left - 1.0)))
        await self.alerts.stop(max(0.0, min(TELL_S, deadline.left - 0.5)))
        counters = self.collector.evidence.now
        self.events.publish(
            "stopped",
            clock=clock,
            seconds=round(deadline.passed, 3),
            handed_over=handed_over,
            requests=counters.requests,
            cut_off=counters.in_flight,
        )
        self.events.close()
        await self.admin.stop()
        await self.store.close()
        deadline.cancel()
        return Ending(clock, deadline.passed)

    def _begin(self) -> None:
        self._tasks.start("settings", self.settings.follow())
        self._tasks.start("health", self.health.follow())
        self._tasks.start("rollout", self.rollout.run())
        self._tasks.start("sides", self._sides.follow())
        self._port = Port(self.core.listener_fds())
        self._admin_port = Port([self.admin.listener.fileno()])
        for port in (self._port, self._admin_port):
            self._tasks.start("settle-in", port.settle_in())
        self.events.publish(
            "serving",
            listen=str(self.address),
            admin=str(self.admin_address),
            old=self.config.old.url,
            new=self.config.new.url,
            store=self.store.place,
            version=self.version,
        )
        if self.config_status.warnings:
            self.events.publish("config.warnings", "warning", warnings=list(self.config_status.warnings))
        if sides := self.other_sides:
            self.events.publish(
                "store.other_sides",
                "warning",
                store=self.store.place,
                old=sides.old,
                new=sides.new,
                since_ms=sides.since_ms,
                hint=f"{sides.sentence} {ADVICE}",
            )
        if self._port.is_taken_over:
            # As it should be while a port is handed over; otherwise somebody should know that connections are shared.
            others = sorted(processes_at(self.address))
            self.events.publish(
                "listen.shared", "warning", listen=str(self.address), processes=others, hint=_sharing(others)
            )

    async def _hand_over(self, hurry: asyncio.Event) -> bool:
        """Leaves both ports to another process, if there is one; True if there is."""
        clients = asyncio.create_task(self._port.hand_over())
        admin = asyncio.create_task(self._admin_port.hand_over())
        await _unless(hurry, asyncio.gather(clients, admin, return_exceptions=True))
        return clients.done() and not clients.cancelled() and clients.exception() is None and clients.result()

    async def _finish(self, grace: float, hurry: asyncio.Event) -> Clock:
        """Stops the core; says what ended it."""
        stopped = in_thread(lambda: self.core.stop(grace))
        await _unless(hurry, stopped)
        if not stopped.done():
            return "second signal"
        return "finished" if stopped.result() else "grace"


def _sharing(others: list[int]) -> str:
    who = " and ".join(map(name_of, others)) or "another process"
    which = " ".join(map(str, others)) or "PID"
    return (
        f"Clients are dealt out, by chance, to this process and to {who}, until one of them ends. To let this one"
        f" take over: `kill -TERM {which}`. If a second one was not meant: end this one, or give it a --listen and an"
        " --admin of its own."
    )


async def _unless(hurry: asyncio.Event, work: "asyncio.Future[Any]") -> None:
    """Waits for `work`, but no longer than until `hurry` is set."""
    hurried = asyncio.create_task(hurry.wait())
    waiting: set[asyncio.Future[Any]] = {hurried, work}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
