"""Sends the visitors' requests. As a program: `python examples/shop/traffic.py URL`."""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from shop.visitors import LEAST, Request, Round, plan

TIMEOUT_S = 30.0


async def send(
    rounds: Iterable[Round],
    url: str,
    settled: Callable[[int], Awaitable[None]],
    sent: Callable[[], None],
) -> Counter[int]:
    """Sends the traffic and counts the answers by status.

    Args:
        rounds: see `plan`.
        url: where to, without a path.
        settled: awaited after each round with the number of requests so far; returns when both versions have answered.
        sent: called after each answer.

    Raises:
        httpx.HTTPError: no answer came.
    """
    statuses: Counter[int] = Counter()

    async def act(client: httpx.AsyncClient, party: Sequence[Request]) -> None:
        for request in party:
            answer = await client.request(request.method, request.path, headers=request.headers, json=request.body)
            statuses[answer.status_code] += 1
            sent()

    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, trust_env=False) as client:
        for parties in rounds:
            async with asyncio.TaskGroup() as group:
                for party in parties:
                    group.create_task(act(client, party))
            await settled(statuses.total())
    return statuses


def progress(console: Console) -> Progress:
    """A bar for the requests sent."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)


def main() -> None:
    """Sends the traffic to an address."""
    parser = argparse.ArgumentParser(description="Sends traffic to the shop, or to parallelrun in front of it.")
    parser.add_argument("url", help="where to, such as http://127.0.0.1:8080")
    parser.add_argument("--requests", type=int, default=2000, help=f"how many, at least {LEAST} (default: 2000)")
    parser.add_argument("--seed", type=int, default=1, help="the same as the shop's (default: 1)")
    options = parser.parse_args()
    try:
        rounds = plan(options.seed, options.requests)
    except ValueError as error:
        parser.error(str(error))
    console = Console()
    with progress(console) as bar:
        task = bar.add_task("requests", total=options.requests)
        statuses = asyncio.run(send(rounds, options.url, _think, lambda: bar.advance(task)))
    console.print("answers: " + ", ".join(f"{count} with {status}" for status, count in sorted(statuses.items())))


async def _think(_: int) -> None:
    """Stands in for a look at the ledger where there is none: visitors need a moment between two steps."""
    await asyncio.sleep(0.2)


if __name__ == "__main__":
    main()
