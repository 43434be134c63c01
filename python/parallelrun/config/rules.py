"""Rules of the comparison: which differences do not count."""

import re
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from parallelrun.config.section import HeaderName, Many, Section
from parallelrun.config.units import MILLION, Share

_LOCATION = re.compile(r"status|body|header:[!#$%&'*+.^_`|~0-9A-Za-z-]+|\$.*", re.DOTALL)


def _location(value: str) -> str:
    if not _LOCATION.fullmatch(value):
        raise ValueError("expected a location: `status`, `body`, `header:NAME` or a JSONPath such as $.items[*].id")
    return value


def _json_path(value: str) -> str:
    if not value.startswith("$"):
        raise ValueError("expected a JSONPath such as $..password")
    return value


def _date(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    elif isinstance(value, date):
        return value
    raise ValueError("expected a date, such as 2027-03-01")


Location = Annotated[str, AfterValidator(_location)]
JsonPath = Annotated[str, AfterValidator(_json_path)]


class Place(Section):
    """A place in the answers. A plain text stands for `{at: TEXT}`."""

    says_enough: ClassVar[bool] = True
    """Whether `at` alone makes one, so that an editor should accept a plain text."""

    at: Location = Field(examples=["$.total"])
    """Where: `status`, `body`, `header:NAME` or a JSONPath. What lies below it is covered too."""

    @model_validator(mode="before")
    @classmethod
    def _plain_text(cls, value: Any) -> Any:
        return {"at": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        mapping = handler.resolve_ref_schema(handler(schema))
        if cls.says_enough and mapping.get("required") == ["at"]:
            return {"anyOf": [{"type": "string"}, mapping]}
        return mapping


class Rule(Place):
    """A place where a difference does not count, or counts otherwise. A plain text stands for `{at: TEXT}`."""

    reason: str | None = Field(default=None, examples=["written on read"])
    """Why. Shown wherever the rule hides something."""
    owner: str | None = Field(default=None, examples=["jo"])
    """Whom to ask about it."""
    until: Annotated[date, BeforeValidator(_date, json_schema_input_type=str)] | None = Field(
        default=None, examples=["2027-03-01"]
    )
    """The last day (UTC) on which it applies. Afterwards it is dropped and said to be so. Without it the rule stays."""
    id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,64}$", examples=["updated-at"])
    """Its name in differences and counts. By default made from what the rule does, the same in every process."""

    def expired(self, today: date) -> bool:
        """Whether its last day has passed."""
        return self.until is not None and self.until < today


class Unordered(Rule):
    """A list whose order means nothing."""

    by: str | None = Field(default=None, min_length=1, examples=["id"])
    """The key of the items by which they are paired. Without it each item looks for its equal."""


class Tolerance(Rule):
    """A number that may differ by a little. Where both bounds are given, either is enough."""

    says_enough = False

    absolute: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(default=None, examples=[0.01])
    """By how much at most, in the number's own unit."""
    relative: Share | None = Field(default=None, examples=["0.1%"])
    """By how much at most, as a share of the larger of the two."""

    @model_validator(mode="after")
    def _some_bound(self) -> "Tolerance":
        if self.absolute is None and self.relative is None:
            raise ValueError("expected `absolute` or `relative`")
        return self

    @property
    def relative_share(self) -> float | None:
        """`relative` as a fraction of 1."""
        return None if self.relative is None else self.relative / MILLION


class Equivalent(Rule):
    """Text that is rewritten on both sides before it is compared."""

    pattern: str = Field(min_length=1, examples=["https?://[^/]+"])
    """A regular expression (Rust's syntax: no look-around, no back-references)."""
    replacement: str = Field(default="", examples=["https://host"])
    """What each match becomes; `$1` is the first group."""


class Compare(Section):
    """What counts as a difference. All of it global, or for one route on top of the global rules."""

    ignore: Many[Rule] = Field(default=(), examples=[["$.updated_at"]])
    """Differences here do not count."""
    unordered: Many[Unordered] = Field(default=(), examples=[[{"at": "$.items", "by": "id"}]])
    """Lists whose order means nothing."""
    tolerance: Many[Tolerance] = Field(default=(), examples=[[{"at": "$.price", "absolute": 0.01}]])
    """Numbers that may differ by a little."""
    equivalent: Many[Equivalent] = Field(
        default=(), examples=[[{"at": "$.url", "pattern": "https?://[^/]+", "replacement": "https://host"}]]
    )
    """Texts that are rewritten on both sides before they are compared."""
    case: Many[Rule] = Field(default=(), examples=[["$.email"]])
    """Texts in which upper and lower case are the same."""
    additive: Many[Rule] = Field(default=(), examples=[["$"]])
    """Objects to which the new side may add fields."""
    headers: Many[HeaderName] = Field(default=(), examples=[["x-total-count"]])
    """Further headers that count, beside those that carry meaning by themselves."""


RuleKind = Literal["ignore", "unordered", "tolerance", "equivalent", "case", "additive"]
RULE_KINDS: tuple[RuleKind, ...] = get_args(RuleKind)
"""The keys of `Compare` that hold rules."""
