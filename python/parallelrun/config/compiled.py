"""What only the core can tell: whether JSONPaths and patterns are valid, certificates fit, routes do not clash."""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from parallelrun.config import keys, snapshot
from parallelrun.config.active import placed_rules, today
from parallelrun.config.attachments import Fault
from parallelrun.config.loaded import Loaded
from parallelrun.config.positions import KeyPath

_PLACE = re.compile(r"([a-z_]+(?:\[\d+\]|\.[a-z_]+)*): (.+)", re.DOTALL)
_STEP = re.compile(r"\[(\d+)\]|([a-z_]+)")


def core() -> ModuleType | None:
    """The compiled core; None where this is a source tree in which it has not been built."""
    try:
        return import_module("parallelrun._core")
    except ModuleNotFoundError:
        return None


def errors(loaded: Loaded, core: ModuleType) -> Iterator[Fault]:
    """What the core refuses, by key. Rules one by one first, so that each error finds its line; nothing is bound."""
    found = False
    for path, rules in _single_rules(loaded):
        try:
            core.Comparator(json.dumps(rules))
        except core.ConfigError as error:
            found = True
            yield path, str(error)
    if not found:
        try:
            core.Proxy(snapshot.listener(loaded), snapshot.snapshot(loaded, 1, today()))
        except core.ConfigError as error:
            yield _placed(str(error))


def _single_rules(loaded: Loaded) -> Iterator[tuple[KeyPath, dict[str, object]]]:
    for placed in placed_rules(loaded.config):
        yield placed.path, {placed.kind: [placed.spec()]}
    for index, path in enumerate(loaded.config.redact.json_):
        yield ("redact", "json", index), {"ignore": [{"at": path}]}
    for index, place in enumerate(loaded.config.rollout.never):
        yield ("rollout", "never", index, "at"), {"ignore": [{"at": place.at}]}


def _placed(message: str) -> Fault:
    """The key that the core's message names, where that is a setting, and the rest of the message."""
    match = _PLACE.fullmatch(message)
    if match:
        path = tuple(int(step[1]) if step[1] else step[2] for step in _STEP.finditer(match[1]))
        if keys.field_at(path) is not None:
            return path, match[2]
    return (), message
