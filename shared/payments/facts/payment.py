"""A payment is money that arrived: one row per Stripe charge, counted once."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Fee(BaseModel):
    """
    What Stripe kept, in minor units of the settlement currency.

    Pending until its balance transaction is known.
    """

    model_config = ConfigDict(frozen=True)

    state: Literal["pending", "known"] = "pending"
    amount: int | None = None
    net: int | None = None
    currency: str | None = None
    balance_transaction: str | None = None


class Note(BaseModel):
    """What somebody in accounts receivable wants to read beside the payment."""

    model_config = ConfigDict(frozen=True)

    payment_intent: str
    charge: str
    brand: str | None = None
    last4: str | None = None
    authorization_code: str | None = None
    amount: int
    fee: int | None = None
    paid_at: datetime
    receipt_url: str | None = None


class Payment(BaseModel):
    """
    `gross` is in minor units of `currency`.

    `charge` is Stripe's id: it makes the payment unique.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    tenant: str
    invoice: str
    attempt: str
    customer: str
    account: str
    mode: str
    payment_intent: str
    charge: str
    gross: int
    currency: str
    fee: Fee
    note: Note
    paid_at: datetime
    version: int = 1

    def with_fee(self, fee: Fee) -> "Payment":
        """Return the payment once Stripe has told its fee."""
        note = self.note.model_copy(update={"fee": fee.amount})
        return self.model_copy(update={"fee": fee, "note": note})
