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
    say.console.print(_table(verdict))
    say.console.print(_timeline(story))
    say(f"[bold]{verdict}[/]")
    say(f"[bold]{story}[/]")
    say(f"both answers side by side, for each difference, and the rollout: {_page(directory)}")
    return verdict, story


def _compare(say: Steps, shop: Shop, proxy: Proxy, requests: int, directory: Path) -> Verdict:
    """The first half: the old version serves, the new one only gets copies, and every mistake in it shows."""
    say(f"sending {requests} requests: visitors browse, search, fill baskets and order, prices change ...")
    with progress(say.console) as bar:
        task = bar.add_task("requests", total=requests)
        verdict = run(shop, proxy, requests, lambda: bar.advance(task))
    say("all of them are answered, compared and counted; the report:")
    say.console.file.flush()
    proxy.report("text")
    return verdict


def _climb(say: Steps, shop: Shop, proxy: Proxy) -> Story:
    """The second half: the fixed version takes over."""
    say("the mistakes are fixed: the fixed version is deployed, both databases begin anew, and a rollout starts")
    shop.replace_new(())
    shop.reset(shop.seed)
    with progress(say.console) as bar:
        task = bar.add_task("requests", total=None)
        return climb(shop, proxy, say, lambda: bar.advance(task))


def _page(directory: Path) -> Path:
    return directory.resolve() / "report.html"


def _table(verdict: Verdict) -> Table:
    """Each planted mistake beside the differences that gave it away, then what should not be there."""
    table = Table("planted", "what is wrong", "found", title="What was planted, and what was found", show_lines=True)
    for name, shown in verdict.found.items():
        table.add_row(f"[green]{name}[/]", escape(REGRESSIONS[name].what), _places(shown))
    for name, shown in verdict.missed.items():
        table.add_row(f"[bold red]{name}[/]", escape(REGRESSIONS[name].what), _places(shown) or "[bold red]missed[/]")
    for one in verdict.false_alarms:
        table.add_row("[bold red]nothing[/]", "a false alarm", _places([one]))
    return table


def _places(shown: list[Difference]) -> str:
    return "\n".join(_place(one) for one in shown)


def _place(one: Difference) -> str:
    old, new = ("nothing" if one[side] is None else one[side] for side in ("old", "new"))
    return escape(f"{one['endpoint']}  {one['location']}  {one['kind']}, {one['count']} times: {old} -> {new}")


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
