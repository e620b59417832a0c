"""A pay link is one address for one invoice; each press of Pay opens a fresh Checkout Session."""

from datetime import datetime
from typing import Literal

from payments.errors import InvalidTransition
from payments.facts.fact import Fact

Rule = Literal["full", "fixed", "choose"]


class PayLink(Fact):
    """
    A pay link; `rule` says what is paid: all that is left, `amount`, or the payer's choice.

    Amounts are minor units. A payer who chooses is offered `amount`, or all that is left, and pays
    `least` or more. `digest` is the token's SHA-256.
    """

    id: str
    tenant: str
    invoice: str
    module: str
    digest: str
    created_at: datetime
    rule: Rule = "full"
    amount: int | None = None
    least: int | None = None
    message: str | None = None
    expires_at: datetime | None = None
    #: What came through it, where it is for a fixed part.
    paid: int = 0
    status: Literal["active", "revoked", "replaced"] = "active"
    ended_at: datetime | None = None
    version: int = 1

    @property
    def is_filled(self) -> bool:
        """Whether the fixed part that it is for has come."""
        return self.rule == "fixed" and self.paid >= (self.amount or 0)

    @property
    def asks(self) -> int | None:
        """What it still asks for, or offers to a payer who chooses; None, all that is left."""
        if self.rule != "fixed" or self.amount is None:
            return self.amount
        return None if self.is_filled else self.amount - self.paid

    def has_expired(self, now: datetime) -> bool:
        """Whether its end, as the merchant set it, has passed."""
        return self.expires_at is not None and self.expires_at <= now

    def is_usable(self, now: datetime) -> bool:
        """Whether it can still be used to pay."""
        return self.status == "active" and not self.has_expired(now)

    def revoke(self, now: datetime) -> "PayLink":
        """Return it withdrawn; a link that a newer one has replaced is withdrawn already."""
        if self.status == "replaced":
            raise InvalidTransition(f"Pay link {self.id} was replaced by a newer one.")
        return self.having(status="revoked", ended_at=now)

    def replace(self, now: datetime) -> "PayLink":
        """Return it replaced by a newer link of the invoice."""
        return self.having(status="replaced", ended_at=now)


class LinkPointer(Fact):
    """
    Leads from a link's digest to its tenant; the link is then read again under that tenant.

    `module`, `account` and `customer` never change for a link, so that all rows are read at once.
    Older pointers do not name them.
    """

    digest: str
    tenant: str
    invoice: str
    link: str
    module: str | None = None
    account: str | None = None
    customer: str | None = None
    version: int = 1
