"""The demo's second half: the fixed version takes over step by step, is killed on the way, and a mistake sneaks in.

The visitors go on all the while. Between two rounds, when nothing is under way, the script looks where parallelrun
stands and does what comes next: kills the new shop, starts it again, or deploys a mistake.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import httpx

from shop.launch import Shop
from shop.middle import SETTLE_S, MiddleError, Proxy, settle
from shop.traffic import send
from shop.visitors import LEAST, Request, Round, plan

KILL_AT = 0.5
"""The weight at which the new shop is killed."""
AWAY_ROUNDS = 3
"""For how many rounds it stays away once parallelrun has noticed."""
MISTAKE = "rounding"
"""What sneaks in at last: a total that is wrong, where parallelrun.yaml says that none is ever to be tolerated."""
PATIENCE_S = 120.0
MOST_ROUNDS = 1000

Act = Literal["climbing", "doomed", "away", "back", "finishing", "cheating", "over"]


@dataclass
class Story:
    """What the visitors saw, and what was done to the new shop, with the time of each."""

    statuses: Counter[int] = field(default_factory=Counter)
    deeds: list[tuple[float, str]] = field(default_factory=list)
    rescued: int = 0
    rollout: dict[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Answers that no visitor should have got."""
        return sum(count for status, count in self.statuses.items() if status >= 500)

    @property
    def right(self) -> bool:
        """Whether it went as it should: nobody saw the new shop fail, and the mistake was rolled back."""
        return not self.failed and self.rollout.get("phase") == "rolled_back"

    def __str__(self) -> str:
        counts = f"{self.statuses.total()} requests, {self.rescued} rescued, {self.failed} failed"
        return f"rolled out to everybody, and back: {counts}"


class Script:
    """Decides, round by round, what the visitors do and what happens to the new shop.

    Args:
        tell: says what happens.
    """

    def __init__(self, shop: Shop, proxy: Proxy, tell: Callable[[str], None]) -> None:
        self.story = Story()
        self._shop = shop
        self._proxy = proxy
        self._tell = tell
        self._act: Act = "climbing"
        self._away = 0
        self._deadline = time.monotonic() + PATIENCE_S

    def rounds(self) -> Iterator[Round]:
        """Rounds until the story is over. Around its death visitors only look around: what they wrote then,
        it would miss, and its database would be another one from then on."""
        endless = itertools.chain.from_iterable(plan(self._shop.seed + n, LEAST) for n in itertools.count(1))
        for number, party in enumerate(endless):
            if self._act == "over":
                return
            if time.monotonic() > self._deadline or number > MOST_ROUNDS:
                raise MiddleError(f"after {PATIENCE_S:g} s it is still {self._act}: {self.story.rollout.get('reason')}")
            looking = self._act in ("doomed", "away", "back")
            yield [
                tuple(as_guest(request, number, n) for request in requests if not looking or is_look(request))
                for n, requests in enumerate(party)
            ]

    def answered(self) -> None:
        """A visitor has got an answer, while others wait for theirs: the moment to kill the new shop."""
        if self._act == "doomed":
            self._do("the new shop is killed (kill -9) in the middle of its work")
            self._shop.kill_new()
            self._act = "away"

    async def between(self, admin: httpx.AsyncClient) -> None:
        """Looks where the rollout stands, and does what comes next. Nothing is under way meanwhile."""
        rollout = self.story.rollout = await read(admin, "/api/v1/rollout")
        match self._act:
            case "climbing" if rollout["weight"] >= KILL_AT:
                self._act = "doomed"
            case "away" if await is_open(admin):
                self._away += 1
                if self._away > AWAY_ROUNDS:
                    self._do("the new shop is started again")
                    await asyncio.to_thread(self._shop.start_new, ())
                    self._act = "back"
            case "back" if not await is_open(admin) and rollout["phase"] != "fallback":
                self._act = "finishing"
            case "finishing" if rollout["phase"] == "baking":
                self._do(f"a new build is deployed, and nobody knows that it has a mistake ({MISTAKE})")
                await asyncio.to_thread(self._shop.replace_new, (MISTAKE,))
                self._act = "cheating"
            case "cheating" if rollout["phase"] == "rolled_back":
                self._act = "over"
            case _ if rollout["phase"] in ("rolled_back", "paused"):
                raise MiddleError(f"the rollout is {rollout['phase']} too early: {rollout['reason']}")

    def _do(self, text: str) -> None:
        self.story.deeds.append((time.time(), text))
        self._tell(text)


def climb(shop: Shop, proxy: Proxy, tell: Callable[[str], None], sent: Callable[[], None]) -> Story:
    """Adds the plan of a rollout, and plays it to its end. Both sides must be in the same state.

    Args:
        tell: says what happens to the new shop.
        sent: called after each answer that a visitor got.

    Raises:
        MiddleError: the rollout went another way, or did not end in time.
        httpx.HTTPError: a visitor got no answer at all.
    """
    proxy.add_plan()
    return asyncio.run(_climb(Script(shop, proxy, tell), proxy, sent))


async def _climb(script: Script, proxy: Proxy, sent: Callable[[], None]) -> Story:
    story = script.story
    async with httpx.AsyncClient(base_url=proxy.admin_url, timeout=SETTLE_S, trust_env=False) as admin:
        before = await read(admin, "/api/v1/ledger")

        async def settled(so_far: int) -> None:
            await settle(admin, before["requests"] + so_far)
            await script.between(admin)

        def answered() -> None:
            sent()
            script.answered()

        story.statuses = await send(script.rounds(), proxy.url, settled, answered)
        after = await read(admin, "/api/v1/ledger")
        story.rescued = after["rescued"] - before["rescued"]
    return story


async def read(admin: httpx.AsyncClient, path: str) -> Any:
    """Reads from the admin API."""
    return (await admin.get(path)).raise_for_status().json()


async def is_open(admin: httpx.AsyncClient) -> bool:
    """Whether the breaker keeps users away from the new shop, or lets only some of them back."""
    return bool((await read(admin, "/api/v1/status"))["breaker"]["state"] != "closed")


def is_look(request: Request) -> bool:
    """Whether it only looks around, and depends on nothing that a visitor has written."""
    return request.method == "GET" and request.session is None


def as_guest(request: Request, round_number: int, party: int) -> Request:
    """The request of a visitor with a cookie: parallelrun tells visitors apart by it."""
    return request if request.session else replace(request, session=f"guest-{round_number}-{party}")
