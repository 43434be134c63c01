"""What keeps a process from starting, with the exit code that says so."""

import asyncio
import http.client
import os
import socket

from parallelrun.config.active import today
from parallelrun.config.units import Address
from parallelrun.engine.neighbours import name_of, processes_at
from parallelrun.engine.settings import Settings
from parallelrun.engine.sides import Sides, SidesInStore
from parallelrun.evidence import Store, StoreError, StoreTooNewError, open_store
from parallelrun.evidence.collector import Collector
from parallelrun.evidence.events import Events
from parallelrun.evidence.rollouts import Rollouts
from parallelrun.rollout import Rollout, make_plan
from parallelrun.rollout.keeping import Keeper
from parallelrun.rollout.rollout import Core

USAGE = 64
"""Exit code: what was asked for is wrong (`EX_USAGE`)."""
UNAVAILABLE = 69
"""Exit code: something that is needed is not there (`EX_UNAVAILABLE`)."""
ANSWER_S = 2.0
"""How long another process may take to say whether it leaves, in seconds."""


class StartError(Exception):
    """The process cannot start. The text is one line for people: which setting, what is wrong.

    Args:
        wrong: what is wrong.
        code: the exit code.
        setting: the setting that it is about, such as `admin.listen`; empty where it is about none.
    """

    def __init__(self, wrong: str, code: int = UNAVAILABLE, setting: str = "") -> None:
        super().__init__(f"{setting}: {wrong}" if setting else wrong)
        self.wrong = wrong
        self.code = code
        self.setting = setting


def cannot_listen(setting: str, address: Address, error: OSError) -> StartError:
    """The error for an address that cannot be bound."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return StartError(f"{address}: {reason[:1].lower()}{reason[1:]}", setting=setting)


def bind_admin(address: Address) -> socket.socket:
    """A socket bound to the address of the admin API, shared with a process that leaves or takes over.

    Raises:
        StartError: it cannot be bound.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        raise cannot_listen("admin.listen", address, error) from error
    return listener


async def check_admin(admin: Address, listen: Address) -> None:
    """Makes sure that the admin address is not shared with a process that serves other clients, and goes on doing so:
    whoever asks there would be answered by one of the two, by chance. The predecessor on the same ports is as it should
    be, and so is one that is leaving.

    Raises:
        StartError: it is.
    """
    others = processes_at(admin) if admin.port else frozenset()
    if not others or not others.isdisjoint(processes_at(listen) if listen.port else ()):
        return
    if await asyncio.to_thread(_leaves, admin):
        return
    who = " and ".join(map(name_of, sorted(others)))
    raise StartError(
        f"{admin}: {who} answers there and serves other clients: use another one, with --admin", setting="admin.listen"
    )


def _leaves(admin: Address) -> bool:
    """Whether what answers there is a parallelrun that drains."""
    connection = http.client.HTTPConnection(admin.host, admin.port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 503
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


async def ready_store(url: str) -> Store:
    """The store at `url`, connected and with its tables up to date.

    Raises:
        StartError: it is none, or does not answer.
    """
    try:
        store = open_store(url)
    except ValueError as error:
        raise StartError(str(error), USAGE, setting="store") from error
    try:
        await store.prepare()
    except (StoreError, StoreTooNewError) as error:
        await store.close()
        raise StartError(f"{store.place}: {error}", setting="store") from error
    return store


async def ready_rollout(core: Core, collector: Collector, store: Store, settings: Settings, events: Events) -> Rollout:
    """The rollout of the store, with its weight in force.

    Raises:
        StartError: the store does not answer, or what it holds cannot be read.
    """
    plan = make_plan(settings.loaded, today())
    keeper = Keeper(Rollouts(store), collector.run.id)
    rollout = Rollout(core, collector, keeper, plan, events, sample=settings.sample)
    settings.on_change = lambda loaded, day: rollout.planned(make_plan(loaded, day))
    try:
        await rollout.take_up()
    except (StoreError, StoreTooNewError) as error:
        raise StartError(f"{store.place}: {error}", setting="store") from error
    return rollout


async def ready_sides(sides: SidesInStore, store: Store) -> Sides | None:
    """Other addresses than those in force, where the store holds evidence of them.

    Raises:
        StartError: the store does not answer, or what it holds cannot be read.
    """
    try:
        return await sides.others(store)
    except (StoreError, StoreTooNewError) as error:
        raise StartError(f"{store.place}: {error}", setting="store") from error
