"""The two versions and the clients' way to them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from parallelrun.config.section import HeaderName, Many, Section, SomeTime
from parallelrun.config.units import parse_duration

_SET_BY_PARALLELRUN = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def _base_url(value: str) -> str:
    expected = "expected http://HOST:PORT or https://HOST:PORT, with or without a path"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(expected) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or value.split() != [value]:
        raise ValueError(expected)
    if parts.username is not None or parts.password is not None:
        raise ValueError("expected no user and password in it: give those as `headers: {set: {authorization: ...}}`")
    if "?" in value or "#" in value:
        raise ValueError(f"{expected}, but without a query")
    return value.rstrip("/")


def _header_value(value: str) -> str:
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueError("expected the value of a header: text without line breaks or control characters")
    return value


def _path(value: str) -> str:
    if not value.startswith("/") or any(char.isspace() for char in value):
        raise ValueError("expected a path that starts with /, such as /healthz")
    return value


HeaderValue = Annotated[str, AfterValidator(_header_value)]
UrlPath = Annotated[str, AfterValidator(_path)]


class Headers(Section):
    """What is changed in the head of each request on its way to this side."""

    set: Mapping[HeaderName, HeaderValue] = Field(
        default_factory=dict, examples=[{"authorization": "Bearer x"}], json_schema_extra={"secret": True}
    )
    """Headers to set; one that the client sent under the same name is replaced."""
    remove: Many[HeaderName] = Field(default=(), examples=[["cookie"]])
    """Headers of the client that this side does not get."""

    @model_validator(mode="after")
    def _framing_stays(self) -> "Headers":
        refused = sorted((_SET_BY_PARALLELRUN & {*self.set, *self.remove}) | ({"host"} & {*self.remove}))
        if refused:
            raise ValueError(f"{', '.join(refused)}: set by parallelrun itself for each connection")
        return self


class Side(Section):
    """One of the two versions."""

    url: Annotated[str, AfterValidator(_base_url)] = Field(examples=["http://orders-v1:8000"])
    """Where it listens. A path is put before the path of each request. `https://` checks its certificate."""
    version: str | None = Field(default=None, min_length=1, max_length=200, examples=["2.4.1"])
    """What is deployed there. Another text means another version, also at the same `url`: a rollout starts over."""
    health: UrlPath | None = Field(default=None, examples=["/healthz"])
    """A path that answers 2xx while it is well, asked every few seconds. Where that of new fails, the breaker opens."""
    timeout: SomeTime = Field(default=parse_duration("10s"), examples=["30s"])
    """How long it may take until the head of its answer is there."""
    connect_timeout: SomeTime = Field(default=parse_duration("2s"), examples=["500ms"])
    """How long it may take to get a connection: to look its name up, to connect, TLS and HTTP/2 handshakes included."""
    protocol: Literal["auto", "http1", "http2"] = Field(default="auto", examples=["http2"])
    """What to speak. `auto`: HTTP/1.1 on `http://`, what both can (ALPN) on `https://`. `http2` on `http://` is h2c."""
    ca: Path | None = Field(default=None, strict=False, examples=["internal-ca.pem"])
    """A file with certificates (PEM) of further authorities that may vouch for it, beside those of the system."""
    headers: Headers = Field(default_factory=Headers)
    """What is changed in the head of each request on its way to this side."""


class Sticky(Section):
    """What a client is known by: the same client is served by the same side."""

    cookie: str | None = Field(default=None, min_length=1, examples=["session"])
    """The name of the cookie that tells clients apart. A request without it goes by its address."""
    header: HeaderName | None = Field(default=None, examples=["x-user-id"])
    """The name of the header that tells clients apart. A request without it goes by its address."""

    @model_validator(mode="after")
    def _one_of_them(self) -> "Sticky":
        if self.cookie is not None and self.header is not None:
            raise ValueError("expected either `cookie` or `header`, not both")
        return self


def plain_side(value: Any) -> Any:
    """Lets a plain URL stand for a side with all defaults."""
    return {"url": value} if isinstance(value, str) else value
