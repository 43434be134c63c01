"""What a report says, and whether a build may go on."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from parallelrun.api.views import rate
from parallelrun.cli.report_markdown import markdown
from parallelrun.cli.report_text import report_text
from parallelrun.cli.status_text import status_text
from parallelrun.evidence.outcomes import ALL, NOT_COMPARED
from parallelrun.evidence.rates import wilson
from parallelrun.web.page import page
from parallelrun.web.report import Report, percent, share
from tests.support.fake_engine import FakeEngine
from tests.support.plural import wrong_plurals
from tests.unit.report.test_text import printed


async def made(engine: FakeEngine, **outcomes: int) -> Report:
    for outcome, count in outcomes.items():
        engine.core.count("GET /", outcome, count)
    return await engine.report()


async def test_it_agrees_only_if_something_was_compared(engine: FakeEngine) -> None:
    assert (await made(engine)).verdict == "nothing compared"
    assert (await made(engine, not_sampled=5)).verdict == "nothing compared"
    agreeing = await made(engine, match=1, noise=1, ignored=1, race=1)
    assert (agreeing.verdict, agreeing.agrees) == ("agrees", True)


async def test_an_open_difference_is_a_no(engine: FakeEngine) -> None:
    engine.core.differ(confirmed=1)
    report = await made(engine, mismatch=1, match=99)
    assert (report.verdict, report.agrees) == ("differs", False)
    assert report.headline.startswith("1 open difference at 1 endpoint. 99 % alike of 100 % compared")


async def test_noise_is_none(engine: FakeEngine) -> None:
    engine.core.differ(noise=3)
    report = await made(engine, noise=3)
    assert report.agrees
    assert [one.location for one in report.noise] == ["$.total"]


async def test_in_no_form_does_a_healthy_run_look_bad(engine: FakeEngine) -> None:
    report = await made(engine, noise=1_200, ignored=20, race=1)
    known = "100 % alike of 100 % compared (1,221 requests; alike: 0 match, 20 ignored, 1,200 noise, 1 race)."
    assert report.headline == f"No open difference. {known}"
    (endpoint,) = report.endpoints
    assert (report.alike.share, endpoint.alike.share, report.match.share, report.mismatch.share) == (1, 1, 0, 0)
    for text in (printed(report_text(report)), markdown(report), page(report)):
        assert known in text
        assert not re.search(r"0 % match|(?<!mis)match<", text, re.IGNORECASE)
    row = next(line for line in printed(report_text(report)).splitlines() if line.startswith("GET /"))
    assert row.split()[2:8] == ["1,221", "100", "%", "100", "%", "0"]
    assert "| `GET /` | 1221 | 100 % | 100 % | 0 % |" in markdown(report)
    status = printed(status_text(report.status, report.ledger))
    assert "100 % alike of 100 % compared (1,221 requests since" in status
    assert "; alike: 0 match, 20 ignored, 1,200 noise, 1 race)" in status


async def test_one_is_no_plural_in_any_form(engine: FakeEngine) -> None:
    engine.core.differ(confirmed=1, noise=1)
    report = await made(engine, mismatch=1, new_failed=1)
    for text in (printed(report_text(report)), markdown(report), re.sub("<[^>]*>", "", page(report))):
        assert wrong_plurals(text) == []


async def test_what_is_alike_and_what_is_not_make_up_what_was_compared(engine: FakeEngine) -> None:
    report = await made(engine, **dict.fromkeys(ALL, 3))
    assert report.alike.count + report.mismatch.count == report.compared.count == report.alike.of
    assert ". 80 % alike of 26.3 % compared (57 requests; " in report.headline


async def test_a_failure_of_new_alone_is_a_no(engine: FakeEngine) -> None:
    report = await made(engine, match=10, new_failed=1)
    assert (report.verdict, report.agrees) == ("fails", False)
    assert report.title == "The new version fails where the old one answers"
    assert "The new side gave no answer to 1 of 11 requests that the old side answered." in report.headline
    assert report.failing[0].new_failed.count == 1
    assert (await made(FakeEngine(str(engine.store.place)), match=10, old_failed=1, both_failed=1)).agrees


async def test_a_new_side_that_only_fails_answers_nothing_rather_than_differently(engine: FakeEngine) -> None:
    report = await made(engine, new_failed=3, breaker_open=2)
    assert report.verdict == "fails"
    assert report.headline.startswith("The new side gave no answer to 3 of 3 requests that the old side answered. Noth")
    for text in (printed(report_text(report)), markdown(report), page(report)):
        assert "The new version does not answer" in text
        assert "differently" not in text


async def test_every_reason_is_said_in_words(engine: FakeEngine) -> None:
    report = await made(engine, match=1, old_failed=1, new_failed=1, both_failed=1, **dict.fromkeys(NOT_COMPARED, 2))
    assert {one.outcome for one in report.not_compared} == {*NOT_COMPARED, "old_failed", "new_failed", "both_failed"}
    assert all(len(one.why) > 10 for one in report.not_compared)
    assert sum(one.count for one in report.not_compared) + report.compared.count == report.compared.of


async def test_as_json_it_holds_no_bodies(hostile: Report) -> None:
    value = json.loads(hostile.model_dump_json())
    assert "pairs" not in value
    assert len(value["open"]) == 5
    assert Report.model_validate(value).verdict == "differs"


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_only_all_is_100_percent_and_only_nothing_is_0(count: int, more: int) -> None:
    text = share(count, count + more)
    assert (text == "100 %") == (more == 0 and count > 0)
    assert (text == "0 %") == (count == 0 and more > 0)
    assert (text == "n/a") == (count + more == 0)
    assert text == percent(rate(count, count + more))


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_interval_holds_the_share(count: int, more: int) -> None:
    low, high = wilson(count, count + more)
    assert 0 <= low <= high <= 1
    if count + more:
        assert low <= count / (count + more) <= high
        wider = wilson(count, count + more, z=3)
        assert wider[0] <= low + 1e-12
        assert wider[1] >= high - 1e-12


def test_the_interval_has_known_values() -> None:
    low, high = wilson(10, 100)
    assert (round(low, 4), round(high, 4)) == (0.0552, 0.1744)
    assert wilson(0, 0) == (0.0, 1.0)
