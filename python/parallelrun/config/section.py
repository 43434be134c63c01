"""What every section of the configuration has in common."""

from datetime import timedelta
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from parallelrun.config.units import Duration, Size


class Section(BaseModel):
    """A mapping of the configuration: each key known, each value of exactly its type, nothing changed afterwards."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, validate_default=False
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, value: Any) -> Any:
        """A key with nothing behind it, as when all below it is commented out, means its default."""
        if not isinstance(value, dict):
            return value
        optional = {field.alias or name for name, field in cls.model_fields.items() if not field.is_required()}
        return {key: item for key, item in value.items() if item is not None or key not in optional}


T = TypeVar("T")

Many = Annotated[tuple[T, ...], Field(strict=False)]
"""A list in the file, a tuple here, so that a configuration in force cannot change."""

T_Amount = TypeVar("T_Amount", timedelta, int)


def _some(value: T_Amount) -> T_Amount:
    if not value:
        raise ValueError("expected more than 0")
    return value


SomeTime = Annotated[Duration, AfterValidator(_some)]
"""A duration longer than 0."""

SomeBytes = Annotated[Size, AfterValidator(_some)]
"""A size of at least one byte."""

Count = Annotated[int, Field(ge=1)]
"""A whole number from 1."""


def _header_name(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    name = value.strip().lower()
    if not name or not all(char.isascii() and (char.isalnum() or char in "!#$%&'*+-.^_`|~") for char in name):
        raise ValueError("expected the name of a header, such as x-request-id")
    return name


HeaderName = Annotated[str, BeforeValidator(_header_name)]
"""The name of a header; case means nothing, kept in lower case."""
