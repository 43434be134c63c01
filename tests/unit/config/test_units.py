"""Values with a unit."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelrun.config import units


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("250ms", timedelta(milliseconds=250)),
        ("10s", timedelta(seconds=10)),
        (" 10 s ", timedelta(seconds=10)),
        ("1.5h", timedelta(minutes=90)),
        ("1h30m", timedelta(minutes=90)),
        ("1h 30m", timedelta(minutes=90)),
        ("30d", timedelta(days=30)),
        ("2w", timedelta(days=14)),
        (0, timedelta()),
        (0.0, timedelta()),
    ],
)
def test_durations(text: Any, expected: timedelta) -> None:
    assert units.parse_duration(text) == expected


@pytest.mark.parametrize(
    "wrong", [10, 1.5, "10", "", "s", "10x", "10s!", "-1s", "1h junk 2m", None, True, False, [], "1e3s"]
)
def test_a_duration_needs_its_unit(wrong: Any) -> None:
    with pytest.raises(ValueError, match="expected a duration with its unit"):
        units.parse_duration(wrong)


@pytest.mark.parametrize("wrong", ["0.5ms", "0.0001s"])
def test_a_duration_has_whole_milliseconds(wrong: str) -> None:
    with pytest.raises(ValueError, match="whole milliseconds"):
        units.parse_duration(wrong)


def test_a_duration_has_an_end() -> None:
    with pytest.raises(ValueError, match="at most ten years"):
        units.parse_duration("9999999999999999999999w")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("512B", 512), ("1kB", 1000), ("1KiB", 1024), ("1.5MiB", 3 << 19), ("2 GiB", 2 << 30), ("3MB", 3_000_000), (0, 0)],
)
def test_sizes(text: Any, expected: int) -> None:
    assert units.parse_size(text) == expected


@pytest.mark.parametrize("wrong", [1, "1", "1M", "1mib", "", "-1B", None, True, "1MiB 1B"])
def test_a_size_needs_its_unit(wrong: Any) -> None:
    with pytest.raises(ValueError, match="expected a size with its unit"):
        units.parse_size(wrong)


def test_a_size_has_whole_bytes() -> None:
    assert units.parse_size("0.5KiB") == 512
    with pytest.raises(ValueError, match="whole bytes"):
        units.parse_size("0.3B")


@pytest.mark.parametrize(
    ("text", "expected"), [("100%", 1_000_000), ("10 %", 100_000), ("0.01%", 100), ("0.0001%", 1), (0, 0), ("0%", 0)]
)
def test_shares(text: Any, expected: int) -> None:
    assert units.parse_share(text) == expected


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (10, "in percent"),
        (0.1, "in percent"),
        (True, "in percent"),
        ("10", "in percent"),
        ("-1%", "in percent"),
        ("100.0001%", "at most 100%"),
        ("0.00001%", "steps of 0.0001%"),
    ],
)
def test_a_share_is_in_percent(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        units.parse_share(wrong)


@given(st.integers(0, 3_000_000_000))
def test_every_duration_can_be_written(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    text = units.format_duration(duration)
    assert units.parse_duration(0 if text == "0" else text) == duration


@given(st.integers(0, 1 << 45))
def test_every_size_can_be_written(size: int) -> None:
    text = units.format_size(size)
    assert units.parse_size(0 if text == "0" else text) == size


@given(st.integers(0, units.MILLION))
def test_every_share_can_be_written(share: int) -> None:
    assert units.parse_share(units.format_share(share)) == share


@pytest.mark.parametrize(
    ("text", "expected", "loopback"),
    [
        ("127.0.0.1:8080", "127.0.0.1:8080", True),
        ("localhost:0", "127.0.0.1:0", True),
        ("0.0.0.0:80", "0.0.0.0:80", False),
        ("[::1]:8080", "[::1]:8080", True),
        ("[0:0::1]:8080", "[::1]:8080", True),
        ("[::]:8080", "[::]:8080", False),
        ("10.1.2.3:65535", "10.1.2.3:65535", False),
    ],
)
def test_addresses(text: str, expected: str, loopback: bool) -> None:
    address = units.parse_address(text)
    assert (str(address), address.loopback) == (expected, loopback)


@pytest.mark.parametrize(
    "wrong",
    ["8080", ":8080", 8080, "example.org:80", "127.0.0.1", "127.0.0.1:65536", "1.2.3.4:x", "::1:80", "[::1:80", None],
)
def test_an_address_is_an_ip_address_and_a_port(wrong: Any) -> None:
    with pytest.raises(ValueError, match="expected ADDRESS:PORT"):
        units.parse_address(wrong)
