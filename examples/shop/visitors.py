"""What visitors do in the shop: varied traffic, the same for the same seed.

The traffic is a list of *rounds*. In a round several clients act at the same time, each on its own basket and orders,
one request after the other. Nobody needs in a round what was written in the same round: the next round begins when
both versions have answered all of the last. So a copy that is on its way can never be overtaken by a request that
builds on it. (A person who thinks between two clicks has the same effect.) What is left to tell apart is the versions.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from httpx import QueryParams

from shop.seed import catalogue

CLIENTS = 8
#: With fewer requests the traffic would not come by every corner of the shop.
LEAST = 500

_SEARCHES = ["usb", "cable", "lamp", "tea", "book", "desk", "present", "journeys", "guide", "disk", "zither"]
_ODD_SEARCHES = ["usb (c", "black tea", "süß", "100%"]
_QUANTITIES = [1, 1, 2, 3, 4, 5, 6, 10, 10, 12, 25, 50, 100]
_JOURNEYS = ["browse"] * 6 + ["buy"] * 4 + ["empty_handed", "too_many", "lost", "reprice"]


@dataclass(frozen=True)
class Request:
    """One request of a client; `session` goes into the cookie of that name."""

    method: str
    path: str
    session: str | None = None
    body: dict[str, Any] | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"cookie": f"session={self.session}"} if self.session else {}


@dataclass(frozen=True)
class Stage:
    """What one client does in one round; `alone`: in a round of its own, since others would see the change."""

    requests: tuple[Request, ...]
    alone: bool = False


#: The requests of each client that takes part.
Round = list[tuple[Request, ...]]
Card = TypeVar("Card")


class Deck(Generic[Card]):
    """Deals its cards in a random order, all of them before any comes again."""

    def __init__(self, rng: random.Random, cards: Sequence[Card]) -> None:
        self._rng = rng
        self._cards = cards
        self._left: list[Card] = []

    def deal(self) -> Card:
        if not self._left:
            self._left = self._rng.sample(self._cards, len(self._cards))
        return self._left.pop()


def plan(seed: int, requests: int) -> list[Round]:
    """Plans exactly that many requests.

    Raises:
        ValueError: fewer than LEAST are asked for.
    """
    if requests < LEAST:
        raise ValueError(f"at least {LEAST} requests are needed to come by everything, not {requests}")
    visitors = _Visitors(seed)
    clients = [visitors.client(number) for number in range(CLIENTS)]
    rounds: list[Round] = []
    left = requests
    while left > 0:
        stages = [next(client) for client in clients]
        together = [stage.requests for stage in stages if not stage.alone]
        for parties in [together, *([stage.requests] for stage in stages if stage.alone)]:
            cut: Round = []
            for party in parties:
                cut.append(party[:left])
                left -= len(cut[-1])
            rounds.append([party for party in cut if party])
    return [party for party in rounds if party]


class _Visitors:
    """Makes up what clients do. All draw from the same decks, so that nothing is left out for long."""

    def __init__(self, seed: int) -> None:
        self._rng = rng = random.Random(f"traffic-{seed}")
        self._goods = catalogue(seed)
        self._journeys = Deck(rng, _JOURNEYS)
        self._products = Deck(rng, [product.id for product in self._goods.products])
        self._quantities = Deck(rng, _QUANTITIES)
        self._searches = Deck(rng, _SEARCHES + _ODD_SEARCHES)
        pages = [f"/products?category={c.slug}&page={n}" for c in self._goods.categories for n in (1, 2)]
        self._pages = Deck(rng, ["/products", "/products?page=2", "/products?page=8", *pages])

    def client(self, number: int) -> Iterator[Stage]:
        """What one client does, without end: one journey after the other, each in a new session."""
        journeys = {
            "browse": self._browse,
            "buy": self._buy,
            "empty_handed": self._empty_handed,
            "too_many": self._too_many,
            "lost": self._lost,
            "reprice": self._reprice,
        }
        visit = 0
        while True:
            visit += 1
            yield from journeys[self._journeys.deal()](f"C{number}-{visit}")

    def _browse(self, session: str) -> Iterator[Stage]:
        steps = [
            Request("GET", "/categories"),
            *(Request("GET", self._pages.deal()) for _ in range(self._rng.randint(1, 2))),
            *(
                Request("GET", f"/search?{QueryParams(q=self._searches.deal())}")
                for _ in range(self._rng.randint(1, 3))
            ),
            *(Request("GET", f"/products/{self._products.deal()}") for _ in range(self._rng.randint(1, 2))),
            *(self._quote() for _ in range(self._rng.randint(1, 3))),
        ]
        self._rng.shuffle(steps)
        yield Stage(tuple(steps))

    def _buy(self, session: str) -> Iterator[Stage]:
        for visit in range(self._rng.randint(1, 2)):
            reference = f"PO-{session}-{visit}"
            wanted = [self._products.deal() for _ in range(self._rng.randint(1, 4))]
            basket = Request("GET", "/basket", session)
            yield Stage((basket, *(Request("GET", f"/products/{product}") for product in wanted)))
            yield Stage(
                tuple(self._put(session, product, self._quantities.deal()) for product in dict.fromkeys(wanted))
            )
            yield Stage((basket, self._quote()))
            if len(set(wanted)) > 1:
                yield Stage((Request("DELETE", f"/basket/items/{wanted[0]}", session),))
                yield Stage((basket,))
            yield Stage((Request("POST", "/orders", session, {"reference": reference}),))
            orders = (Request("GET", "/orders", session), Request("GET", f"/orders/{reference}", session))
            yield Stage((*orders, basket))

    def _empty_handed(self, session: str) -> Iterator[Stage]:
        order = Request("POST", "/orders", session, {"reference": f"PO-{session}-0"})
        yield Stage((Request("GET", "/basket", session), order, Request("GET", "/orders", session)))

    def _too_many(self, session: str) -> Iterator[Stage]:
        yield Stage((self._put(session, self._products.deal(), 10_000),))
        yield Stage((Request("POST", "/orders", session, {"reference": f"PO-{session}-0"}),))
        yield Stage((Request("GET", "/basket", session), Request("GET", "/orders", session)))

    def _lost(self, session: str) -> Iterator[Stage]:
        paths = ["/products/9999", "/products?category=shoes", "/products/1/quote?quantity=0", "/search?q=x", "/basket"]
        yield Stage((*(Request("GET", path) for path in paths), Request("GET", "/orders/PO-0000", session)))

    def _reprice(self, session: str) -> Iterator[Stage]:
        path = f"/products/{self._products.deal()}"
        look = Request("GET", path)
        yield Stage((look,))
        # No price of the catalogue ends in 1 cent: this is always a change.
        yield Stage(
            (Request("PATCH", path, None, {"price": f"{self._rng.randint(3, 79)}.{self._rng.randint(0, 9)}1"}),), True
        )
        yield Stage((look, look))

    def _quote(self) -> Request:
        return Request("GET", f"/products/{self._products.deal()}/quote?quantity={self._quantities.deal()}")

    def _put(self, session: str, product: int, quantity: int) -> Request:
        return Request("POST", "/basket/items", session, {"product": product, "quantity": quantity})
