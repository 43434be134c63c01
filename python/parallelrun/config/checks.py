"""What a single value cannot show: settings that do not go together, and what only the core can tell."""

import ipaddress
import socket
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from parallelrun.config.active import PlacedRule, expired_rules, placed_rules, today
from parallelrun.config.attachments import Fault
from parallelrun.config.model import SET_ASIDE, Config, Limits
from parallelrun.config.targets import KEY_IN_WORDS, is_webhook
from parallelrun.config.units import Address, format_size, parse_size

LEAST_FOR_COPIES = parse_size("16MiB")
"""Less than this of `limits.memory` for copies would leave most requests out."""


def errors(config: Config) -> Iterator[Fault]:
    """What keeps a configuration from being used, by key."""
    if not config.admin.listen.loopback and config.admin.token is None:
        yield (
            ("admin", "listen"),
            "another address than loopback needs `admin.token`, or anybody could change everything",
        )
    if config.admin.listen == config.listen and config.listen.port:
        yield ("admin", "listen"), f"the same address as `listen` ({config.listen})"
    for side, url in (("old", config.old.url), ("new", config.new.url)):
        if _reaches(url, config.listen):
            what = f"it is where clients connect (`listen`, {config.listen}): each request would come back without end"
            yield (side, "url"), what
        elif _reaches(url, config.admin.listen):
            what = f"it is parallelrun's own admin API (`admin.listen`, {config.admin.listen}): clients would reach it"
            yield (side, "url"), what
    yield from _memory(config.limits)
    yield from _secrets(config)
    yield from _repeated_routes(config)
    yield from repeated_ids(placed_rules(config))


def warnings(config: Config) -> Iterator[Fault]:
    """What is allowed, yet probably not meant, by key."""
    for placed in expired_rules(config, today()):
        yield placed.path, f"its last day was {placed.rule.until}: no longer applied ({_named(placed)})"
    if config.rollout.gate.slower.ratio <= 1:
        what = (
            "asks for a faster version: of one that is as fast as the old one it can never be proved; expected above 1"
        )
        yield ("rollout", "gate", "slower", "ratio"), what


_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

_LOOPBACKS: dict[int, _Ip] = {4: ipaddress.IPv4Address("127.0.0.1"), 6: ipaddress.IPv6Address("::1")}
"""By version of the protocol."""


def _reaches(url: str, listen: Address) -> bool:
    """Whether a URL leads to an address of this process, as far as it can be told: names but `localhost` may lead
    anywhere.
    """
    parts = urlsplit(url)
    if (parts.port or (443 if parts.scheme == "https" else 80)) != listen.port:
        return False
    own = _plain(ipaddress.ip_address(listen.host))
    return any(host == own or (host.is_loopback and _takes_all(own, host.version)) for host in _hosts(parts.hostname))


def _takes_all(own: _Ip, version: int) -> bool:
    """Whether a listener takes connections to all addresses of a version; `[::]` takes IPv4 too."""
    return own.is_unspecified and own.version >= version


def _hosts(name: str | None) -> tuple[_Ip, ...]:
    """The addresses to which a host in a URL leads, also where it is written as only a resolver reads it: `127.1`."""
    name = (name or "").removesuffix(".")
    if name == "localhost":
        return tuple(_LOOPBACKS.values())
    try:
        host = _plain(ipaddress.ip_address(name if ":" in name else socket.inet_aton(name)))
    except (ValueError, OSError):
        return ()
    return (_LOOPBACKS[host.version] if host.is_unspecified else host,)  # to connect to none is to connect to oneself


def _plain(address: _Ip) -> _Ip:
    """An IPv4 address also where it is written as one of IPv6."""
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _memory(limits: Limits) -> Iterator[Fault]:
    least = SET_ASIDE + max(LEAST_FOR_COPIES, 4 * limits.body)
    if limits.memory >= least:
        return
    what = f"expected at least {format_size(least)}, of which {format_size(SET_ASIDE)} are for the process itself"
    if least > SET_ASIDE + LEAST_FOR_COPIES:
        what += ", and four times `limits.body` must fit: an upload, two answers, and what begins"
    yield ("limits", "memory"), what


def _named(placed: PlacedRule) -> str:
    return f"{placed.kind} {placed.rule.at}"


def _repeated_routes(config: Config) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for index, route in enumerate(config.routes):
        if route.match in first:
            yield ("routes", index, "match"), f"given twice; first in routes[{first[route.match]}]"
        first.setdefault(route.match, index)


def _secrets(config: Config) -> Iterator[Fault]:
    for index, alert in enumerate(config.alerts):
        signed = is_webhook(alert.to.get_secret_value())
        if signed and alert.secret is None:
            yield ("alerts", index, "secret"), f"missing; expected {KEY_IN_WORDS}"
        if alert.secret is not None and not signed:
            yield ("alerts", index, "secret"), "only for webhook+https:// and webhook+http://"


def repeated_ids(rules: Iterable[PlacedRule]) -> Iterator[Fault]:
    """Rules to which an id was given that another one has already, by key."""
    first: dict[str, PlacedRule] = {}
    for placed in rules:
        other = first.setdefault(placed.id, placed)
        if other.rule != placed.rule and placed.rule.id is not None:
            yield (*placed.path, "id"), f"already the id of another rule ({_named(other)})"
