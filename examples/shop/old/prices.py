"""What a quantity of a product costs. Amounts are euros in Decimal; half a cent is rounded up."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Price:
    """The price of one line. `net` has the discount taken off and no tax in it."""

    discount_percent: int
    net: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        return self.net + self.tax


def price(unit_price: Decimal, quantity: int, discounts: Sequence[tuple[int, int]], tax_percent: int) -> Price:
    """Prices a line. `discounts` are pairs (from this quantity, percent off); the last one reached counts."""
    percent = max((percent for from_quantity, percent in sorted(discounts) if quantity >= from_quantity), default=0)
    net = _cents(unit_price * quantity * (100 - percent) / 100)
    return Price(percent, net, _cents(net * tax_percent / 100))


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)
