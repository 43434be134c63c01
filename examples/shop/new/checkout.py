"""Baskets and orders of the new shop."""

from datetime import datetime, timedelta, timezone
from uuid import uuid4

from psycopg.errors import UniqueViolation
from valkey.asyncio import Valkey

from shop.new.catalogue import cache_key
from shop.new.database import Connection, Pool, Row, row, rows, utc
from shop.new.prices import euros, price
from shop.regressions import active

_WAREHOUSE = timezone(timedelta(hours=2))


class ConflictError(Exception):
    """The order cannot be placed; the text says why."""


class EmptyBasketError(ConflictError):
    """There is nothing to order."""


class Checkout:
    """Keeps the baskets, and turns them into orders."""

    def __init__(self, pool: Pool, cache: Valkey) -> None:
        self._pool = pool
        self._cache = cache

    async def put_item(self, session: str, number: int, quantity: int) -> Row | None:
        """Sets how many of a product are in the basket; None if there is no such product."""
        async with self._pool.connection() as db:
            product = await row(db, "SELECT cents, discounts, tax_percent FROM product WHERE id = %s", [number])
            if product is None:
                return None
            await db.execute(
                "INSERT INTO basket VALUES (%s, %s, %s)"
                " ON CONFLICT (session, product_id) DO UPDATE SET quantity = excluded.quantity",
                [session, number, quantity],
            )
        line = price(product["cents"], quantity, product["discounts"], product["tax_percent"])
        return {"product": number, "quantity": quantity, "net": euros(line.net)}

    async def remove_item(self, session: str, number: int) -> bool:
        async with self._pool.connection() as db:
            query = "DELETE FROM basket WHERE session = %s AND product_id = %s"
            return (await db.execute(query, [session, number])).rowcount == 1

    async def basket(self, session: str) -> Row:
        async with self._pool.connection() as db:
            lines, net, tax = await _priced(db, session)
        basket: Row = {"net": euros(net), "tax": euros(tax), "total": euros(net + tax)}
        if lines or not active("empty_basket"):
            basket["items"] = [_shown(line) for line in lines]
        return basket

    async def place_order(self, session: str, reference: str) -> Row:
        """Turns the basket into an order.

        Raises:
            EmptyBasketError: there is nothing in it.
            ConflictError: the stock is too small, or the reference taken.
        """
        order_id = uuid4()
        async with self._pool.connection() as db:
            lines, net, tax = await _priced(db, session)
            if not lines:
                raise EmptyBasketError("the basket is empty")
            try:
                await db.execute(
                    'INSERT INTO "order" (id, reference, session, net_cents, tax_cents) VALUES (%s, %s, %s, %s, %s)',
                    [order_id, reference, session, net, tax],
                )
            except UniqueViolation:
                raise ConflictError(f"there is an order {reference} already") from None
            for line in lines:  # in the order of product numbers, so that two orders never wait for each other
                line["order"] = order_id
                taken = await db.execute(
                    "UPDATE product SET stock = stock - %(quantity)s WHERE id = %(product)s AND stock >= %(quantity)s",
                    line,
                )
                if taken.rowcount == 0:
                    raise ConflictError(f"not enough of product {line['product']} in stock")
            async with db.cursor() as cursor:
                await cursor.executemany(
                    "INSERT INTO order_line VALUES (%(order)s, %(product)s, %(quantity)s, %(unit)s, %(net)s)", lines
                )
            await db.execute("DELETE FROM basket WHERE session = %s", [session])
        await self._cache.delete(*(cache_key(line["product"]) for line in lines))
        return {"id": str(order_id), "reference": reference, "status": "placed", "total": euros(net + tax)}

    async def orders(self, session: str) -> list[Row]:
        async with self._pool.connection() as db:
            found = await rows(
                db,
                "SELECT reference, o.net_cents + tax_cents AS cents, sum(quantity)::int AS items"
                ' FROM "order" o JOIN order_line l ON l.order_id = o.id WHERE session = %s'
                ' GROUP BY o.id ORDER BY reference COLLATE "C"',
                [session],
            )
        as_text = active("text_count")
        return [
            {
                "reference": line["reference"],
                "items": str(line["items"]) if as_text else line["items"],
                "total": euros(line["cents"]),
            }
            for line in found
        ]

    async def order(self, reference: str) -> Row | None:
        async with self._pool.connection() as db:
            order = await row(db, 'SELECT * FROM "order" WHERE reference = %s', [reference])
            if order is None:
                return None
            lines = await rows(
                db,
                "SELECT product_id AS product, quantity, unit_cents AS unit, net_cents AS net FROM order_line"
                " WHERE order_id = %s ORDER BY product_id",
                [order["id"]],
            )
        net, tax = order["net_cents"], order["tax_cents"]
        return {
            "id": str(order["id"]),
            "reference": reference,
            "status": "placed",
            "placed_at": _placed_at(order["placed_at"]),
            "lines": [_shown(line) for line in lines],
            "net": euros(net),
            "tax": euros(tax),
            "total": euros(net + tax),
        }


async def _priced(db: Connection, session: str) -> tuple[list[Row], int, int]:
    found = await rows(
        db,
        "SELECT product_id AS product, name, quantity, cents AS unit, discounts, tax_percent"
        " FROM basket JOIN product ON id = product_id WHERE session = %s ORDER BY product_id",
        [session],
    )
    net = tax = 0
    for line in found:
        priced = price(line["unit"], line["quantity"], line.pop("discounts"), line.pop("tax_percent"))
        line["net"] = priced.net
        net, tax = net + priced.net, tax + priced.tax
    return found, net, tax


def _shown(line: Row) -> Row:
    amounts = {"unit_price": euros(line["unit"]), "net": euros(line["net"])}
    return {name: line[name] for name in ("product", "name", "quantity") if name in line} | amounts


def _placed_at(moment: datetime) -> str:
    if active("time_zone"):
        return moment.astimezone(_WAREHOUSE).strftime("%Y-%m-%dT%H:%M:%S+02:00")
    return utc(moment)
