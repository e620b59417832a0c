"""A Stripe event as the inbox keeps it: a hint to look, and no proof."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from payments.facts.fact import Fact

#: The names of members that hold ids of a payer's objects at Stripe.
KEPT = timedelta(days=90)


def kept_until(received_at: datetime) -> int:
    """Return when an event's row may be deleted; Stripe does not send it again after that."""
    return int((received_at + KEPT).timestamp())


class Fetched(StrEnum):
    """What is fetched for an event, to be booked."""

    INTENT = "the PaymentIntent"
    DECLINED_INTENT = "the PaymentIntent, of which one more decline is counted"
    CHARGES_INTENT = "the PaymentIntent of the charge"
    REFUND = "the refund"
    REFUNDS = "the refunds of the charge"
    DISPUTE = "the dispute"
    SESSION = "the Checkout Session"
    SETUP = "the SetupIntent"
    CARD = "the saved card"
    CUSTOMER = "the customer"
    #: Only the platform gets events of this kind, about the accounts that it has connected.
    ACCOUNT = "the account"


_F = Fetched
#: Every event type that is used, and what is fetched for it; all others are ignored.
APPLIED: dict[str, Fetched] = {
    "payment_intent.succeeded": _F.INTENT,
    "payment_intent.payment_failed": _F.DECLINED_INTENT,
    "payment_intent.processing": _F.INTENT,
    "payment_intent.requires_action": _F.INTENT,
    "payment_intent.canceled": _F.INTENT,
    "charge.updated": _F.CHARGES_INTENT,
    "charge.refunded": _F.REFUNDS,
    "charge.refund.updated": _F.REFUND,
    "refund.created": _F.REFUND,
    "refund.updated": _F.REFUND,
    "refund.failed": _F.REFUND,
    "charge.dispute.created": _F.DISPUTE,
    "charge.dispute.updated": _F.DISPUTE,
    "charge.dispute.closed": _F.DISPUTE,
    "charge.dispute.funds_withdrawn": _F.DISPUTE,
    "charge.dispute.funds_reinstated": _F.DISPUTE,
    "checkout.session.completed": _F.SESSION,
    "checkout.session.expired": _F.SESSION,
    "checkout.session.async_payment_succeeded": _F.SESSION,
    "checkout.session.async_payment_failed": _F.SESSION,
    "setup_intent.succeeded": _F.SETUP,
    "payment_method.detached": _F.CARD,
    "payment_method.updated": _F.CARD,
    "payment_method.automatically_updated": _F.CARD,
    "customer.deleted": _F.CUSTOMER,
    "account.updated": _F.ACCOUNT,
    "capability.updated": _F.ACCOUNT,
    "account.application.deauthorized": _F.ACCOUNT,
}


class InboxEvent(Fact):
    """A stored event with ids only; the object is fetched again before anything is done."""

    id: str
    tenant: str
    account: str
    mode: str
    type: str
    object_id: str
    livemode: bool
    received_at: datetime
    stripe_account: str | None = None
    status: Literal["pending", "applied", "ignored", "orphan", "quarantined"] = "pending"
    sweep_at: datetime | None = None
    #: When DynamoDB may delete it; older rows get this when they are done.
    ttl: int = 0
    version: int = 1

    def done(self, status: Literal["applied", "ignored", "orphan", "quarantined"]) -> "InboxEvent":
        """Return the event with nothing left to do."""
        return self.having(status=status, sweep_at=None, ttl=kept_until(self.received_at))

    def address(self) -> dict[str, str]:
        """Return the message that leads a worker to this row."""
        return {"tenant": self.tenant, "account": self.account, "mode": self.mode, "event": self.id}
