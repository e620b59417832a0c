"""A payment is money that arrived: one row for each Stripe charge, and where it went."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from payments.facts.fact import Fact
from payments.facts.settlement import Converted

Method = Literal["stripe", "bank_transfer", "cash", "check", "other"]


class PaymentStatus(StrEnum):
    """What has become of the money since it arrived."""

    SUCCEEDED = "succeeded"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


class FeeDetail(Fact):
    """A part of a fee: Stripe's own, the platform's (`application_fee`), or tax on them."""

    amount: int
    currency: str
    type: str
    description: str | None = None


class Fee(Fact):
    """
    Stripe's fee, in minor units of the settlement currency.

    It is pending until its balance transaction is known.
    """

    state: Literal["pending", "known"] = "pending"
    amount: int | None = None
    net: int | None = None
    currency: str | None = None
    balance_transaction: str | None = None
    fee_details: tuple[FeeDetail, ...] = ()


class Remark(Fact):
    """How it was paid, as far as no other member of the payment says so."""

    brand: str | None = None
    last4: str | None = None
    authorization_code: str | None = None
    receipt_url: str | None = None
    reference: str | None = None


class Note(Fact):
    """What accountants want to read beside the payment."""

    payment_intent: str | None = None
    charge: str | None = None
    brand: str | None = None
    last4: str | None = None
    authorization_code: str | None = None
    amount: int
    fee: int | None = None
    paid_at: datetime
    receipt_url: str | None = None
    reference: str | None = None


class Allocation(Fact):
    """The part of a payment for one invoice, in minor units of the payment's currency."""

    invoice: str
    amount: int


class Payment(Fact):
    """
    A payment; `gross` is in minor units of `currency`, and `source` makes it unique.

    The source is Stripe's charge, or our own id for other money. What is not allocated is
    `unapplied`, the customer's credit, or `returned`. Returned credit was refunded, will be, or was
    lost in a dispute. Allocations + unapplied + returned = gross.
    """

    id: str
    tenant: str
    invoice: str
    customer: str
    account: str | None = None
    mode: str | None = None
    attempt: str | None = None
    payment_intent: str | None = None
    charge: str | None = None
    method: Method = "stripe"
    gross: int
    currency: str
    allocations: tuple[Allocation, ...] = ()
    unapplied: int = 0
    returned: int = 0
    #: Parts of the gross: refunded, about to be refunded, and in dispute.
    refunded: int = 0
    refund_pending: int = 0
    disputed: int = 0
    #: What lost disputes took of each part; "" is the customer's credit.
    lost: tuple[Allocation, ...] = ()
    #: The ids of its refunds, so that a page of payments is read with them in two requests.
    refunds: tuple[str, ...] = ()
    #: The platform's fee, and how much of it was given back.
    application_fee: int | None = None
    application_fee_refunded: int = 0
    fee: Fee
    #: Stripe's conversion of the gross, if there was one; the journal then has it, too.
    settled: Converted = None
    note: Remark = Field(default_factory=Remark)
    paid_at: datetime
    version: int = 1

    @property
    def source(self) -> str:
        """The id that makes it unique."""
        return self.charge or self.id

    @property
    def refundable(self) -> int:
        """How much may still be refunded: never more than what came and stayed."""
        return max(0, self.gross - self.refunded - self.refund_pending - self.disputed)

    @property
    def spendable(self) -> int:
        """How much of its credit may pay another invoice: a lost dispute takes credit first."""
        held = self.disputed - sum(part.amount for part in self.lost)
        return max(0, self.unapplied - max(0, held))

    @property
    def status(self) -> PaymentStatus:
        """A function of the amounts, so it cannot disagree with them."""
        if self.disputed:
            return PaymentStatus.DISPUTED
        if self.refunded >= self.gross:
            return PaymentStatus.REFUNDED
        return PaymentStatus.PARTIALLY_REFUNDED if self.refunded else PaymentStatus.SUCCEEDED

    def give_back(self, *, pending: int, given: int, credit: int) -> "Payment":
        """Return it with a refund's step: pending, given back, and from credit."""
        return self.having(
            refund_pending=self.refund_pending + pending,
            refunded=self.refunded + given,
            unapplied=self.unapplied - credit,
            returned=self.returned + credit,
        )

    def set_free(self, parts: Iterable[Allocation]) -> "Payment":
        """Return it with parts of its allocations as the customer's credit, the latest first."""
        left = Counter({part.invoice: part.amount for part in parts})
        free, kept = left.total(), list[Allocation]()
        for each in reversed(self.allocations):
            taken = min(each.amount, left[each.invoice])
            left[each.invoice] -= taken
            if taken < each.amount:
                kept.append(each.having(amount=each.amount - taken))
        return self.having(allocations=tuple(reversed(kept)), unapplied=self.unapplied + free)

    def allocated_to(self, invoice: str) -> int:
        """Return the amount that counts for `invoice`."""
        return sum(each.amount for each in self.allocations if each.invoice == invoice)

    def lost_to_bank(self, invoice: str) -> int:
        """Return the amount of `invoice`'s part that lost disputes took."""
        return sum(each.amount for each in self.lost if each.invoice == invoice)

    def with_fee(self, fee: Fee) -> "Payment":
        """Return it with the fee that Stripe has told."""
        return self.having(fee=fee)

    def shown(self) -> dict[str, Any]:
        """Return its members as they are shown; the note repeats some of them."""
        note = Note(
            **dict(self.note),
            payment_intent=self.payment_intent,
            charge=self.charge,
            amount=self.gross,
            fee=self.fee.amount,
            paid_at=self.paid_at,
        )
        return self.model_dump(mode="json") | {"note": note.model_dump(mode="json")}


class Share(Fact):
    """The part of another invoice's payment that this invoice got."""

    tenant: str
    invoice: str
    #: The invoice that the payment itself is stored with.
    home: str
    payment: str
    source: str
    amount: int
    at: datetime
    version: int = 1


def allocate(
    gross: int, asked: Iterable[Allocation], owed: dict[str, int]
) -> tuple[tuple[Allocation, ...], int]:
    """
    Divide money among the invoices that it was asked for; return the parts and the rest.

    Each gets what was asked for it, but never more than it still owes. What one does not need goes
    to the others before it becomes credit.
    """
    given: dict[str, int] = {}
    left = gross
    wanted = [(each.invoice, each.amount) for each in asked]
    for invoice, amount in [*wanted, *((name, gross) for name, _ in wanted)]:
        part = min(left, amount, owed[invoice] - given.get(invoice, 0))
        if part > 0:
            given[invoice] = given.get(invoice, 0) + part
            left -= part
    return tuple(Allocation(invoice=name, amount=part) for name, part in given.items()), left
