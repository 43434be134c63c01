"""`/api/v1/rules`: the rules of the comparison."""

from datetime import date

from pydantic import BaseModel

from parallelrun.api.engine import Engine
from parallelrun.config.active import placed_rules, today
from parallelrun.config.positions import KeyPath


class Rule(BaseModel):
    """A rule of the configuration. `place` is its key there; an `expired` one is no longer applied."""

    id: str
    kind: str
    at: str
    route: str | None
    reason: str | None
    owner: str | None
    until: date | None
    expired: bool
    place: str
    settings: dict[str, str | float | None]


class Rules(BaseModel):
    """All rules, the global ones first."""

    items: list[Rule]


def rules(engine: Engine) -> Rules:
    """The rules of the configuration in force, expired ones among them."""
    day = today()
    return Rules(
        items=[
            Rule(
                id=placed.id,
                kind=placed.kind,
                at=placed.rule.at,
                route=placed.route,
                reason=placed.rule.reason,
                owner=placed.rule.owner,
                until=placed.rule.until,
                expired=placed.rule.expired(day),
                place=_key(placed.path),
                settings={key: value for key, value in placed.spec().items() if key not in ("at", "id")},
            )
            for placed in placed_rules(engine.config)
        ]
    )


def _key(path: KeyPath) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
