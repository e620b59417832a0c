"""In which currencies an account keeps a balance."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Settling:
    """
    All that has no balance of its own becomes the default currency, at the rate of the day.

    A rate says what one whole unit of its currency is in the default one.
    """

    default: str
    balances: frozenset[str]
    rates: dict[str, Decimal]

    def converts(self, currency: str) -> bool:
        return currency != self.default and currency not in self.balances
