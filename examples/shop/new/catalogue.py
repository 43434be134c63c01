"""What the new shop sells: categories, pages, products, quotes, search."""

import json
import re
from typing import cast

from valkey.asyncio import Valkey

from shop.new.database import Pool, Row, row, rows, utc
from shop.new.prices import euros, quoted
from shop.regressions import active

PAGE = 10
_KEEP_S = 300
# Both versions share one cache server: the prefix keeps either from reading what the other wrote.
_PREFIX = "shop:new"


def cache_key(number: int) -> str:
    return f"{_PREFIX}:product:{number}"


class Catalogue:
    """Reads and prices products; a product is kept in the cache for a while."""

    def __init__(self, pool: Pool, cache: Valkey) -> None:
        self._pool = pool
        self._cache = cache

    async def categories(self) -> list[Row]:
        async with self._pool.connection() as db:
            return await rows(
                db,
                "SELECT slug, name, (SELECT count(*) FROM product WHERE category_id = c.id) AS products"
                " FROM category c ORDER BY id",
            )

    async def page(self, category: str | None, number: int) -> tuple[list[Row], int]:
        """Returns the products of a page, by name, and how many there are on all pages."""
        async with self._pool.connection() as db:
            found = await rows(
                db,
                "SELECT p.id, p.name, slug AS category, cents, count(*) OVER () AS matching"
                " FROM product p JOIN category c ON c.id = category_id"
                " WHERE %(category)s::text IS NULL OR slug = %(category)s"
                ' ORDER BY p.name COLLATE "C", p.id LIMIT %(size)s OFFSET %(start)s',
                {"category": category, "size": PAGE, "start": (number - 1) * PAGE},
            )
        matching = found[0]["matching"] if found else 0
        return [{**_without(line, "cents", "matching"), "price": euros(line["cents"])} for line in found], matching

    async def featured(self) -> int:
        """Any product of the whole shop: out of few, one would come up twice in a row too often to look like chance."""
        async with self._pool.connection() as db:
            return int((await rows(db, "SELECT id FROM product ORDER BY random() LIMIT 1"))[0]["id"])

    async def product(self, number: int) -> Row | None:
        if (kept := await self._cache.get(cache_key(number))) is not None:
            return cast(Row, json.loads(kept))
        async with self._pool.connection() as db:
            # The row stays locked until the cache has it: a change waits for that and then deletes the key, so that
            # an old row can never be cached after the change.
            found = await row(
                db,
                "SELECT p.*, slug FROM product p JOIN category c ON c.id = category_id WHERE p.id = %s FOR SHARE OF p",
                [number],
            )
            if found is None:
                return None
            product = {
                **{name: found[name] for name in ("id", "name", "description", "tax_percent", "weight_g", "tags")},
                "category": found["slug"],
                "price": euros(found["cents"]),
                "in_stock": found["stock"] > 0,
                "discounts": [{"from": start, "percent": percent} for start, percent in found["discounts"]],
                "added_at": utc(found["added_at"]),
            }
            await self._cache.set(cache_key(number), json.dumps(product), ex=_KEEP_S)
        return product

    async def neighbours(self, number: int) -> list[int]:
        """The other products of the same category."""
        async with self._pool.connection() as db:
            found = await rows(
                db,
                "SELECT id FROM product WHERE id <> %(id)s"
                " AND category_id = (SELECT category_id FROM product WHERE id = %(id)s)",
                {"id": number},
            )
        return [line["id"] for line in found]

    async def set_price(self, number: int, cents: int) -> bool:
        async with self._pool.connection() as db:
            done = await db.execute("UPDATE product SET cents = %s WHERE id = %s", [cents, number])
        if not active("stale_price"):
            await self._cache.delete(cache_key(number))
        return done.rowcount == 1

    async def quote(self, number: int, quantity: int) -> Row | None:
        async with self._pool.connection() as db:
            found = await row(db, "SELECT cents, discounts, tax_percent FROM product WHERE id = %s", [number])
        if found is None:
            return None
        line = quoted(found["cents"], quantity, found["discounts"], found["tax_percent"])
        return {
            "product": number,
            "quantity": quantity,
            "unit_price": euros(found["cents"]),
            "discount_percent": line.discount_percent,
            "net": euros(line.net),
            "tax": euros(line.tax),
            "total": euros(line.net + line.tax),
        }

    async def search(self, words: str) -> list[Row]:
        """Finds products by a part of the name (three points) or of the description (one point)."""
        pattern = words if active("search_crash") else re.escape(words)
        async with self._pool.connection() as db:
            hits = await rows(
                db,
                "SELECT id, name, added_at, CASE WHEN name ~* %(words)s THEN 3 ELSE 0 END"
                " + CASE WHEN description ~* %(words)s THEN 1 ELSE 0 END AS score"
                " FROM product WHERE name ~* %(words)s OR description ~* %(words)s ORDER BY id",
                {"words": pattern},
            )
        if not active("search_order"):
            hits.sort(key=lambda hit: hit["added_at"], reverse=True)
        hits.sort(key=lambda hit: hit["score"], reverse=True)
        return [_without(hit, "added_at") for hit in hits]


def _without(line: Row, *names: str) -> Row:
    return {name: value for name, value in line.items() if name not in names}
