"""How the health of a side is asked."""

from pathlib import Path

import pytest

from parallelrun.engine import health
from parallelrun.engine.health import HealthChecks
from tests.support.fake_engine import FakeEngine

WELL = {"url": "http://127.0.0.1:1", "health": "/healthz"}


async def test_it_is_asked_once_in_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def check(base: str, path: str | None, headers: dict[str, str], ca: str | None) -> None:
        asked.append(f"{base} {path} {headers}")

    monkeypatch.setattr(health, "_check", check)
    engine = FakeEngine(f"sqlite:///{tmp_path}/x.db", new={**WELL, "headers": {"set": {"x-key": "1"}}})
    checks = HealthChecks(engine)
    await checks.both()
    await checks.both()
    assert asked == ["http://127.0.0.1:1 None {}", "http://127.0.0.1:1 /healthz {'x-key': '1'}"]
    monkeypatch.setattr(health, "FRESH_S", 0.0)
    engine.loaded = FakeEngine(f"sqlite:///{tmp_path}/x.db").loaded
    await checks.both()
    assert len(asked) == 4, "other settings are asked at once"
    await checks.both()
    assert len(asked) == 6, "and so it is when the answer is old"
    await engine.close()


async def test_what_does_not_answer(tmp_path: Path) -> None:
    engine = FakeEngine(f"sqlite:///{tmp_path}/x.db", old=WELL, new={"url": "https://127.0.0.1:1", "health": "/"})
    old, new = await HealthChecks(engine).both()
    await engine.close()
    assert old
    assert new
    assert (old.ok, new.ok, old.url) == (False, False, "http://127.0.0.1:1/healthz")
    assert old.error
