"""A Stripe event as the inbox keeps it: a hint to look, never the truth itself."""

from datetime import datetime
from typing import Literal

from payments.facts.fact import Fact


class InboxEvent(Fact):
    """
    Only the ids are kept.

    The object is fetched again at our own API version before anything is done.
    """

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
    version: int = 1

    def done(self, status: Literal["applied", "ignored", "orphan", "quarantined"]) -> "InboxEvent":
        """Return the event with nothing left to do."""
        return self.having(status=status, sweep_at=None)

    def address(self) -> dict[str, str]:
        """Return the message that leads a worker here."""
        return {"tenant": self.tenant, "account": self.account, "mode": self.mode, "event": self.id}
