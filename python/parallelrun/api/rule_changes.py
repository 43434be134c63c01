"""Rules put into the configuration file of the running process, and taken out of it."""

from functools import reduce

from pydantic import BaseModel, ConfigDict, Field

from parallelrun.api.engine import Engine
from parallelrun.api.rules import Rule, Rules
from parallelrun.config import Config
from parallelrun.config.active import BadRuleError, PlacedRule, RuleSettings, placed_rules, read_rule, today
from parallelrun.config.edit import insert, remove
from parallelrun.config.positions import KeyPath
from parallelrun.config.problem import key_text
from parallelrun.config.rewrite import Change, RewriteError
from parallelrun.config.routes import Route, overlap, specificity, split_match
from parallelrun.config.rules import RuleKind
from parallelrun.config.written import Plain


class NewRule(BaseModel):
    """A rule as a configuration writes it, with the list that it is for and the `match` of its route."""

    model_config = ConfigDict(extra="forbid")

    kind: RuleKind
    at: str
    route: str | None = None
    by: str | None = None
    absolute: float | None = Field(default=None, allow_inf_nan=False)
    relative: str | None = None
    pattern: str | None = None
    replacement: str | None = None
    reason: str | None = None
    owner: str | None = None
    until: str | None = None

    @property
    def settings(self) -> RuleSettings:
        """What stands in the list."""
        return self.model_dump(exclude={"kind", "route"}, exclude_none=True)


class NoSuchRuleError(LookupError):
    """No rule has the id."""


async def add(engine: Engine, new: NewRule) -> Rule:
    """Writes the rule into the configuration file and puts it in force.

    Raises:
        BadRuleError: it is none, or would never apply.
        RewriteError: the file cannot be changed, or already says so.
        BadConfigError: with it the file would not be valid.
    """
    rule = read_rule(new.kind, new.route, new.settings)
    if rule.rule.expired(today()):
        raise BadRuleError(f"until: {rule.rule.until} has passed already")
    await engine.settings.rewrite(lambda config: _addition(config, rule, new.settings))
    found = next((placed for placed in placed_rules(engine.config) if placed.id == rule.id), None)
    if found is None:
        raise RewriteError("It was written, but something else has changed the file since: see `parallelrun doctor`")
    return Rule.of(found)


async def take_out(engine: Engine, name: str) -> Rules:
    """Takes the rule with the id `name` out of the configuration file and out of force; answers what is gone.

    Raises:
        NoSuchRuleError: there is none.
        RewriteError: the file cannot be changed.
        BadConfigError: without it the file would not be valid.
    """
    gone: list[PlacedRule] = []

    def plan(config: Config) -> Change:
        gone.extend(placed for placed in placed_rules(config) if placed.id == name)
        if not gone:
            raise NoSuchRuleError(name)
        # From behind, so that the places of the others stay what they are.
        paths = [placed.path for placed in reversed(gone)]
        return Change(paths[0][:-1], lambda text: reduce(remove, paths, text))

    await engine.settings.rewrite(plan)
    return Rules(items=[Rule.of(placed) for placed in gone])


def _addition(config: Config, rule: PlacedRule, written: RuleSettings) -> Change:
    same = next((placed for placed in placed_rules(config) if placed.id == rule.id), None)
    if same:
        end = " and has expired: remove that one first" if same.rule.expired(today()) else ""
        raise RewriteError(f"The rule is there already: {key_text(same.path)}, {same.id}{end}")
    path: KeyPath = ("compare", rule.kind)
    item: Plain = written
    if rule.route is not None:
        index = next((index for index, route in enumerate(config.routes) if route.match == rule.route), None)
        if index is None:
            _refuse_to_hide(config.routes, rule.route)
            path, item = ("routes",), {"match": rule.route, "compare": {rule.kind: [written]}}
        else:
            path = ("routes", index, *path)
    return Change(path, lambda text: insert(text, path, item))


def _refuse_to_hide(routes: tuple[Route, ...], match: str) -> None:
    """A request has the settings of one route only, so that a new one may not take the place of one that has some."""
    mine = specificity(*split_match(match))
    for route in routes:
        less = specificity(*split_match(route.match)) < mine
        if less and overlap(match, route.match) and route != Route(match=route.match):
            raise RewriteError(
                f"A route {match} would take requests from the route {route.match} and from its settings: write it"
                f" yourself, with what should hold for it, or give the rule to {route.match}"
            )
