"""
A notice: a fact that readers are told of, written in the fact's own transaction.

It holds ids only. Names, addresses and amounts are read when it is sent, so that a corrected
address is used and an erased one is not kept here.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, NamedTuple

from pydantic import Field

from payments.facts.fact import Fact

#: How long a sender may take; after that its process has died.
LEASE = timedelta(minutes=5)
#: When the schedule sends one that the table's stream has not brought.
LEFT_OVER_AFTER = timedelta(minutes=2)
#: A mail that could not be sent for so long would only surprise its reader.
GIVE_UP_AFTER = timedelta(hours=24)


#: The partition that holds it: an invoice's, an account's, a customer's, or the tenant's own.
About = Literal["INV", "ACC", "CUS", "SET"]


class Kind(StrEnum):
    """The kinds of facts that readers are told of."""

    INVOICE_SENT = "invoice.sent"
    PAYMENT_RECEIVED = "payment.received"
    PAYMENT_FAILED = "payment.failed"
    ACTION_REQUIRED = "payment.action_required"
    CREDIT_APPLIED = "credit.applied"
    #: An invoice's new amount is paid already: nobody gets a mail, since no money came.
    INVOICE_SETTLED = "invoice.settled"
    REFUND_CHANGED = "refund.changed"
    #: A refund was requested, is under way or was canceled: no person gets a mail.
    REFUND_NOTED = "refund.noted"
    DISPUTE_CHANGED = "dispute.changed"
    DISPUTE_DEADLINE = "dispute.deadline"
    CARD_EXPIRING = "card.expiring"
    ACCOUNT_ERROR = "account.error"
    ACCOUNT_RECOVERED = "account.recovered"
    MAIL_RETURNED = "mail.returned"
    MAIL_HELD = "mail.held"


class Telling(NamedTuple):
    """
    What is told about one kind of fact.

    `fact` is its name in an invoice's timeline; `buyer`, `seller` and `watchers` name the mail that
    each of them gets; `events` names what other systems get. `limited` mails are counted, and are
    not sent after too many. No limit holds back what the merchant has to know and no payer can
    multiply.
    """

    fact: str
    buyer: str | None = None
    seller: str | None = None
    watchers: str | None = None
    events: str | None = None
    limited: bool = True


#: One row for each kind: its readers, their mails, its event, and its name.
TELLINGS: dict[Kind, Telling] = {
    Kind.INVOICE_SENT: Telling("the invoice", buyer="invoice"),
    Kind.PAYMENT_RECEIVED: Telling(
        "the payment", buyer="receipt", seller="sale", events="payment_received"
    ),
    Kind.PAYMENT_FAILED: Telling(
        "the payment that failed", buyer="declined", seller="blocked", events="payment_failed"
    ),
    Kind.ACTION_REQUIRED: Telling(
        "the confirmation that the bank asks for", buyer="confirm", events="action_required"
    ),
    Kind.CREDIT_APPLIED: Telling("the payment by credit", events="credit_applied"),
    Kind.INVOICE_SETTLED: Telling("the amount that is paid already", events="invoice_paid"),
    Kind.REFUND_CHANGED: Telling(
        "the refund", buyer="refund", seller="refund_failed", events="refund"
    ),
    Kind.REFUND_NOTED: Telling("the refund", events="refund"),
    Kind.DISPUTE_CHANGED: Telling("the dispute", seller="dispute", events="dispute", limited=False),
    Kind.DISPUTE_DEADLINE: Telling(
        "the dispute's deadline", seller="deadline", events="deadline", limited=False
    ),
    Kind.CARD_EXPIRING: Telling("the card that expires", buyer="card_expiring"),
    Kind.ACCOUNT_ERROR: Telling(
        "the account's error", watchers="account_broken", events="account", limited=False
    ),
    Kind.ACCOUNT_RECOVERED: Telling(
        "the account's recovery", watchers="account_mended", events="account", limited=False
    ),
    Kind.MAIL_RETURNED: Telling("the mail that came back", seller="mail_returned", limited=False),
    Kind.MAIL_HELD: Telling("the limit of mails", seller="mail_held", limited=False),
}


class PartStatus(StrEnum):
    """
    What became of one message.

    `unsure`: its sender died, or got no answer. It may have been sent and is not sent again, so
    that nobody is told twice that money was taken. `suppressed`: an earlier mail to the address
    bounced or brought a complaint. `capped`: too many were sent before it.
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
    #: The mail service's id.
    message: str | None = None


class Notification(Fact):
    """
    A notice; `id` is unique for its fact, so that a fact has one row.

    It is stored with its subject, where an invoice's timeline reads it.
    """

    id: str
    tenant: str
    kind: Kind
    about: About
    subject: str
    created_at: datetime
    refs: dict[str, str] = Field(default_factory=dict)
    parts: dict[str, Part] = Field(default_factory=dict)
    #: The sender that has claimed it: two claims in one second have different rows.
    sender: str | None = None
    sweep_at: datetime | None = None
    version: int = 1

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to send."""
        return self.sweep_at is None

    def is_leased(self, now: datetime) -> bool:
        """Whether a sender works on it."""
        sending = any(part.status is PartStatus.SENDING for part in self.parts.values())
        return sending and self.sweep_at is not None and self.sweep_at > now

    def telling(self, name: str, part: Part) -> "Notification":
        """Return it with the outcome of one message."""
        return self.having(parts={**self.parts, name: part})
