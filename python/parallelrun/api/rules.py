"""`/api/v1/rules`: the rules of the comparison."""

from datetime import date

from pydantic import BaseModel

from parallelrun.api.engine import Engine
from parallelrun.config.active import PlacedRule, placed_rules, today
from parallelrun.config.problem import key_text


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

    @classmethod
    def of(cls, placed: PlacedRule) -> "Rule":
        """What is shown of a rule."""
        return cls(
            id=placed.id,
            kind=placed.kind,
            at=placed.rule.at,
            route=placed.route,
            reason=placed.rule.reason,
            owner=placed.rule.owner,
            until=placed.rule.until,
            expired=placed.rule.expired(today()),
            place=key_text(placed.path),
            settings={key: value for key, value in placed.spec().items() if key not in ("at", "id")},
        )


class Rules(BaseModel):
    """Rules, the global ones first."""

    items: list[Rule]


def rules(engine: Engine) -> Rules:
    """The rules of the configuration in force, expired ones among them."""
    return Rules(items=[Rule.of(placed) for placed in placed_rules(engine.config)])
