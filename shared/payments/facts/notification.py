"""
A notification is a fact that somebody is told of: one row, written in the fact's own transaction.

It holds ids and no more. Names, addresses and amounts are read when it is sent, so that a corrected
address is used and an erased one is not kept here.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import Field

from payments.facts.fact import Fact

#: How long a sender may take over it; after that its process is taken to have died.
LEASE = timedelta(minutes=5)
#: When the schedule looks at one that the table's stream has not brought to its sender.
LEFT_OVER_AFTER = timedelta(minutes=2)
#: A mail that could not be sent for so long would only surprise whoever gets it.
GIVE_UP_AFTER = timedelta(hours=24)


#: In whose partition it stands: an invoice's, an account's, a customer's, or the tenant's own.
About = Literal["INV", "ACC", "CUS", "SET"]


class Kind(StrEnum):
    """The facts that are told."""

    INVOICE_SENT = "invoice.sent"
    PAYMENT_RECEIVED = "payment.received"
    PAYMENT_FAILED = "payment.failed"
    ACTION_REQUIRED = "payment.action_required"
    CREDIT_APPLIED = "credit.applied"
    #: No more is asked for than was paid: nobody is written to, for no money came.
    INVOICE_SETTLED = "invoice.settled"
    REFUND_CHANGED = "refund.changed"
    #: That there is one, is under way or was canceled: no person is written to about that.
    REFUND_NOTED = "refund.noted"
    DISPUTE_CHANGED = "dispute.changed"
    DISPUTE_DEADLINE = "dispute.deadline"
    CARD_EXPIRING = "card.expiring"
    ACCOUNT_ERROR = "account.error"
    ACCOUNT_RECOVERED = "account.recovered"
    MAIL_RETURNED = "mail.returned"
    MAIL_HELD = "mail.held"


class PartStatus(StrEnum):
    """
    What became of one message.

    `unsure`: its sender died, or never heard an answer. It may have been sent, so it is not sent
    again: nobody is told twice that money was taken. `suppressed`: an earlier mail to the address
    came back, or was complained about. `capped`: too many were sent before it.
    """

    SENDING = "sending"
    SENT = "sent"
    UNSURE = "unsure"
    SKIPPED = "skipped"
    SUPPRESSED = "suppressed"
    CAPPED = "capped"
    FAILED = "failed"


class Part(Fact):
    """One message to one kind of reader; `reason` is one of our own words, never an address."""

    status: PartStatus
    at: datetime
    reason: str | None = None
    #: What the mail service calls it.
    message: str | None = None


class Notification(Fact):
    """
    `id` is the dedupe key: a fact has one, and so one row.

    It stands in the partition of what it is about, where the story of an invoice is read.
    """

    id: str
    tenant: str
    kind: Kind
    about: About
    subject: str
    created_at: datetime
    refs: dict[str, str] = Field(default_factory=dict)
    parts: dict[str, Part] = Field(default_factory=dict)
    #: Who has claimed it: two claims in one second are not the same row.
    sender: str | None = None
    sweep_at: datetime | None = None
    version: int = 1

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to be sent."""
        return self.sweep_at is None

    def is_leased(self, now: datetime) -> bool:
        """Whether somebody is sending it."""
        sending = any(part.status is PartStatus.SENDING for part in self.parts.values())
        return sending and self.sweep_at is not None and self.sweep_at > now

    def telling(self, name: str, part: Part) -> "Notification":
        """Return it with what became of one message."""
        return self.having(parts={**self.parts, name: part})
