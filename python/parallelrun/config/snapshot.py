"""A configuration as the core reads it: the two JSON texts of docs/explanation/boundary.md."""

import json
from datetime import date, timedelta
from typing import Any

from parallelrun.config.active import core_rules, rules_of
from parallelrun.config.breaker import Breaker
from parallelrun.config.loaded import Loaded
from parallelrun.config.model import SET_ASIDE, Config
from parallelrun.config.routes import split_match
from parallelrun.config.sides import Side, Sticky
from parallelrun.config.units import MILLION

FIXED = (
    "listen",
    "tls",
    "workers",
    "limits.connections",
    "limits.headers",
    "limits.header_size",
    "limits.uri",
    "limits.header_timeout",
    "limits.idle",
    "admin.listen",
    "store",
)
"""Settings that hold for the life of a process. A reload keeps them as they were and says so; a restart takes them."""


def listener(loaded: Loaded) -> str:
    """The settings of the listener, fixed for the life of the process, as JSON."""
    config, limits, attachments = loaded.config, loaded.config.limits, loaded.attachments
    tls = {"cert": str(attachments.tls_cert), "key": str(attachments.tls_key)} if config.tls else None
    return json.dumps(
        {
            "listen": str(config.listen),
            "workers": config.workers,
            "connections": limits.connections,
            "tls": tls,
            "headers": limits.headers,
            "header_bytes": limits.header_size,
            "uri_bytes": limits.uri,
            "header_timeout_ms": _milliseconds(limits.header_timeout),
            "idle_timeout_ms": _milliseconds(limits.idle),
        }
    )


def snapshot(loaded: Loaded, generation: int, day: date, *, sampling: bool = False) -> str:
    """Everything that may change while requests flow, as JSON.

    Args:
        loaded: the configuration.
        generation: its number in this process, from 1; each record names the one that its request began with.
        day: today. Rules whose last day has passed are left out.
        sampling: whether a rollout needs a random sample of how often the old side differs from itself.
    """
    config, limits, attachments = loaded.config, loaded.config.limits, loaded.attachments
    return json.dumps(
        {
            "generation": generation,
            "old": _side(config.old, attachments.old_ca),
            "new": _side(config.new, attachments.new_ca),
            "databases": config.databases,
            "rescue": config.rescue,
            "sample_ppm": config.sample,
            "sticky": _sticky(config.sticky),
            "assignment_key": assignment_key(config),
            "compare": core_rules(rules_of(config.compare, ("compare",), None), config.compare.headers, day),
            "templates": attachments.templates,
            "routes": _routes(config, day),
            "limits": {
                "body_bytes": limits.body,
                "memory_bytes": limits.memory - SET_ASIDE,
                "process_bytes": limits.memory,
                "shadows": limits.shadows,
                "shadow_ms": _milliseconds(limits.shadow_timeout),
                "idle_ms": _milliseconds(limits.idle),
                "second_opinions_per_s": limits.second_opinions,
                "sampled_per_s": limits.samples if sampling else 0,
                "endpoints": limits.endpoints,
                "pair_body_bytes": limits.pair_body,
            },
            "redact": {"headers": config.redact.headers, "json": config.redact.json_},
            "breaker": _breaker(config.breaker),
            "verify": {"everywhere": config.verify, "wait_ms": _milliseconds(limits.verify_wait)},
        }
    )


def assignment_key(config: Config) -> str:
    """The key of the hash that assigns clients to sides.

    It follows from the configuration alone, so that a restart and every replica assign alike; another new version draws
    other clients.
    """
    return f"parallelrun {config.new.url}"


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def _side(side: Side, ca: str | None) -> dict[str, Any]:
    return {
        "url": side.url,
        "timeout_ms": _milliseconds(side.timeout),
        "connect_timeout_ms": _milliseconds(side.connect_timeout),
        "protocol": side.protocol,
        "ca": ca,
        "set_headers": dict(side.headers.set),
        "remove_headers": side.headers.remove,
    }


def _breaker(breaker: Breaker) -> dict[str, Any]:
    return {
        "failures": breaker.failures,
        "share": breaker.share / MILLION,
        "volume": breaker.volume,
        "window_ms": _milliseconds(breaker.window),
        "stall_ms": _milliseconds(breaker.stall),
        "open_ms": _milliseconds(breaker.open),
        "longest_open_ms": _milliseconds(breaker.longest),
        "slow_start_ms": _milliseconds(breaker.slow_start),
        "probes_per_s": breaker.probes,
    }


def _sticky(sticky: Sticky) -> dict[str, str]:
    if sticky.cookie is not None:
        return {"by": "cookie", "name": sticky.cookie}
    if sticky.header is not None:
        return {"by": "header", "name": sticky.header}
    return {"by": "address"}


def _routes(config: Config, day: date) -> list[dict[str, Any]]:
    routes = []
    for index, route in enumerate(config.routes):
        method, path = split_match(route.match)
        placed = rules_of(route.compare, ("routes", index, "compare"), route.match)
        rules = core_rules(placed, route.compare.headers, day)
        routes.append(
            {
                "method": method,
                "path": path,
                "writes": route.writes,
                "mirror": route.mirror,
                "verify": route.verify,
                "compare": rules if any(rules.values()) else None,
            }
        )
    return routes
