"""Whom to tell."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from parallelrun.config.section import Section
from parallelrun.config.targets import check_target, webhook_key


def _target(value: SecretStr) -> SecretStr:
    check_target(value.get_secret_value())
    return value


def _key(value: SecretStr) -> SecretStr:
    webhook_key(value.get_secret_value())
    return value


class Alert(Section):
    """Somebody to tell."""

    to: Annotated[SecretStr, Field(strict=False), AfterValidator(_target)] = Field(
        examples=["mailto://user:password@example.org"], json_schema_extra={"secret": True}
    )
    """An Apprise URL, or `webhook+https://` (`webhook+http://`) and the rest of a URL that gets signed JSON."""
    min: Literal["info", "warning", "critical"] = Field(default="warning", examples=["critical"])
    """The least severity that is worth telling."""
    secret: Annotated[SecretStr, Field(strict=False), AfterValidator(_key)] | None = Field(
        default=None, examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], json_schema_extra={"secret": True}
    )
    """What the messages to a webhook are signed with: `whsec_` and 24 to 64 random bytes in base64."""
