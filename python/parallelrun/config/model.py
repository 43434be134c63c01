"""The whole configuration, as a user writes it. Each key has a default, except where the two sides are."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from parallelrun.config.alerts import Alert
from parallelrun.config.breaker import Breaker
from parallelrun.config.rollout import Rollout
from parallelrun.config.routes import Route
from parallelrun.config.rules import Compare, JsonPath
from parallelrun.config.section import Count, HeaderName, Many, Section, SomeBytes, SomeTime
from parallelrun.config.sides import Side, Sticky, plain_side
from parallelrun.config.units import MILLION, ListenAddress, Share, Size, parse_address, parse_duration, parse_size


class Admin(Section):
    """The admin API, the metrics and the reports."""

    listen: ListenAddress = Field(default=parse_address("127.0.0.1:8081"), examples=["0.0.0.0:8081"])
    """Where it listens. Another address than loopback needs a token."""
    token: Annotated[SecretStr, Field(strict=False, min_length=1)] | None = Field(
        default=None, examples=["a long random text"], json_schema_extra={"secret": True}
    )
    """What a caller sends as `Authorization: Bearer TOKEN`: to change anything, and from elsewhere also to read."""


class Tls(Section):
    """Speaks TLS to the clients, HTTP/1.1 and HTTP/2."""

    cert: Path = Field(strict=False, examples=["server.pem"])
    """The file with the certificate and those of its issuers (PEM)."""
    key: Path = Field(strict=False, examples=["server-key.pem"])
    """The file with its private key (PEM)."""


SET_ASIDE = parse_size("160MiB")
"""Of `limits.memory`: what the process takes without any copies, and pairs that wait for the store."""


class Limits(Section):
    """Bounds. What goes beyond one is counted, never silent."""

    body: SomeBytes = Field(default=parse_size("1MiB"), examples=["256KiB"])
    """The largest request body that is copied, and the largest answer that is compared."""
    memory: SomeBytes = Field(default=parse_size("256MiB"), examples=["1GiB"])
    """What the process may take. 160 MiB are set aside for what it takes by itself and for pairs that wait for the
    store; the rest is for copies and comparisons. No copy begins where less than a quarter of that rest is left,
    whatever took it, but for clients' connections (32 KiB each). Beyond it requests are served, not compared
    (`overload`); what they take themselves on their way to slow clients is not bounded by it."""
    shadows: Count = Field(default=1024, examples=[256])
    """The most copies under way at once. Beyond it requests are served, not compared (`overload`)."""
    shadow_timeout: SomeTime = Field(default=parse_duration("30s"), examples=["10s"])
    """How long a copy and its answer may take altogether."""
    second_opinions: Annotated[int, Field(ge=0)] = Field(default=50, examples=[10])
    """The most second askings in a second, to tell a difference from noise and from a race; 0 never asks again."""
    verify_wait: SomeTime = Field(default=parse_duration("1s"), examples=["200ms"])
    """How long an answer may be held to be verified, from the head of the old side's answer on."""
    samples: Annotated[int, Field(ge=0)] = Field(default=5, examples=[20])
    """During a rollout, the most pairs in a second, taken at random, of which the old side is asked again: how often it
    differs from itself is what the new side is measured by."""
    connections: Count = Field(default=10_000, examples=[2000])
    """The most connections of clients at once. Further ones wait to be accepted."""
    headers: Count = Field(default=100, examples=[200])
    """The most header lines of a request."""
    header_size: SomeBytes = Field(default=parse_size("64KiB"), examples=["16KiB"])
    """The largest head of a request."""
    uri: SomeBytes = Field(default=parse_size("8KiB"), examples=["4KiB"])
    """The longest request target."""
    header_timeout: SomeTime = Field(default=parse_duration("30s"), examples=["10s"])
    """How long a client may take to send the head of a request; a connection that waits for one is closed after it."""
    idle: SomeTime = Field(default=parse_duration("60s"), examples=["30s"])
    """How long either end may be silent in the middle of a body."""
    endpoints: Annotated[int, Field(ge=1, le=500)] = Field(default=500, examples=[100])
    """The most endpoints that are told apart; the rest is counted as `(other)`."""
    pair_body: Size = Field(default=parse_size("64KiB"), examples=["8KiB"])
    """How much of each body is kept in a stored pair; 0 keeps none."""
    pairs_kept: Count = Field(default=10_000, examples=[1000])
    """The most example pairs in the store. The oldest go first."""
    keep: SomeTime = Field(default=parse_duration("30d"), examples=["7d"])
    """How long evidence stays in the store."""


