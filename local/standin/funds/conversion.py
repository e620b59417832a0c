"""What comes in a currency that an account keeps no balance in: turned into the one it does."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from local.standin.engine.errors import InvalidRequest
from local.standin.engine.messages import Json
from local.standin.funds.currencies import decimals

if TYPE_CHECKING:
    from local.standin.engine.call import Call


def settled(call: Call, amount: int, currency: str) -> tuple[int, str, float | None]:
    """Give what comes of an amount in the account's balance, its currency, and the rate."""
    settling = call.world.settling.get(call.account)
    if settling is None or not settling.converts(currency):
        return amount, currency, None
    rate = settling.rates.get(currency)
    if rate is None:
        raise InvalidRequest(f"There is no rate from {currency} to {settling.default}.")
    shift = decimals(settling.default) - decimals(currency)
    exact = Decimal(amount) * rate * Decimal(10) ** shift
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP)), settling.default, float(rate)


def settled_lines(call: Call, lines: list[Json]) -> list[Json]:
    """Give the parts of a fee as the account's balance bears them."""
    converted = []
    for line in lines:
        amount, currency, rate = settled(call, line["amount"], line["currency"])
        converted.append(line if rate is None else line | {"amount": amount, "currency": currency})
    return converted
