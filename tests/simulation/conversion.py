"""
A merchant whose balance at Stripe is in pounds: what comes and goes in euros is converted.

No two movements that follow one another have the same rate, and no dice are needed for it.
"""

from decimal import Decimal
from itertools import cycle
from typing import Any

from local.standin.engine.settling import Settling
from tests.doubles.invocations import Json
from tests.simulation.world import TENANTS

#: Whose account it is; all others keep a balance in every currency.
CONVERTING = TENANTS[1]
SOLD_IN, KEPT_IN = "eur", "gbp"
RATES = ("0.86", "0.91", "0.83", "0.88")


def convert(world: Any, stripe_account: str) -> None:
    """Have an account keep pounds only, for as long as this world lasts."""
    rates = cycle(map(Decimal, RATES))
    today = {SOLD_IN: next(rates)}

    def moved(obj: Json) -> None:
        if obj["object"] == "balance_transaction" and obj["scope"] == stripe_account:
            today[SOLD_IN] = next(rates)

    world.standin.settling[stripe_account] = Settling(KEPT_IN, frozenset(), today)
    world.truth.seen.append(moved)
