"""The settings in force, and how newer ones take their place. A bad configuration never does: the old one stays."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Literal

from parallelrun._core import ConfigError, Proxy
from parallelrun.alerts.clock import wall_ms
from parallelrun.config import BadConfigError, Config, Loaded, Problem, Source
from parallelrun.config.active import expired_rules, today
from parallelrun.config.changes import changed_keys, fixed_changes
from parallelrun.config.rewrite import Plan, rewrite
from parallelrun.config.snapshot import FIXED, snapshot
from parallelrun.engine.status import ConfigStatus
from parallelrun.engine.watch import Watch
from parallelrun.evidence.collector import Collector
from parallelrun.evidence.events import Events
from parallelrun.evidence.retention import Retention

LOOK_S = 0.5
"""Seconds between two looks at the files. A change counts when two looks agree, so about a second after it was made."""

Cause = Literal["SIGHUP", "change", "rules"]
"""Why the configuration is read again."""


class Settings:
    """Owns what the core and the collector were told.

    Args:
        source: where a configuration is read from, again and again.
        loaded: the one that the core began with.
        core: gets each newer snapshot.
        collector: is told of it.
        events: `config.reloaded`, `config.refused`, `rules.expired`.
    """

    def __init__(self, source: Source, loaded: Loaded, core: Proxy, collector: Collector, events: Events) -> None:
        self.loaded = loaded
        self._source = source
        self._first = loaded
        self._core = core
        self._collector = collector
        self._events = events
        self._day = today()
        self._expired = expired_rules(loaded.config, self._day)
        self._watch = Watch(loaded.files)
        self._one_at_a_time = asyncio.Lock()
        file = str(source.file) if source.file else None
        self.status = ConfigStatus(file, 1, wall_ms(), tuple(map(str, loaded.warnings)))
        self.on_change: Callable[[Loaded, date], None] = lambda _loaded, _day: None
        """Called with a configuration, and the day by which rules expire, just before it is put in force; and again
        with the one before if the core refuses it."""
        self.sampling = False
        """Whether the core asks the old side again for a random sample of the pairs."""
        self._tell_collector(snapshot(loaded, 1, self._day))

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.loaded.config

    async def reload(self, cause: Cause) -> None:
        """Reads everything again and puts it in force, or says why not."""
        async with self._one_at_a_time:
            await self._read(cause)

    async def rewrite(self, plan: Plan) -> None:
        """Changes the file that the configuration comes from and puts the result in force.

        Args:
            plan: says what to change, given the configuration in force; what it raises is passed on.

        Raises:
            RewriteError: the file cannot be changed, and is as it was.
            BadConfigError: with the change the file would not be valid; it is as it was.
        """
        async with self._one_at_a_time:
            await asyncio.to_thread(rewrite, self._source, self.config, plan(self.config))
            await self._read("rules")

    async def follow(self) -> None:
        """Looks for changed files, and for rules whose last day has passed, until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            if await asyncio.to_thread(self._watch.changed):
                await self.reload("change")
            self._drop_expired()

    async def _read(self, cause: Cause) -> None:
        try:
            loaded = await asyncio.to_thread(self._source.load)
            self._check_admin(loaded.config)
            self._take(loaded, cause)
        except BadConfigError as error:
            self._watch.files = frozenset((*self.loaded.files, *error.files))
            self._refuse(cause, tuple(map(str, error.problems)))
        except ConfigError as error:
            self._refuse(cause, (str(error),))

    def _check_admin(self, config: Config) -> None:
        """The socket that is open stays open, whatever `admin.listen` says now, so it needs its token still."""
        bound = self._first.config.admin.listen
        if not bound.loopback and config.admin.token is None:
            message = f"cannot be removed while the admin API listens on {bound}"
            raise BadConfigError([Problem(self.status.file or "command line", None, "admin.token", message)])

    def _take(self, loaded: Loaded, cause: Cause) -> None:
        changed = tuple(changed_keys(self.config, loaded.config))
        same = not changed and loaded.attachments == self.loaded.attachments
        if same and cause == "change" and not self.status.refused:
            return  # touched, not changed
        if not same:
            self._put_in_force(loaded)
        needs_restart = self._needs_restart(loaded)
        self.status = replace(
            self.status,
            warnings=tuple(map(str, loaded.warnings)),
            needs_restart=needs_restart,
            refused=(),
            refused_ms=None,
        )
        self._events.publish(
            "config.reloaded",
            cause=cause,
            generation=self.status.generation,
            changed=list(changed),
            needs_restart=list(needs_restart),
            warnings=list(self.status.warnings),
        )

    def sample(self, on: bool) -> None:
        """Switches `sampling`.

        Raises:
            ConfigError: the core refuses it; it is as it was.
        """
        if on != self.sampling:
            self.sampling = on
            try:
                self._put_in_force(self.loaded)
            except ConfigError:
                self.sampling = not on
                raise

    def _put_in_force(self, loaded: Loaded) -> None:
        generation = self.status.generation + 1
        text = snapshot(loaded, generation, self._day, sampling=self.sampling)
        self.on_change(loaded, self._day)
        try:
            self._core.configure(text)
        except ConfigError:
            self.on_change(self.loaded, self._day)
            raise
        self.loaded = loaded
        self._watch.files = frozenset(loaded.files)
        self._expired = expired_rules(loaded.config, self._day)
        self.status = replace(self.status, generation=generation, since_ms=wall_ms())
        self._tell_collector(text)

    def _tell_collector(self, text: str) -> None:
        limits = self.config.limits
        self._collector.retention = Retention(limits.pairs_kept, limits.keep)
        self._collector.configured(text)

    def _needs_restart(self, loaded: Loaded) -> tuple[str, ...]:
        keys = fixed_changes(self._first.config, loaded.config, FIXED)
        renewed = not keys and loaded.attachments.tls_digest != self._first.attachments.tls_digest
        return (*keys, "tls.cert") if renewed else keys

    def _refuse(self, cause: Cause, problems: tuple[str, ...]) -> None:
        if problems == self.status.refused and cause == "change":
            return  # told already
        self.status = replace(self.status, refused=problems, refused_ms=wall_ms())
        self._events.publish("config.refused", "error", cause=cause, problems=list(problems))

    def _drop_expired(self) -> None:
        if self._day == today():
            return
        self._day = today()
        expired = expired_rules(self.config, self._day)
        gone = [placed.id for placed in expired if placed not in self._expired]
        if gone:
            self._put_in_force(self.loaded)
            self._events.publish("rules.expired", "warning", rules=gone)
