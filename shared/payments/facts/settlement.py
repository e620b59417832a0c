"""A settlement: Stripe's conversion of an amount into the currency of the account's balance."""

from typing import Annotated

from pydantic import Field

from payments.facts.fact import Fact


class Settlement(Fact):
    """What a balance transaction moved, before fees: positive came in, negative went out."""

    amount: int
    currency: str
    balance_transaction: str


#: Left out wherever an amount that was not converted is written or shown.
Converted = Annotated[Settlement | None, Field(exclude_if=lambda told: told is None)]
