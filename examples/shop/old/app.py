"""The old shop's HTTP: checks what comes in, asks the store, answers in JSON."""

import os
import random
import re
from datetime import UTC, datetime
from decimal import Decimal
from math import ceil
from typing import Any, cast
from uuid import uuid4

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from werkzeug.exceptions import HTTPException

from shop.old.store import PAGE, ConflictError, Store

MOST = 10_000  # of one product in a basket or quote

shop = Blueprint("shop", __name__)


class RefusedError(Exception):
    """The request is answered with a status and one sentence."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


def create_app(data: Store) -> Flask:
    """Builds the WSGI application over a store."""
    app = Flask("shop.old")
    app.extensions["store"] = data
    app.register_blueprint(shop)
    return app


def store() -> Store:
    return cast(Store, current_app.extensions["store"])


@shop.get("/healthz")
def health() -> Response:
    store().categories()
    response = jsonify({"status": "ok"})
    response.headers["x-instance"] = str(os.getpid())
    return response


@shop.get("/categories")
def categories() -> Response:
    response = answer({"categories": store().categories()})
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


@shop.get("/products")
def products() -> Response:
    number = whole(request.args.get("page", "1"), "page", 1, 1000)
    rows, count = store().page(request.args.get("category"), number)
    if not rows:
        raise RefusedError(404, "no such category or page")
    pages = ceil(count / PAGE)
    following = number + 1 if number < pages else None
    page = {"products": rows, "page": number, "pages": pages, "next": following, "featured": store().featured()}
    return answer(page)


@shop.get("/products/<int:number>")
def product(number: int) -> Response:
    found = store().product(number)
    if found is None:
        raise RefusedError(404, f"no product {number}")
    neighbours = store().neighbours(number)
    random.shuffle(found["tags"])
    return answer({**found, "also_bought": random.sample(neighbours, min(4, len(neighbours)))})


@shop.patch("/products/<int:number>")
def set_price(number: int) -> Response:
    amount = body().get("price")
    if not isinstance(amount, str) or not re.fullmatch(r"[0-9]{1,6}\.[0-9]{2}", amount):
        raise RefusedError(400, "price must be a text like 12.50")
    if not store().set_price(number, Decimal(amount)):
        raise RefusedError(404, f"no product {number}")
    return answer({"id": number, "price": amount})


@shop.get("/products/<int:number>/quote")
def quote(number: int) -> Response:
    found = store().quote(number, whole(request.args.get("quantity", "1"), "quantity", 1, MOST))
    if found is None:
        raise RefusedError(404, f"no product {number}")
    return answer(found)


@shop.get("/search")
def search() -> Response:
    words = request.args.get("q", "").strip()
    if not 2 <= len(words) <= 100:
        raise RefusedError(400, "q must have 2 to 100 characters")
    hits = store().search(words)
    return answer({"query": words, "count": len(hits), "hits": hits})


@shop.get("/basket")
def basket() -> Response:
    return answer({**store().basket(session()), "currency": "EUR"})


@shop.post("/basket/items")
def put_item() -> Response:
    wanted = body()
    number, quantity = wanted.get("product"), wanted.get("quantity")
    if type(number) is not int or type(quantity) is not int or not 1 <= quantity <= MOST:
        raise RefusedError(400, f"product and quantity must be whole numbers, quantity from 1 to {MOST}")
    line = store().put_item(session(), number, quantity)
    if line is None:
        raise RefusedError(404, f"no product {number}")
    return answer(line, 201)


@shop.delete("/basket/items/<int:number>")
def remove_item(number: int) -> Response:
    if not store().remove_item(session(), number):
        raise RefusedError(404, f"no product {number} in the basket")
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


@shop.post("/orders")
def place_order() -> Response:
    reference = body().get("reference")
    if not isinstance(reference, str) or not re.fullmatch(r"[A-Z0-9-]{4,40}", reference):
        raise RefusedError(400, "reference must have 4 to 40 of A-Z, 0-9 and -")
    try:
        order = store().place_order(session(), reference)
    except ConflictError as conflict:
        raise RefusedError(409, str(conflict)) from None
    response = answer(order, 201)
    response.headers["Location"] = f"/orders/{reference}"
    return response


@shop.get("/orders")
def orders() -> Response:
    return answer({"orders": store().orders(session())})


@shop.get("/orders/<reference>")
def order(reference: str) -> Response:
    found = store().order(reference)
    if found is None:
        raise RefusedError(404, f"no order {reference}")
    return answer(found)


@shop.app_errorhandler(RefusedError)
def refused(problem: RefusedError) -> Response:
    return answer({"error": str(problem)}, problem.status)


@shop.app_errorhandler(HTTPException)
def http_error(problem: HTTPException) -> Response:
    return answer({"error": (problem.name or "error").lower()}, problem.code or 500)


def answer(content: dict[str, Any], status: int = 200) -> Response:
    """Answers in JSON; each answer says when it was made and for which request."""
    request_id = uuid4().hex
    made_at = datetime.now(UTC).isoformat()
    response = jsonify({**content, "generated_at": made_at, "request_id": request_id})
    response.status_code = status
    response.headers["X-Request-Id"] = request_id
    return response


def body() -> dict[str, Any]:
    content = request.get_json(silent=True)
    if not isinstance(content, dict):
        raise RefusedError(400, "the body must be a JSON object")
    return content


def session() -> str:
    found = request.cookies.get("session")
    if not found:
        raise RefusedError(400, "there is no session cookie")
    return found


def whole(text: str, name: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise RefusedError(400, f"{name} must be a whole number from {least} to {most}")
    return int(text)
