"""A fake engine whose admin API is served for real: uvicorn on a socket of loopback, in the background loop."""

import socket
from typing import Any

import httpx

from parallelrun.config.units import Address
from parallelrun.engine.admin import AdminServer
from parallelrun.web.app import create_app
from tests.support import background
from tests.support.fake_core import FakeCore
from tests.support.fake_engine import FakeEngine
from tests.support.wait import wait_until


class Served:
    """Made and closed from a test's own thread. `engine` belongs to the background loop.

    Args:
        url: of the store.
        public: pretend that the address is not loopback.
        settings: of the configuration.
    """

    def __init__(self, url: str, *, public: bool = False, **settings: Any) -> None:
        self.core = FakeCore()
        self.engine, self.server = background.run(self._start(url, public, settings))
        port = self.server.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, timeout=20, trust_env=False)

    async def _start(self, url: str, public: bool, settings: dict[str, Any]) -> tuple[FakeEngine, AdminServer]:
        engine = FakeEngine(url, self.core, **settings)
        listener = socket.create_server(("127.0.0.1", 0))
        host = "192.0.2.1" if public else "127.0.0.1"
        engine.admin_address = Address(host, listener.getsockname()[1])
        server = AdminServer(create_app(engine), listener, engine.events)
        await engine.collector.start()
        await server.start()
        return engine, server

    def get(self, path: str, **query: str | int) -> Any:
        """The JSON at a path that must answer 200."""
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def settle(self, pairs: int) -> None:
        """Waits until so many differences have an example."""

        def examples() -> int:
            return sum(one.example is not None for one in self.engine.collector.evidence.differences())

        wait_until(lambda: examples() >= pairs, f"{pairs} examples")

    def close(self) -> None:
        self.client.close()
        background.run(self._stop())

    async def _stop(self) -> None:
        self.engine.events.close()
        await self.server.stop()
        await self.engine.close()
