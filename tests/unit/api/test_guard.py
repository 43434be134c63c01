"""Which Host headers name the machine itself; the rest of the guard is tested over HTTP."""

import pytest

from parallelrun.api.guard import is_local_name


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8081", "localhost.", "127.0.0.1", "127.0.0.1:80", "127.9.9.9", "[::1]", "[::1]:8081"],
)
def test_local(host: str) -> None:
    assert is_local_name(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]:8081",
        "[::1",
        "::1",
        "127.1",
        "2130706433",
        "evil@localhost",
    ],
)
def test_not_local(host: str) -> None:
    assert not is_local_name(host)