class Redact(Section):
    """Secrets, replaced by `[redacted]` before anything is kept. They are still compared."""

    headers: Many[HeaderName] = Field(
        default=("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"),
        examples=[["authorization", "cookie", "set-cookie"]],
    )
    """Headers whose values are secret."""
    json_: Many[JsonPath] = Field(
        default=(
            "$..password",
            "$..token",
            "$..access_token",
            "$..refresh_token",
            "$..id_token",
            "$..secret",
            "$..client_secret",
            "$..api_key",
        ),
        alias="json",
        examples=[["$..password", "$.card.number"]],
    )
    """Places in JSON bodies whose values are secret. Their last names are secret elsewhere, too: `redaction.md`."""


class Stop(Section):
    """What SIGTERM and SIGINT give to what is still under way."""

    grace: SomeTime = Field(default=parse_duration("20s"), examples=["10s"])
    """How long requests and copies may still take. Then their connections are cut."""
    deadline: SomeTime = Field(default=parse_duration("25s"), examples=["90s"])
    """When the process ends in any case, counted from the signal. More than `grace`, so that evidence is stored."""

    @model_validator(mode="after")
    def _grace_first(self) -> "Stop":
        if self.grace >= self.deadline:
            raise ValueError("expected `grace` to be less than `deadline`")
        return self


def _store_url(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    if scheme not in {"sqlite", "postgresql"} or not separator or not rest:
        raise ValueError("expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE")
    return value


PlainSide = Annotated[Side, BeforeValidator(plain_side, json_schema_input_type=str | Side)]


class Config(Section):
    """All settings of one parallelrun process."""

    listen: ListenAddress = Field(default=parse_address("127.0.0.1:8080"), examples=["0.0.0.0:8080"])
    """Where clients connect."""
    tls: Tls | None = None
    """The certificate for clients that speak TLS; without it, plain HTTP/1.1 and h2c."""
    workers: Annotated[int, Field(ge=1, le=256)] | None = Field(default=None, examples=[4])
    """Threads that carry traffic; by default one per processor."""
    admin: Admin = Field(default_factory=Admin)
    """The admin API, the metrics and the reports."""
    old: PlainSide
    """The version that serves today. A plain URL stands for `{url: URL}`."""
    new: PlainSide
    """The version that is to replace it. A plain URL stands for `{url: URL}`."""
    databases: Literal["shared", "separate"] = Field(default="shared", examples=["separate"])
    """Whether both sides write to the same data. If so, a request that may write goes to one side only."""
    rescue: Literal["new", "both"] = Field(default="new", examples=["both"])
    """Whose failures the other side's answer may stand in for: only the new side's, or those of both."""
    sample: Share = Field(default=MILLION, examples=["10%"])
    """The share of the requests that are copied and compared, of those that may be."""
    breaker: Breaker = Field(default_factory=Breaker)
    """When the new side is taken out of service, and how it comes back."""
    verify: bool = Field(default=False, examples=[True])
    """Whether clients of the new side get its answer only where it has proved equal to the old side's, and else the old
    one."""
    sticky: Sticky = Field(default_factory=Sticky)
    """What a client is known by; by default its address."""
    compare: Compare = Field(default_factory=Compare)
    """What counts as a difference, everywhere."""
    routes: Many[Route] = Field(default=(), examples=[[{"match": "POST /orders", "writes": "both-sides"}]])
    """Settings for some endpoints. The most specific path counts; for the same path the line for the method alone,
    then the first."""
    openapi: Path | None = Field(default=None, strict=False, examples=["openapi.yaml"])
    """An OpenAPI description (YAML or JSON) whose paths name the endpoints."""
    rollout: Rollout = Field(default_factory=Rollout)
    """The plan by which traffic moves to the new side. Without it nothing moves unless a person starts it."""
    limits: Limits = Field(default_factory=Limits)
    """Bounds on memory, size, time and number."""
    redact: Redact = Field(default_factory=Redact)
    """Secrets that are never kept."""
    alerts: Many[Alert] = Field(default=(), examples=[[{"to": "mailto://user:password@example.org"}]])
    """Whom to tell."""
    store: Annotated[str, AfterValidator(_store_url)] = Field(
        default="sqlite:///parallelrun.db",
        examples=["postgresql://parallelrun:secret@db/parallelrun"],
        json_schema_extra={"secret": True},
    )
    """Where the evidence is kept. `sqlite:///FILE` is relative to the working directory, `sqlite:////FILE` absolute."""
    stop: Stop = Field(default_factory=Stop)
    """What SIGTERM and SIGINT give to what is still under way."""


def schema() -> dict[str, Any]:
    """The JSON Schema of a configuration file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Config.model_json_schema(mode="validation"),
        "title": "parallelrun configuration",
    }
