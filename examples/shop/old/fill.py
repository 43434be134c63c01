"""Makes the old shop's tables and fills them."""

from pathlib import Path
from typing import Any

from psycopg import Connection

from shop.seed import Catalogue


def fill(db: Connection[Any], catalogue: Catalogue) -> None:
    """Makes the tables anew and fills them with the catalogue."""
    db.execute(Path(__file__).with_name("schema.sql").read_text())
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO categories VALUES (%s, %s, %s)",
            [(row.slug, position, row.name) for position, row in enumerate(catalogue.categories)],
        )
        cursor.executemany(
            "INSERT INTO products VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    p.id,
                    p.category,
                    p.name,
                    p.description,
                    p.price,
                    p.tax_percent,
                    p.weight_g,
                    p.stock,
                    ",".join(p.tags),
                    p.added_at,
                )
                for p in catalogue.products
            ],
        )
        cursor.executemany(
            "INSERT INTO discounts VALUES (%s, %s, %s)",
            [(p.id, from_quantity, percent) for p in catalogue.products for from_quantity, percent in p.discounts],
        )
