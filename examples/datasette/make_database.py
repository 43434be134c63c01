"""Makes a small SQLite database that both releases of Datasette serve: cities, rivers and notes to search.

Usage: python make_database.py FILE
"""

import random
import sqlite3
import sys

COUNTRIES = ("Chad", "Chile", "China", "Kenya", "Nepal", "Norway", "Peru", "Spain")


def fill(path: str) -> None:
    """Writes the tables, the same each time."""
    draw = random.Random(1)
    with sqlite3.connect(path) as database:
        database.executescript(
            """
            CREATE TABLE country (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
            CREATE TABLE city (
                id INTEGER PRIMARY KEY, name TEXT, country INTEGER REFERENCES country(id), people INTEGER,
                share REAL, founded TEXT, tags TEXT, picture BLOB);
            CREATE TABLE "odd name/with.dots" (pk TEXT PRIMARY KEY, value TEXT);
            CREATE VIEW large_city AS SELECT name, people FROM city WHERE people > 500000;
            CREATE VIRTUAL TABLE note USING fts5(title, body);
            """
        )
        database.executemany("INSERT INTO country VALUES (?, ?)", enumerate(COUNTRIES, 1))
        for city in range(1, 301):
            database.execute(
                "INSERT INTO city VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    city,
                    f"City {city}" if city % 50 else None,
                    draw.randint(1, len(COUNTRIES)),
                    draw.randint(1_000, 1_000_000),
                    round(draw.random(), 6),
                    f"{draw.randint(900, 1990)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",
                    '["port", "capital"]' if city % 3 else "[]",
                    bytes([0, 255, city % 256]) if city % 40 == 0 else None,
                ),
            )
        database.executemany(
            'INSERT INTO "odd name/with.dots" VALUES (?, ?)',
            [("a/b", "slash"), ("c.d", "dot"), ("e~f", "tilde"), ("g h", "space")],
        )
        database.executemany(
            "INSERT INTO note VALUES (?, ?)",
            [(f"Note {n}", draw.choice(("rain", "sun", "snow")) + " again") for n in range(60)],
        )


if __name__ == "__main__":
    fill(sys.argv[1])
