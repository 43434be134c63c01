"""The demo from the first process to the last line. `parallelrun demo` and `make demo` call it."""

import time
import webbrowser
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shop.climb import Story, climb
from shop.launch import Shop, StartError
from shop.middle import MiddleError, Proxy, run, serving
from shop.regressions import REGRESSIONS
from shop.traffic import progress
from shop.verdict import Difference, Verdict
from shop.visitors import LEAST

BRIEF = 30
"""Characters of a value in the list of what was found."""


class Steps:
    """Says what the demo is doing, and after how many seconds."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._begun = time.monotonic()

    def __call__(self, text: str) -> None:
        self.console.print(f"[dim]{time.monotonic() - self._begun:5.1f} s[/]  {text}", highlight=False, soft_wrap=True)


def main(console: Console, directory: Path, requests: int, seed: int, browser: bool) -> bool:
    """Runs the demo.

    Args:
        console: where it says what it does.
        directory: for the report, the log and the evidence; made if it is not there.
        requests: how many are sent.
        seed: of the catalogue and the traffic.
        browser: whether the report is opened.

    Returns:
        True if parallelrun found what was planted and nothing else, and no visitor noticed anything of the rollout.

    Raises:
        ValueError: the requests are too few to come by every corner of the shop.
    """
    if requests < LEAST:
        raise ValueError(f"at least {LEAST} requests are needed to come by every corner of the shop, not {requests}")
    try:
        verdict, story = _play(Steps(console), directory, requests, seed)
    except (StartError, MiddleError) as error:
        console.print(f"[bold red]demo:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return False
    if browser:
        webbrowser.open(_page(directory).as_uri())
    return verdict.right and story.right


def _play(say: Steps, directory: Path, requests: int, seed: int) -> tuple[Verdict, Story]:
    directory.mkdir(exist_ok=True)
    for leftover in directory.glob("parallelrun.db*"):
        leftover.unlink()
    with ExitStack() as cleanup:
        say("starting PostgreSQL, Valkey, the old shop (Flask) and the new shop (Starlette) ...")
        shop = cleanup.enter_context(Shop(seed, REGRESSIONS))
        say(f"the old shop: {shop.old_url}, the new one: {shop.new_url}, with {len(REGRESSIONS)} planted mistakes")
        proxy = cleanup.enter_context(serving(shop, directory))
        say(f"parallelrun: {proxy.url}, the old shop serves, the new one gets a copy (admin: {proxy.admin_url})")
        verdict = _compare(say, shop, proxy, requests, directory)
        story = _climb(say, shop, proxy)
        with _page(directory).open("wb") as page:
            proxy.report("html", page)
        say("stopping everything ...")
    say.console.print(_timeline(story))
    say(f"[bold]{verdict}[/]")
    say(f"[bold]{story}[/]")
    say(f"both answers side by side, for each difference, and the rollout: {_page(directory)}")
    return verdict, story


def _compare(say: Steps, shop: Shop, proxy: Proxy, requests: int, directory: Path) -> Verdict:
    """The first half: the old version serves, the new one only gets copies, and every mistake in it shows. The whole
    report goes into a file: what counts here is that what was planted was found.
    """
    say(f"sending {requests} requests: visitors browse, search, fill baskets and order, prices change ...")
    with progress(say.console) as bar:
        task = bar.add_task("requests", total=requests)
        verdict = run(shop, proxy, requests, lambda: bar.advance(task))
    text = directory.resolve() / "report.txt"
    with text.open("wb") as file:
        proxy.report("text", file)
    answer, headline, *_ = text.read_text().splitlines()
    say(f"all of them are answered, compared and counted. [bold]{answer}[/]")
    say(escape(headline))
    say.console.print(_list(verdict), highlight=False)
    say(f"each with its example, and what is noise: {text}")
    return verdict


def _climb(say: Steps, shop: Shop, proxy: Proxy) -> Story:
    """The second half: the fixed version takes over."""
    say("the mistakes are fixed: the fixed version is deployed, both databases begin anew, and a rollout starts")
    shop.replace_new(())
    shop.reset(shop.seed)
    with progress(say.console) as bar:
        task = bar.add_task("requests", total=None)  # nobody knows how many it takes
        story = climb(shop, proxy, say, lambda: bar.advance(task))
        bar.update(task, total=story.statuses.total())
        return story


def _page(directory: Path) -> Path:
    return directory.resolve() / "report.html"


def _list(verdict: Verdict) -> Table:
    """Each planted mistake, below it the differences that gave it away; then what should not be there."""
    table = Table("planted", "what is wrong, and where it was found", box=None, padding=(0, 2, 0, 0))
    for name, shown in verdict.found.items():
        table.add_row(f"[green]{name}[/]", _found(REGRESSIONS[name].what, shown))
    for name, shown in verdict.missed.items():
        what = REGRESSIONS[name].what if shown else f"{REGRESSIONS[name].what}: not found"
        table.add_row(f"[bold red]{name}[/]", _found(what, shown))
    for one in verdict.false_alarms:
        table.add_row("[bold red]nothing[/]", _found("a false alarm", [one]))
    return table


def _found(what: str, shown: list[Difference]) -> str:
    return "\n".join([escape(what), *(f"[dim]{escape(_place(one))}[/]" for one in shown)])


def _place(one: Difference) -> str:
    rate, old, new = one["rate"], _brief(one["old"]), _brief(one["new"])
    often = f"in {rate['count']} of {rate['of']} pairs"
    return f"{one['endpoint']}  {one['location']}  {one['kind']}, {often}: {old} -> {new}"


def _brief(value: str | None) -> str:
    if value is None:
        return "nothing"
    return value if len(value) <= BRIEF else f"{value[: BRIEF - 1]}…"


def _timeline(story: Story) -> Table:
    """What the rollout did, and what was done to the new shop, in order."""
    moves = [
        (datetime.fromisoformat(move["at"]).timestamp(), f"{move['weight']:.0%}", move["reason"])
        for move in story.rollout["history"]
    ]
    deeds = [(at, "", f"[bold]{deed}[/]") for at, deed in story.deeds]
    table = Table("at", "new serves", "what happened", title="The rollout")
    for at, weight, text in sorted(moves + deeds):
        table.add_row(time.strftime("%H:%M:%S", time.localtime(at)), weight, text)
    return table
