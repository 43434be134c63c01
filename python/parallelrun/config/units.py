"""Values with a unit: durations, sizes, shares and addresses.

A bare number says nothing about its unit, and reading `timeout: 10` as milliseconds where seconds were meant takes a
service down. So each of them needs its unit, except 0, which is the same in all.
"""

import ipaddress
import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

MILLION = 1_000_000
"""A share of 100 %, in parts per million."""

_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(rf"{_NUMBER}\s*(ms|s|m|h|d|w)")
_SIZE = re.compile(rf"{_NUMBER}\s*(B|kB|MB|GB|KiB|MiB|GiB)")
_SHARE = re.compile(rf"{_NUMBER}\s*%")
_LONGEST = timedelta(days=3660)


def _number_zero(value: Any) -> bool:
    return value == 0 and not isinstance(value, bool)


def parse_duration(value: Any) -> timedelta:
    """Reads `250ms`, `10s`, `5m`, `24h`, `30d` or `2w`, also `1.5h` and sums such as `1h30m`; at most ten years.

    Raises:
        ValueError: anything else, a bare number other than 0 among it.
    """
    if isinstance(value, timedelta):
        return value
    if _number_zero(value):
        return timedelta()
    text = value.strip() if isinstance(value, str) else ""
    parts = list(_DURATION.finditer(text))
    if not parts or _DURATION.sub("", text).strip():
        raise ValueError("expected a duration with its unit, such as 250ms, 10s, 5m, 24h or 30d")
    total = sum((Decimal(part[1]) * _MILLISECONDS[part[2]] for part in parts), Decimal())
    if total != int(total):
        raise ValueError("expected a duration of whole milliseconds")
    if total > _LONGEST // timedelta(milliseconds=1):
        raise ValueError("expected a duration of at most ten years")
    return timedelta(milliseconds=int(total))


def format_duration(value: timedelta) -> str:
    """The shortest text that `parse_duration` reads back: `10s`, `1500ms`."""
    milliseconds = value // timedelta(milliseconds=1)
    if not milliseconds:
        return "0"
    unit = next(unit for unit in ("d", "h", "m", "s", "ms") if milliseconds % _MILLISECONDS[unit] == 0)
    return f"{milliseconds // _MILLISECONDS[unit]}{unit}"


def parse_size(value: Any) -> int:
    """Reads `512B`, `64KiB`, `1MiB`, `2GiB` (powers of 1024) or `1kB`, `1MB`, `1GB` (powers of 1000), in bytes.

    Raises:
        ValueError: anything else, a bare number other than 0 among it.
    """
    if _number_zero(value):
        return 0
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("expected a size with its unit, such as 512B, 64KiB or 1MiB")
    size = Decimal(match[1]) * _BYTES[match[2]]
    if size != int(size):
        raise ValueError("expected a size of whole bytes")
    return int(size)


def format_size(value: int) -> str:
    """The shortest text that `parse_size` reads back: `1MiB`, `1000B`."""
    if not value:
        return "0"
    unit = next(unit for unit in ("GiB", "MiB", "KiB", "B") if value % _BYTES[unit] == 0)
    return f"{value // _BYTES[unit]}{unit}"


def parse_share(value: Any) -> int:
    """Reads `10%` or `0.01%`, in parts per million; from 0 to 100 %, in steps of 0.0001 %.

    Raises:
        ValueError: anything else, a bare number other than 0 among it.
    """
    if _number_zero(value):
        return 0
    match = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("expected a share in percent, such as 10% or 0.01%")
    parts = Decimal(match[1]) * MILLION / 100
    if parts > MILLION:
        raise ValueError("expected at most 100%")
    if parts != int(parts):
        raise ValueError("expected a share in steps of 0.0001%")
    return int(parts)


def format_share(value: int) -> str:
    """The shortest text that `parse_share` reads back: `10%`, `0.01%`."""
    percent = Decimal(value) * 100 / MILLION
    return f"{percent.normalize():f}%"


@dataclass(frozen=True)
class Address:
    """An address to listen on."""

    host: str
    """An IP address, never a name."""
    port: int
    """0 to 65535; 0 lets the system choose a free one."""

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(value: Any) -> Address:
    """Reads `IP:PORT`, with an IPv6 address in brackets; `localhost` stands for 127.0.0.1.

    Raises:
        ValueError: anything else. Other names are refused, since they may resolve to several addresses or to none.
    """
    if isinstance(value, Address):
        return value
    expected = "expected ADDRESS:PORT, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080"
    if not isinstance(value, str):
        raise ValueError(expected)
    host, colon, port = value.strip().rpartition(":")
    if host.startswith("[") != host.endswith("]") or (":" in host and not host.startswith("[")):
        raise ValueError(expected)
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        raise ValueError(expected)
    try:
        return Address(str(ipaddress.ip_address(host)), int(port))
    except ValueError:
        raise ValueError(expected) from None


def _text_or_zero(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "string", "pattern": pattern}, {"const": 0}]})


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration, json_schema_input_type=str),
    PlainSerializer(format_duration, return_type=str),
    _text_or_zero(r"^\s*([0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d|w)\s*)+$"),
]
"""A `timedelta`, written with its unit."""

Size = Annotated[
    int,
    BeforeValidator(parse_size, json_schema_input_type=str),
    PlainSerializer(format_size, return_type=str),
    _text_or_zero(r"^\s*[0-9]+(\.[0-9]+)?\s*(B|kB|MB|GB|KiB|MiB|GiB)\s*$"),
]
"""A number of bytes, written with its unit."""

Share = Annotated[
    int,
    BeforeValidator(parse_share, json_schema_input_type=str),
    PlainSerializer(format_share, return_type=str),
    _text_or_zero(r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$"),
]
"""Parts per million, written as a percentage."""

ListenAddress = Annotated[
    Address,
    BeforeValidator(parse_address, json_schema_input_type=str),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^.*:[0-9]{1,5}$"}),
]
"""An `Address`, written `IP:PORT`."""
