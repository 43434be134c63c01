"""What a single value cannot show: settings that do not go together, and what only the core can tell."""

from collections.abc import Iterator

from parallelrun.config.active import PlacedRule, expired_rules, placed_rules, today
from parallelrun.config.attachments import Fault
from parallelrun.config.model import Config
from parallelrun.config.targets import KEY_IN_WORDS, is_webhook


def errors(config: Config) -> Iterator[Fault]:
    """What keeps a configuration from being used, by key."""
    if not config.admin.listen.loopback and config.admin.token is None:
        yield (
            ("admin", "listen"),
            "another address than loopback needs `admin.token`, or anybody could change everything",
        )
    if config.admin.listen == config.listen and config.listen.port:
        yield ("admin", "listen"), f"the same address as `listen` ({config.listen})"
    if config.limits.body > config.limits.memory:
        yield ("limits", "memory"), "expected at least `limits.body`, or no body could ever be held"
    yield from _secrets(config)
    yield from _repeated_routes(config)
    yield from _repeated_ids(config)


def warnings(config: Config) -> Iterator[Fault]:
    """What is allowed, yet probably not meant, by key."""
    for placed in expired_rules(config, today()):
        yield placed.path, f"its last day was {placed.rule.until}: no longer applied ({_named(placed)})"
    if config.rollout.gate.slower.ratio <= 1:
        what = (
            "asks for a faster version: of one that is as fast as the old one it can never be proved; expected above 1"
        )
        yield ("rollout", "gate", "slower", "ratio"), what


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


def _repeated_ids(config: Config) -> Iterator[Fault]:
    first: dict[str, PlacedRule] = {}
    for placed in placed_rules(config):
        other = first.setdefault(placed.id, placed)
        if other.rule != placed.rule and placed.rule.id is not None:
            yield (*placed.path, "id"), f"already the id of another rule ({_named(other)})"
