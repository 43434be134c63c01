"""Makes the new shop's tables and fills them."""

from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from shop.seed import Catalogue


def fill(db: Connection[Any], catalogue: Catalogue) -> None:
    """Makes the tables anew and fills them with the catalogue."""
    db.execute(Path(__file__).with_name("schema.sql").read_text())
    categories = {category.slug: number for number, category in enumerate(catalogue.categories, 1)}
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO category VALUES (%s, %s, %s)",
            [(categories[row.slug], row.slug, row.name) for row in catalogue.categories],
        )
        cursor.executemany(
            "INSERT INTO product VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    p.id,
                    categories[p.category],
                    p.name,
                    p.description,
                    int(p.price * 100),
                    p.tax_percent,
                    p.weight_g,
                    p.stock,
                    list(p.tags),
                    Jsonb(p.discounts),
                    p.added_at,
                )
                for p in catalogue.products
            ],
        )
