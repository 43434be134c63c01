"""Fixtures for tests that put the compiled data plane between real sockets. Importing it needs no compiled core."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.support.fixtures import LightSides, MakeH2Origin, MakeOrigin, MakeProcess, StartProxy, Upstreams
from tests.support.h2_origin import H2Origin
from tests.support.light import LightProcess
from tests.support.origin import Origin
from tests.support.process import OriginProcess
from tests.support.proxy import RunningProxy, assert_ledger_exact, listener, snapshot
from tests.support.rawclient import RawClient

# A run that a shell started in the background ignores SIGINT, and every process it starts would too.
signal.signal(signal.SIGINT, signal.default_int_handler)


Made = TypeVar("Made", Origin, H2Origin)


def _origins(kind: type[Made]) -> Iterator[Callable[..., Made]]:
    made: list[Made] = []

    def make(*args: Any, **kwargs: Any) -> Made:
        made.append(kind(*args, **kwargs))
        return made[-1]

    yield make
    for origin in made:
        origin.close()
    assert [violation for origin in made for violation in origin.violations] == []


@pytest.fixture
def make_origin() -> Iterator[MakeOrigin]:
    """Makes further origins. At the end of the test none may have been sent anything malformed."""
    yield from _origins(Origin)


@pytest.fixture
def make_h2_origin() -> Iterator[MakeH2Origin]:
    """The same for HTTP/2."""
    yield from _origins(H2Origin)


@pytest.fixture
def upstreams(make_origin: MakeOrigin) -> Upstreams:
    """An old and a new origin that answer everything alike until scripted otherwise."""
    return Upstreams(make_origin("old"), make_origin("new"))


@pytest.fixture
def make_process() -> Iterator[MakeProcess]:
    """Makes origins in processes of their own; they are killed at the end."""
    made: list[OriginProcess] = []

    def make(*args: Any, **kwargs: Any) -> OriginProcess:
        made.append(OriginProcess(*args, **kwargs))
        return made[-1]

    yield make
    for process in made:
        process.close()


@pytest.fixture
def light_sides(tmp_path: Path) -> Iterator[LightSides]:
    """Two sides that cost little, in processes of their own; they are killed at the end."""
    sides = LightProcess("old", tmp_path / "old"), LightProcess("new", tmp_path / "new")
    yield sides
    for side in sides:
        side.close()


@pytest.fixture
def start_proxy(make_origin: MakeOrigin) -> Iterator[StartProxy]:
    """Starts proxies: `start_proxy(old=url, new=url, listener={...}, <snapshot key>=...)`.

    At the end each is stopped, and the ledger of each must be exact by then. (It asks for
    `make_origin` so as to stop first.)
    """
    started: list[RunningProxy] = []

    def start(*, listener: dict[str, Any] | None = None, **changes: Any) -> RunningProxy:
        started.append(RunningProxy(_listener(**(listener or {})), snapshot(**changes)))
        return started[-1]

    yield start
    for proxy in started:
        proxy.stop(0.0)
        assert_ledger_exact(proxy.counters())


_listener = listener


@pytest.fixture
def proxy(upstreams: Upstreams, start_proxy: StartProxy) -> RunningProxy:
    """A proxy between the two origins, with defaults: weight 0, everything copied."""
    return start_proxy(old=upstreams.old.url, new=upstreams.new.url)


@pytest.fixture
def client(proxy: RunningProxy) -> Iterator[RawClient]:
    """A connection to that proxy."""
    with RawClient(proxy.address) as raw:
        yield raw
