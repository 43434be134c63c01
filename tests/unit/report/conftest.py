"""Reports over what a fake core counted."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from parallelrun.web.report import Report
from tests.support.fake_core import FakeCore, answer, difference, pair
from tests.support.fake_engine import FakeEngine
from tests.support.until import until

SCRIPT = "<script>alert(1)</script>"
HOSTILE = (
    f"{SCRIPT}\"'><img src=x onerror=alert(1)>`|\u202e\x1b[31m\x00]]>--></pre></style>{{{{31337*31337}}}}{{% raw %}}"
)
"""A value that would break out of HTML, Markdown, a table, a terminal or a template."""


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[FakeEngine]:
    made = FakeEngine(f"sqlite:///{tmp_path / 'evidence.db'}")
    yield made
    await made.close()


@pytest.fixture
async def hostile(tmp_path: Path) -> AsyncIterator[Report]:
    """A report in which every text that comes from outside is hostile."""
    core, now = FakeCore(), int(time.time() * 1000)
    engine = FakeEngine(
        f"sqlite:///{tmp_path / 'hostile.db'}",
        core,
        compare={"ignore": [{"at": f"$['{SCRIPT}']", "reason": HOSTILE, "owner": HOSTILE}]},
        routes=[
            {"match": f"GET /{SCRIPT.replace('{', '')}", "compare": {"ignore": [{"at": "$.a", "reason": HOSTILE}]}}
        ],
    )
    endpoint = f"GET /{HOSTILE}"
    places = (
        ("status", "value"),
        (f"$['{HOSTILE}']", "value"),
        (f"header:{SCRIPT}", "missing"),
        ("body", HOSTILE),
        ("$", "order"),
    )
    text = f'{{"{SCRIPT}": "{SCRIPT}", "n": 10.50}}'
    for number, (location, kind) in enumerate(places):
        core.count(endpoint, "mismatch")
        core.differ(location, kind, endpoint=endpoint, confirmed=1)
        sides = [answer(200, text), answer(500, f"{HOSTILE}\n{HOSTILE}", failure=HOSTILE)]
        for side in sides:
            side["headers"] += [[SCRIPT, HOSTILE], [HOSTILE, SCRIPT]]
        found = difference(location, kind, old=HOSTILE, new=SCRIPT, rule=HOSTILE)
        made = pair(
            f"{number}<b>", found, endpoint=endpoint, at_ms=now, target=f"/{HOSTILE}", old=sides[0], new=sides[1]
        )
        made["request"] |= {"method": SCRIPT, "headers": [[HOSTILE, HOSTILE]], "body": answer(200, HOSTILE)["body"]}
        core.record(made)
    for verdict in ("noise", "race", "ignored"):
        core.differ(f"$.{verdict}{HOSTILE}", "value", endpoint=endpoint, **{verdict: 1})
    core.count(endpoint, "new_failed")
    await engine.collector.start()
    await until(lambda: len([one for one in engine.collector.evidence.differences() if one.example]) == len(places))
    await engine.rollout.ask("start", HOSTILE)
    yield await engine.report()
    await engine.close()
