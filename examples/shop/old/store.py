"""The old shop's data: PostgreSQL, and products kept in the cache for a while (cache-aside)."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import uuid4

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool
from valkey import Valkey

from shop.old.prices import price

Row = dict[str, Any]
Pool = ConnectionPool[Connection[Row]]

PAGE = 10
_KEEP_S = 300
# Both versions share one cache server: the prefix keeps either from reading what the other wrote.
_PREFIX = "shop:old"


class ConflictError(Exception):
    """The order cannot be placed; the text says why."""


def connect(url: str) -> Pool:
    return ConnectionPool(
        url, connection_class=Connection[Row], kwargs={"row_factory": dict_row}, min_size=2, max_size=8, open=True
    )


class Store:
    """Everything that the old shop reads and writes. Amounts come out as texts with two decimals."""

    def __init__(self, pool: Pool, cache: Valkey) -> None:
        self._pool = pool
        self._cache = cache

    def categories(self) -> list[Row]:
        with self._pool.connection() as db:
            return db.execute(
                "SELECT slug, c.name, count(*) AS products FROM categories c JOIN products p ON p.category = slug"
                " GROUP BY slug ORDER BY position"
            ).fetchall()

    def page(self, category: str | None, number: int) -> tuple[list[Row], int]:
        """Returns the products of a page, by name, and how many there are on all pages."""
        with self._pool.connection() as db:
            where, values = ("WHERE category = %s", [category]) if category else ("", [])
            count = db.execute(f"SELECT count(*) AS n FROM products {where}", values).fetchone()
            rows = db.execute(
                f'SELECT id, name, category, price::text FROM products {where} ORDER BY name COLLATE "C", id'
                " LIMIT %s OFFSET %s",
                [*values, PAGE, (number - 1) * PAGE],
            ).fetchall()
        return rows, count["n"] if count else 0

    def featured(self) -> int:
        """Any product of the whole shop: out of few, one would come up twice in a row too often to look like chance."""
        with self._pool.connection() as db:
            return int(db.execute("SELECT id FROM products ORDER BY random() LIMIT 1").fetchall()[0]["id"])

    def product(self, number: int) -> Row | None:
        key = f"{_PREFIX}:product:{number}"
        kept = cast(bytes | None, self._cache.get(key))
        if kept is not None:
            return cast(Row, json.loads(kept))
        with self._pool.connection() as db:
            # The row stays locked until the cache has it: a change waits for that and then deletes the key, so that
            # an old row can never be cached after the change.
            row = db.execute("SELECT * FROM products WHERE id = %s FOR SHARE", [number]).fetchone()
            if row is None:
                return None
            product = {
                "id": row["id"],
                "name": row["name"],
                "description": row["description"],
                "category": row["category"],
                "price": str(row["price"]),
                "tax_percent": row["tax_percent"],
                "weight_g": row["weight_g"],
                "in_stock": row["stock"] > 0,
                "discounts": [{"from": start, "percent": percent} for start, percent in self._discounts(db, number)],
                "tags": row["tags"].split(","),
                "added_at": utc(row["added_at"]),
            }
            self._cache.set(key, json.dumps(product), ex=_KEEP_S)
        return product

    def neighbours(self, number: int) -> list[int]:
        """The other products of the same category."""
        with self._pool.connection() as db:
            rows = db.execute(
                "SELECT o.id FROM products p JOIN products o USING (category) WHERE p.id = %s AND o.id <> p.id",
                [number],
            ).fetchall()
        return [row["id"] for row in rows]

    def set_price(self, number: int, amount: Decimal) -> bool:
        with self._pool.connection() as db:
            found = db.execute("UPDATE products SET price = %s WHERE id = %s", [amount, number]).rowcount == 1
        self._cache.delete(f"{_PREFIX}:product:{number}")
        return found

    def quote(self, number: int, quantity: int) -> Row | None:
        with self._pool.connection() as db:
            row = db.execute("SELECT id, price, tax_percent FROM products WHERE id = %s", [number]).fetchone()
            if row is None:
                return None
            line = price(row["price"], quantity, self._discounts(db, number), row["tax_percent"])
        return {
            "product": number,
            "quantity": quantity,
            "unit_price": str(row["price"]),
            "discount_percent": line.discount_percent,
            "net": str(line.net),
            "tax": str(line.tax),
            "total": str(line.total),
        }

    def search(self, words: str) -> list[Row]:
        """Finds products by a part of the name (three points) or of the description (one point)."""
        literal = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        with self._pool.connection() as db:
            return db.execute(
                "SELECT id, name, 3 * (name ILIKE %(like)s)::int + (description ILIKE %(like)s)::int AS score"
                " FROM products WHERE name ILIKE %(like)s OR description ILIKE %(like)s"
                " ORDER BY score DESC, added_at DESC",
                {"like": f"%{literal}%"},
            ).fetchall()

    def put_item(self, session: str, number: int, quantity: int) -> Row | None:
        """Sets how many of a product are in the basket; None if there is no such product."""
        with self._pool.connection() as db:
            row = db.execute("SELECT price, tax_percent FROM products WHERE id = %s", [number]).fetchone()
            if row is None:
                return None
            db.execute(
                "INSERT INTO basket_items VALUES (%s, %s, %s)"
                " ON CONFLICT (session, product) DO UPDATE SET quantity = excluded.quantity",
                [session, number, quantity],
            )
            line = price(row["price"], quantity, self._discounts(db, number), row["tax_percent"])
        return {"product": number, "quantity": quantity, "net": str(line.net)}

    def remove_item(self, session: str, number: int) -> bool:
        with self._pool.connection() as db:
            query = "DELETE FROM basket_items WHERE session = %s AND product = %s"
            return db.execute(query, [session, number]).rowcount == 1

    def basket(self, session: str) -> Row:
        with self._pool.connection() as db:
            lines, net, tax = self._basket(db, session)
        return {"items": [_texts(line) for line in lines], "net": str(net), "tax": str(tax), "total": str(net + tax)}

    def place_order(self, session: str, reference: str) -> Row:
        """Turns the basket into an order.

        Raises:
            ConflictError: the basket is empty, the stock too small, or the reference taken.
        """
        order_id = uuid4()
        with self._pool.connection() as db:
            lines, net, tax = self._basket(db, session)
            if not lines:
                raise ConflictError("the basket is empty")
            try:
                db.execute(
                    "INSERT INTO orders (id, reference, session, net, tax) VALUES (%s, %s, %s, %s, %s)",
                    [order_id, reference, session, net, tax],
                )
            except UniqueViolation:
                raise ConflictError(f"there is an order {reference} already") from None
            for line in lines:  # in the order of product numbers, so that two orders never wait for each other
                taken = db.execute(
                    "UPDATE products SET stock = stock - %(quantity)s WHERE id = %(product)s AND stock >= %(quantity)s",
                    line,
                )
                if taken.rowcount == 0:
                    raise ConflictError(f"not enough of product {line['product']} in stock")
                db.execute(
                    "INSERT INTO order_lines VALUES (%s, %s, %s, %s, %s)",
                    [order_id, line["product"], line["quantity"], line["unit_price"], line["net"]],
                )
            db.execute("DELETE FROM basket_items WHERE session = %s", [session])
        self._cache.delete(*(f"{_PREFIX}:product:{line['product']}" for line in lines))
        return {"id": str(order_id), "reference": reference, "status": "placed", "total": str(net + tax)}

    def orders(self, session: str) -> list[Row]:
        with self._pool.connection() as db:
            return db.execute(
                "SELECT reference, (SELECT sum(quantity)::int FROM order_lines WHERE order_id = id) AS items,"
                ' (net + tax)::text AS total FROM orders WHERE session = %s ORDER BY reference COLLATE "C"',
                [session],
            ).fetchall()

    def order(self, reference: str) -> Row | None:
        with self._pool.connection() as db:
            row = db.execute("SELECT * FROM orders WHERE reference = %s", [reference]).fetchone()
            if row is None:
                return None
            lines = db.execute(
                "SELECT product, quantity, unit_price, net FROM order_lines WHERE order_id = %s ORDER BY product",
                [row["id"]],
            ).fetchall()
        return {
            "id": str(row["id"]),
            "reference": reference,
            "status": "placed",
            "placed_at": utc(row["placed_at"]),
            "lines": [_texts(line) for line in lines],
            "net": str(row["net"]),
            "tax": str(row["tax"]),
            "total": str(row["net"] + row["tax"]),
        }

    def _basket(self, db: Connection[Row], session: str) -> tuple[list[Row], Decimal, Decimal]:
        lines = db.execute(
            "SELECT product, name, quantity, price AS unit_price, tax_percent FROM basket_items"
            " JOIN products ON id = product WHERE session = %s ORDER BY product",
            [session],
        ).fetchall()
        net = tax = Decimal("0.00")
        for line in lines:
            discounts = self._discounts(db, line["product"])
            priced = price(line["unit_price"], line["quantity"], discounts, line.pop("tax_percent"))
            line["net"] = priced.net
            net, tax = net + priced.net, tax + priced.tax
        return lines, net, tax

    def _discounts(self, db: Connection[Row], number: int) -> list[tuple[int, int]]:
        rows = db.execute("SELECT from_quantity, percent FROM discounts WHERE product = %s ORDER BY 1", [number])
        return [(row["from_quantity"], row["percent"]) for row in rows]


def utc(moment: datetime) -> str:
    """Writes a moment as the shop does: 2026-03-01T09:30:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _texts(line: Row) -> Row:
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in line.items()}
