"""The report tells what a rollout did, the oldest first, in each of its forms."""

import io

from rich.console import Console

from parallelrun.cli.report_markdown import markdown
from parallelrun.cli.report_text import report_text
from parallelrun.web.page import page
from parallelrun.web.report import Report
from tests.support.fake_engine import FakeEngine


def text(report: Report) -> str:
    out = io.StringIO()
    Console(file=out, width=200, color_system=None).print(report_text(report), soft_wrap=True)
    return out.getvalue()


async def test_what_a_rollout_did_is_told_in_order(engine: FakeEngine) -> None:
    await engine.rollout.ask("start", "the mistakes are fixed")
    await engine.rollout.ask("rollback", "a customer called")
    for form in (text, markdown, page):
        told = form(await engine.report())
        assert told.index("the mistakes are fixed") < told.index("a customer called"), form


async def test_where_there_has_been_none_nothing_is_told(engine: FakeEngine) -> None:
    report = await engine.report()
    assert report.rollout is None
    for form in (text, markdown, page):
        assert "Rollout" not in form(report), form
