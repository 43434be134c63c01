"""The new shop's HTTP: checks what comes in, asks the catalogue or the checkout, answers in JSON."""

import logging
import os
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, cast
from uuid import uuid4

import psycopg
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from valkey.asyncio import Valkey

from shop.new.catalogue import PAGE, Catalogue
from shop.new.checkout import Checkout, ConflictError, EmptyBasketError
from shop.new.database import Pool
from shop.regressions import active

_LOG = logging.getLogger(__name__)

MOST = 10_000  # of one product in a basket or quote


def create_app(pool: Pool, cache: Valkey) -> Starlette:
    """Builds the ASGI application; it opens the pool when it starts and closes it when it stops."""
    endpoints = Endpoints(Catalogue(pool, cache), Checkout(pool, cache))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with pool:
            yield
        await cache.aclose()

    return Starlette(
        routes=[
            Route("/healthz", endpoints.health),
            Route("/categories", endpoints.categories),
            Route("/products", endpoints.products),
            Route("/products/{number:int}", endpoints.product, methods=["GET"]),
            Route("/products/{number:int}", endpoints.set_price, methods=["PATCH"]),
            Route("/products/{number:int}/quote", endpoints.quote),
            Route("/search", endpoints.search),
            Route("/basket", endpoints.basket),
            Route("/basket/items", endpoints.put_item, methods=["POST"]),
            Route("/basket/items/{number:int}", endpoints.remove_item, methods=["DELETE"]),
            Route("/orders", endpoints.orders, methods=["GET"]),
            Route("/orders", endpoints.place_order, methods=["POST"]),
            Route("/orders/{reference}", endpoints.order),
        ],
        exception_handlers={HTTPException: refused, psycopg.Error: broken},
        lifespan=lifespan,
    )


class Endpoints:
    """One method per endpoint."""

    def __init__(self, catalogue: Catalogue, checkout: Checkout) -> None:
        self._catalogue = catalogue
        self._checkout = checkout

    async def health(self, request: Request) -> Response:
        await self._catalogue.categories()
        return JSONResponse({"status": "ok"}, headers={"x-instance": str(os.getpid())})

    async def categories(self, request: Request) -> Response:
        caching = "no-store" if active("cache_control") else "public, max-age=300"
        return answer({"categories": await self._catalogue.categories()}, headers={"cache-control": caching})

    async def products(self, request: Request) -> Response:
        number = whole(request.query_params.get("page", "1"), "page", 1, 1000)
        rows, count = await self._catalogue.page(request.query_params.get("category"), number)
        if not rows:
            raise HTTPException(404, "no such category or page")
        pages = -(-count // PAGE)
        page = {"products": rows, "page": number, "pages": pages, "featured": await self._catalogue.featured()}
        if number < pages:
            page["next"] = number + 1
        elif not active("absent_next"):
            page["next"] = None
        return answer(page)

    async def product(self, request: Request) -> Response:
        number = request.path_params["number"]
        found = await self._catalogue.product(number)
        if found is None:
            raise HTTPException(404, f"no product {number}")
        neighbours = await self._catalogue.neighbours(number)
        random.shuffle(found["tags"])
        return answer({**found, "also_bought": random.sample(neighbours, min(4, len(neighbours)))})

    async def set_price(self, request: Request) -> Response:
        number, amount = request.path_params["number"], (await body(request)).get("price")
        if not isinstance(amount, str) or not re.fullmatch(r"[0-9]{1,6}\.[0-9]{2}", amount):
            raise HTTPException(400, "price must be a text like 12.50")
        if not await self._catalogue.set_price(number, int(amount.replace(".", ""))):
            raise HTTPException(404, f"no product {number}")
        return answer({"id": number, "price": amount})

    async def quote(self, request: Request) -> Response:
        number = request.path_params["number"]
        quantity = whole(request.query_params.get("quantity", "1"), "quantity", 1, MOST)
        found = await self._catalogue.quote(number, quantity)
        if found is None:
            raise HTTPException(404, f"no product {number}")
        return answer(found)

    async def search(self, request: Request) -> Response:
        words = request.query_params.get("q", "").strip()
        if not 2 <= len(words) <= 100:
            raise HTTPException(400, "q must have 2 to 100 characters")
        hits = await self._catalogue.search(words)
        return answer({"query": words, "count": len(hits), "hits": hits})

    async def basket(self, request: Request) -> Response:
        return answer({**await self._checkout.basket(session(request)), "currency": "EUR"})

    async def put_item(self, request: Request) -> Response:
        wanted = await body(request)
        number, quantity = wanted.get("product"), wanted.get("quantity")
        if type(number) is not int or type(quantity) is not int or not 1 <= quantity <= MOST:
            raise HTTPException(400, f"product and quantity must be whole numbers, quantity from 1 to {MOST}")
        line = await self._checkout.put_item(session(request), number, quantity)
        if line is None:
            raise HTTPException(404, f"no product {number}")
        return answer(line, 201)

    async def remove_item(self, request: Request) -> Response:
        number = request.path_params["number"]
        if not await self._checkout.remove_item(session(request), number):
            raise HTTPException(404, f"no product {number} in the basket")
        return Response(status_code=204)

    async def place_order(self, request: Request) -> Response:
        reference = (await body(request)).get("reference")
        if not isinstance(reference, str) or not re.fullmatch(r"[A-Z0-9-]{4,40}", reference):
            raise HTTPException(400, "reference must have 4 to 40 of A-Z, 0-9 and -")
        try:
            order = await self._checkout.place_order(session(request), reference)
        except EmptyBasketError as empty:
            raise HTTPException(400 if active("empty_order") else 409, str(empty)) from None
        except ConflictError as conflict:
            raise HTTPException(409, str(conflict)) from None
        name = order["id"] if active("order_location") else reference
        return answer(order, 201, {"location": f"/orders/{name}"})

    async def orders(self, request: Request) -> Response:
        return answer({"orders": await self._checkout.orders(session(request))})

    async def order(self, request: Request) -> Response:
        reference = request.path_params["reference"]
        found = await self._checkout.order(reference)
        if found is None:
            raise HTTPException(404, f"no order {reference}")
        return answer(found)


def answer(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answers in JSON; each answer says when it was made and for which request."""
    request_id = uuid4().hex
    meta = {"generated_at": datetime.now(UTC).isoformat(), "request_id": request_id}
    return JSONResponse({**content, **meta}, status, {**(headers or {}), "x-request-id": request_id})


async def refused(request: Request, problem: Exception) -> Response:
    problem = cast(HTTPException, problem)
    standard = problem.detail == HTTPStatus(problem.status_code).phrase
    return answer({"error": problem.detail.lower() if standard else problem.detail}, problem.status_code)


async def broken(request: Request, problem: Exception) -> Response:
    """PostgreSQL refused a statement. Left to itself, the server would answer 500 too, but close the connection."""
    _LOG.error("%s %s", request.method, request.url, exc_info=problem)
    return answer({"error": "internal error"}, 500)


async def body(request: Request) -> dict[str, Any]:
    try:
        content = await request.json()
    except ValueError:
        content = None
    if not isinstance(content, dict) or "json" not in request.headers.get("content-type", ""):
        raise HTTPException(400, "the body must be a JSON object")
    return content


def session(request: Request) -> str:
    found = request.cookies.get("session")
    if not found:
        raise HTTPException(400, "there is no session cookie")
    return found


def whole(text: str, name: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise HTTPException(400, f"{name} must be a whole number from {least} to {most}")
    return int(text)
