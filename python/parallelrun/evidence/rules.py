"""Since when the present comparison rules hold: what they hide counts as hidden only from then on."""

import hashlib
import json
from dataclasses import dataclass

FACT = "rules"


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """`digest` names a set of rules; `since_ms` is when it came into force, in ms since the epoch."""

    digest: str
    since_ms: int

    def dump(self) -> str:
        return json.dumps({"digest": self.digest, "since_ms": self.since_ms})


def digest(snapshot: str) -> str:
    """A name for the comparison rules in a snapshot: it changes when and only when what is compared may change."""
    value = json.loads(snapshot)
    routes = [[route.get("method"), route.get("path"), route.get("compare")] for route in value.get("routes", [])]
    rules = [value.get("compare"), routes, value.get("templates")]
    return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()[:16]


def load(text: str | None) -> RulesInForce | None:
    """Reads what `dump` wrote; None where nothing was."""
    if text is None:
        return None
    value = json.loads(text)
    return RulesInForce(value["digest"], value["since_ms"])
