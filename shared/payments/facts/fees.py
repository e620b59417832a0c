"""The platform's fee on a payment, by a module's policy."""

from decimal import ROUND_HALF_UP, Decimal

from payments.facts.fact import Fact
from payments.money import Money, step


class FixedFee(Fact):
    """Minor units of a currency: what is added to the percentage, and the most that is taken."""

    currency: str
    fixed: int = 0
    cap: int | None = None


class FeePolicy(Fact):
    """
    `percent` of the amount and, in each currency, a fixed part and a cap.

    Without a percentage, nothing is taken in a currency that is not named.
    """

    percent: Decimal = Decimal(0)
    amounts: tuple[FixedFee, ...] = ()

    def fee_of(self, money: Money) -> int:
        """Return the fee, with half a minor unit rounded up; it is never more than the amount."""
        part = (self.percent * money.amount / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)
        named = next((each for each in self.amounts if each.currency == money.currency), None)
        fee = int(part) + (named.fixed if named else 0)
        if named and named.cap is not None:
            fee = min(fee, named.cap)
        fee = min(fee, money.amount)
        # The fee is rounded down to amounts that the currency has: 12 fils become 10.
        return fee - fee % step(money.currency)
