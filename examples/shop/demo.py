"""The demo from the first process to the last line. `parallelrun demo` and `make demo` call it."""

import time
import webbrowser
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shop.launch import Shop, StartError
from shop.middle import MiddleError, run, serving
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
        True if parallelrun found what was planted and nothing else.

    Raises:
        ValueError: the requests are too few to come by every corner of the shop.
    """
    if requests < LEAST:
        raise ValueError(f"at least {LEAST} requests are needed to come by every corner of the shop, not {requests}")
    try:
        verdict = _play(Steps(console), directory, requests, seed)
    except (StartError, MiddleError) as error:
        console.print(f"[bold red]demo:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return False
    if browser:
        webbrowser.open(_page(directory).as_uri())
    return verdict.right


def _play(say: Steps, directory: Path, requests: int, seed: int) -> Verdict:
    directory.mkdir(exist_ok=True)
    for leftover in directory.glob("parallelrun.db*"):
        leftover.unlink()
    with ExitStack() as cleanup:
        say("starting PostgreSQL, Valkey, the old shop (Flask) and the new shop (Starlette) ...")
        shop = cleanup.enter_context(Shop(seed, REGRESSIONS))
        say(f"the old shop: {shop.old_url}, the new one: {shop.new_url}, with {len(REGRESSIONS)} planted mistakes")
        proxy = cleanup.enter_context(serving(shop, directory))
        say(f"parallelrun: {proxy.url}, the old shop serves, the new one gets a copy (admin: {proxy.admin_url})")
        say(f"sending {requests} requests: visitors browse, search, fill baskets and order, prices change ...")
        with progress(say.console) as bar:
            task = bar.add_task("requests", total=requests)
            verdict = run(shop, proxy, requests, lambda: bar.advance(task))
        say("all of them are answered, compared and counted; the report:")
        with _page(directory).open("wb") as page:
            proxy.report("html", page)
        say.console.file.flush()
        proxy.report("text")
        say("stopping everything ...")
    say.console.print(_table(verdict))
    say(f"[bold]{verdict}[/]")
    say(f"both answers side by side, for each difference: {_page(directory)}")
    return verdict


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
