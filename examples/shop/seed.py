"""What both shops sell: the same catalogue for the same seed, so that both databases start out equal."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

PRODUCTS_PER_CATEGORY = 12

#: slug: (name, tax in percent, things, tags)
_CATEGORIES: dict[str, tuple[str, int, list[str], list[str]]] = {
    "cables": (
        "Cables",
        19,
        ["USB-C cable", "HDMI cable", "Network cable"],
        ["2 m", "braided", "black", "gold", "flat"],
    ),
    "audio": ("Audio", 19, ["Headphones", "Desk speaker", "USB microphone"], ["wired", "black", "stereo", "foldable"]),
    "lighting": (
        "Lighting",
        19,
        ["Desk lamp", "LED strip", "USB lamp"],
        ["warm", "dimmable", "metal", "white", "flat"],
    ),
    "storage": ("Storage", 19, ["USB stick", "Portable disk", "Memory card"], ["fast", "metal", "encrypted", "64 GB"]),
    "books": ("Books", 7, ["Field guide", "Cookbook", "Atlas"], ["hardcover", "signed", "illustrated", "2nd edition"]),
    "tea": ("Tea & Süßes", 7, ["Green tea", "Black tea", "Rock candy"], ["organic", "loose", "tin", "fair", "250 g"]),
}
_STYLES = ["Classic", "Compact", "Nordic", "Travel", "Studio", "Garden", "Royal", "Simple", "Harbour", "Alpine"]
_USES = ["the desk", "long journeys", "a quiet evening", "the workshop", "a present", "every day"]
_CENTS = [0, 50, 50, 50, 90, 95, 99]
_DISCOUNTS = [((10, 5), (50, 10)), ((5, 3), (25, 8), (100, 15)), ((12, 10),), ()]


@dataclass(frozen=True)
class Category:
    slug: str
    name: str


@dataclass(frozen=True)
class Product:
    """One product. `discounts` are pairs (from this quantity, percent off), by rising quantity."""

    id: int
    category: str
    name: str
    description: str
    price: Decimal
    tax_percent: int
    weight_g: int
    stock: int
    tags: tuple[str, ...]
    discounts: tuple[tuple[int, int], ...]
    added_at: datetime


@dataclass(frozen=True)
class Catalogue:
    categories: tuple[Category, ...]
    products: tuple[Product, ...]


def catalogue(seed: int) -> Catalogue:
    """Makes up a catalogue of 72 products in six categories; equal for equal seeds."""
    rng = random.Random(f"catalogue-{seed}")
    products: list[Product] = []
    for slug, (_, tax_percent, things, tags) in _CATEGORIES.items():
        for style in rng.sample(_STYLES, PRODUCTS_PER_CATEGORY // len(things)):
            for thing in things:
                number = len(products) + 1
                products.append(
                    Product(
                        id=number,
                        category=slug,
                        name=f"{style} {thing}",
                        description=f"{thing} for {rng.choice(_USES)}, goes well with a {rng.choice(things).lower()}.",
                        price=Decimal(rng.randint(3, 79)) + Decimal(rng.choice(_CENTS)) / 100,
                        tax_percent=tax_percent,
                        weight_g=rng.randint(20, 2500),
                        stock=rng.randint(5000, 9000),
                        tags=tuple(rng.sample(tags, rng.randint(3, len(tags)))),
                        discounts=rng.choice(_DISCOUNTS),
                        # Distinct and in no order of ids: of equally good hits search puts the newest first.
                        added_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number * 7919 % 4999),
                    )
                )
    return Catalogue(tuple(Category(slug, row[0]) for slug, row in _CATEGORIES.items()), tuple(products))
