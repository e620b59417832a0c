"""A pay link is one address for one invoice; each press of Pay opens a fresh Checkout Session."""

from datetime import datetime
from typing import Literal

from payments.errors import InvalidTransition
from payments.facts.fact import Fact

Rule = Literal["full", "fixed", "choose"]


class PayLink(Fact):
    """
    Its `rule` says who decides what is paid: all that is left, `amount`, or the payer.

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
    status: Literal["active", "revoked", "replaced"] = "active"
    ended_at: datetime | None = None
    version: int = 1

    def has_expired(self, now: datetime) -> bool:
        """Whether the merchant's own date for it has passed."""
        return self.expires_at is not None and self.expires_at <= now

    def is_usable(self, now: datetime) -> bool:
        """Whether it can still be paid by."""
        return self.status == "active" and not self.has_expired(now)

    def revoke(self, now: datetime) -> "PayLink":
        """Withdraw it; a link that a newer one has replaced is withdrawn already."""
        if self.status == "replaced":
            raise InvalidTransition(f"Pay link {self.id} was replaced by a newer one.")
        return self.having(status="revoked", ended_at=now)

    def replace(self, now: datetime) -> "PayLink":
        """Let a newer link of the invoice take its place."""
        return self.having(status="replaced", ended_at=now)


class LinkPointer(Fact):
    """
    Leads from a link's digest to its tenant; the link is then read again under that tenant.

    `module`, `account` and `customer` never change for a link, so that all who have to do with it
    are read at once; pointers of before do not name them.
    """

    digest: str
    tenant: str
    invoice: str
    link: str
    module: str | None = None
    account: str | None = None
    customer: str | None = None
    version: int = 1
