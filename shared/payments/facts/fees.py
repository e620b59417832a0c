"""What is taken for a payment: the platform's fee, by a module's policy."""

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
    `percent` of the amount, and in each currency a fixed part and a cap.

    Nothing is taken in a currency that is not named, unless there is a percentage.
    """

    percent: Decimal = Decimal(0)
    amounts: tuple[FixedFee, ...] = ()

    def fee_of(self, money: Money) -> int:
        """Return the fee, half a minor unit rounded up; never more than the amount itself."""
        part = (self.percent * money.amount / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)
        named = next((each for each in self.amounts if each.currency == money.currency), None)
        fee = int(part) + (named.fixed if named else 0)
        if named and named.cap is not None:
            fee = min(fee, named.cap)
        fee = min(fee, money.amount)
        # What the currency does not have is not rounded up to: 12 fils are 10.
        return fee - fee % step(money.currency)
