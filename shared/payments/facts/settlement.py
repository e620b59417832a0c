"""What Stripe made of an amount whose currency the account keeps no balance in."""

from typing import Annotated

from pydantic import Field

from payments.facts.fact import Fact


class Settlement(Fact):
    """What a balance transaction moved, before fees: positive came in, negative went out."""

    amount: int
    currency: str
    balance_transaction: str


#: Left out wherever it is written or shown of what was not converted.
Converted = Annotated[Settlement | None, Field(exclude_if=lambda told: told is None)]
