"""What a quantity of a product costs, in whole cents; half a cent is rounded up."""

from collections.abc import Sequence
from typing import NamedTuple

from shop.regressions import active


class Price(NamedTuple):
    """The price of one line. `net` has the discount taken off and no tax in it."""

    discount_percent: int
    net: int
    tax: int


def price(unit: int, quantity: int, discounts: Sequence[tuple[int, int]], tax_percent: int) -> Price:
    """Prices a line. `discounts` are pairs (from this quantity, percent off); the last one reached counts."""
    percent = 0
    for from_quantity, off in discounts:
        if quantity >= from_quantity:
            percent = max(percent, off)
    net = _hundredth(unit * quantity * (100 - percent))
    return Price(percent, net, _hundredth(net * tax_percent))


def quoted(unit: int, quantity: int, discounts: Sequence[tuple[int, int]], tax_percent: int) -> Price:
    """Prices a line that somebody only asks about."""
    line = price(unit, quantity, discounts, tax_percent)
    if active("rounding"):
        return line._replace(tax=round(line.net * tax_percent / 100))  # round() takes 142.5 to 142
    return line


def euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _hundredth(amount: int) -> int:
    return (amount + 50) // 100
