"""A new route takes requests from other routes; where those have settings, it is not made."""

from pathlib import Path
from typing import Any

import pytest

from parallelrun.api.rule_changes import NewRule, add
from parallelrun.config.rewrite import RewriteError
from tests.support.fake_engine import FakeEngine

WRITES = {"writes": "old-only"}
RULES = {"compare": {"case": ["$.a"]}}


@pytest.mark.parametrize(
    ("route", "settings", "new", "refused"),
    [
        ("/orders/{*rest}", WRITES, "POST /orders/{id}", True),
        ("/orders/{*rest}", RULES, "POST /orders/{id}", True),
        ("/orders/{*rest}", {"mirror": False}, "POST /orders/{id}", True),
        ("/orders/{*rest}", {}, "POST /orders/{id}", False),
        ("/orders", WRITES, "GET /orders", True),
        ("GET /orders", WRITES, "POST /orders", False),
        ("/orders/new", WRITES, "/orders/{id}", False),
        ("/{a}/new", WRITES, "/orders/{id}", True),
        ("/other/{*rest}", WRITES, "/orders/{id}", False),
    ],
)
async def test_settings_of_another_route_are_not_hidden(
    tmp_path: Path, route: str, settings: dict[str, Any], new: str, refused: bool
) -> None:
    engine = FakeEngine(f"sqlite:///{tmp_path / 'x.db'}", routes=[{"match": route, **settings}])
    message = f"A route {new} would take requests from the route {route} " if refused else "no configuration file"
    try:
        with pytest.raises(RewriteError) as error:
            await add(engine, NewRule(kind="ignore", at="$.x", route=new))
        assert message in str(error.value)
    finally:
        await engine.close()
