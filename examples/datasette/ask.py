"""Asks for a few hundred pages of Datasette, as people and programs do: HTML, JSON, CSV, searches, facets, mistakes.

Usage: python ask.py http://127.0.0.1:8080 [ROUNDS]
"""

import random
import sys

import httpx

PAGES = (
    "/",
    "/-/versions.json",
    "/-/databases.json",
    "/-/metadata.json",
    "/-/settings.json",
    "/-/plugins.json",
    "/-/actor.json",
    "/world",
    "/world.json",
    "/world/city",
    "/world/city.json",
    "/world/city.json?_shape=array",
    "/world/city.json?_shape=objects",
    "/world/city.csv?_size=5",
    "/world/city.csv?_stream=1",
    "/world/city.json?_size=3",
    "/world/city.json?_size=0",
    "/world/city.json?_sort=people",
    "/world/city.json?_sort_desc=people&_size=2",
    "/world/city.json?_sort=nothing",
    "/world/city.json?people__gt=900000",
    "/world/city.json?name__isnull=1",
    "/world/city.json?name__contains=City+1",
    "/world/city.json?_facet=country",
    "/world/city.json?_facet=country&_facet=tags",
    "/world/city.json?_facet_array=tags",
    "/world/city.json?_facet_date=founded",
    "/world/city?_facet=country",
    "/world/city.json?_labels=on&_size=3",
    "/world/city.json?_col=name&_size=3",
    "/world/city.json?_nocol=name&_size=3",
    "/world/city.json?_where=people+%3C+5000",
    "/world/city.json?_json=tags&_size=2",
    "/world/city.json?_nl=on&_shape=array&_size=3",
    "/world/city.json?_extra=count",
    "/world/city/{id}",
    "/world/city/{id}.json",
    "/world/city/{id}.json?_shape=object",
    "/world/city/{id}.json?_extras=foreign_key_tables",
    "/world/country.json",
    "/world/country/{country}.json",
    "/world/country/{country}",
    "/world/large_city.json",
    "/world/large_city",
    "/world/note.json?_search=rain",
    "/world/note?_search=rain",
    "/world/note.json?_search=rain&_size=2",
    "/world/note.json?_search=%22",
    "/world.json?sql=select+count(*)+from+city",
    "/world?sql=select+*+from+city+limit+3",
    "/world.json?sql=select+*+from+city+where+id+%3D+%3Aid&id={id}",
    "/world.json?sql=selec",
    "/world.json?sql=delete+from+city",
    "/world.csv?sql=select+name+from+city+limit+3",
    "/world.json?sql=select+1/0,+1.0,+null,+x'ff'",
    "/world/odd+name%2Fwith.dots.json",
    "/world/odd%20name~2Fwith~2Edots.json",
    "/world/odd~20name~2Fwith~2Edots/a~2Fb.json",
    "/world/nothing",
    "/world/nothing.json",
    "/nothing",
    "/nothing.json",
    "/world/city/99999.json",
    "/world/city/x.json",
    "/world/city.yaml",
    "/-/nothing",
    "/-/static/app.css",
    "/favicon.ico",
    "/world/city/{id}/",
    "/world/",
    "/world/city.json?_next=100",
    "/world/city.json?_next=x",
    "/world/city.json?_size=max",
    "/world/city.json?_size=-1",
    "/world/city.json?_shape=nonsense",
    "/world/city.json?_ttl=60",
    "/world/city-.json",
    "/world/city.jsono",
)


def main(base: str, rounds: int) -> None:
    """Asks for every page once a round, in another order each time."""
    draw = random.Random(7)
    with httpx.Client(base_url=base, timeout=20) as client:
        for _ in range(rounds):
            for page in draw.sample(PAGES, len(PAGES)):
                client.get(page.format(id=draw.randint(1, 300), country=draw.randint(1, 8)))
    print(f"asked {rounds * len(PAGES)} times")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10)
