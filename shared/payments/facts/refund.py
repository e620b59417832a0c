"""A refund gives money of one payment back: the first durable row, before Stripe is asked."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from payments.errors import InvalidTransition
from payments.facts.attempt import REPLAY_MAX, SWEEP_AFTER
from payments.facts.fact import Fact
from payments.facts.payment import Allocation, Method, Payment
from payments.facts.settlement import Converted, Settlement

SettleAs = Literal["credit_note", "reopen"]


class RefundStatus(StrEnum):
    """What is known of the refund; once it was submitted, only Stripe's answer moves it on."""

    REQUESTED = "requested"
    SUBMITTED = "submitted"
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


_S = RefundStatus
#: How often a refund is sent again, within an hour or two, before it has failed.
FAILURES_MAX = 6
_ENDS = frozenset({_S.SUCCEEDED, _S.FAILED, _S.CANCELED})
#: Every legal transition. Only money that the payer's bank sends back leads out of an end.
TRANSITIONS: dict[RefundStatus, frozenset[RefundStatus]] = {
    # A webhook may be quicker than the request that notes that it sends the refund.
    _S.REQUESTED: frozenset({_S.SUBMITTED, _S.PENDING, _S.REQUIRES_ACTION}) | _ENDS,
    _S.SUBMITTED: frozenset({_S.PENDING, _S.REQUIRES_ACTION}) | _ENDS,
    _S.PENDING: frozenset({_S.REQUIRES_ACTION}) | _ENDS,
    _S.REQUIRES_ACTION: frozenset({_S.PENDING}) | _ENDS,
    _S.SUCCEEDED: frozenset({_S.FAILED, _S.CANCELED}),
    _S.FAILED: frozenset(),
    _S.CANCELED: frozenset(),
}


class Refund(Fact):
    """
    A refund of `amount` minor units, `unapplied` of them from the customer's credit.

    The rest belongs to the invoices in `allocations`: allocations + unapplied = amount.
    """

    id: str
    tenant: str
    #: The invoice that the payment is stored with, and the refund, too.
    invoice: str
    payment: str
    customer: str
    #: Taken from the payment: where the money is, and which charge is refunded.
    method: Method
    account: str | None = None
    mode: str | None = None
    charge: str | None = None
    amount: int
    currency: str
    allocations: tuple[Allocation, ...] = ()
    unapplied: int = 0
    settle_as: SettleAs = "credit_note"
    reason: str | None = None
    #: What becomes of the platform's fee; nothing where the charge has none.
    refund_platform_fee: Literal["proportional", "none", "full"] = "proportional"
    #: Whether Stripe is asked to give the platform's fee back, in proportion.
    returns_fee: bool = False
    origin: Literal["api", "stripe", "late_payment", "overpayment"] = "api"
    status: RefundStatus = RefundStatus.REQUESTED
    stripe_refund: str | None = None
    failure_reason: str | None = None
    pending_reason: str | None = None
    #: What Stripe took for it and brought back, where one of these is in another currency.
    settled: Converted = None
    returned: Converted = None
    created_at: datetime
    sweep_at: datetime | None = None
    #: How often Stripe has said that it failed to make it; each next try needs another key.
    failures: int = 0
    version: int = 1

    @classmethod
    def of(cls, payment: Payment, **fields: Any) -> "Refund":
        """Return a refund of `payment`, with all that it takes from it."""
        kept = {"tenant", "invoice", "customer", "method", "account", "mode", "charge", "currency"}
        returns = bool(payment.application_fee) and fields.get("refund_platform_fee") != "none"
        made = payment.model_dump(include=kept)
        return cls(**made, payment=payment.id, returns_fee=returns, **fields)

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.status not in _ENDS

    @property
    def is_given(self) -> bool:
        """Whether the payer has the money, as far as Stripe knows."""
        return self.status is RefundStatus.SUCCEEDED

    @property
    def moved(self) -> tuple[Settlement, ...]:
        """
        What the journal has of it in the currencies that Stripe moved.

        For a failed refund that is both ways, once both are known: rates change meanwhile.
        """
        if self.is_given:
            return (self.settled,) if self.settled else ()
        if self.is_open or not (self.settled and self.returned):
            return ()
        return self.settled, self.returned

    def learning(self, told: dict[str, Settlement]) -> "Refund":
        """Return it with what Stripe has told of its movements, or itself if that is not new."""
        news = {name: leg for name, leg in told.items() if getattr(self, name) is None}
        return self.having(**news) if news else self

    def share_of(self, invoice: str) -> int:
        """Return what of it is given back of one invoice."""
        return sum(part.amount for part in self.allocations if part.invoice == invoice)

    @property
    def source(self) -> str:
        """The id that makes it unique: Stripe's refund, or our own id for other money."""
        return self.stripe_refund or self.id

    @property
    def stripe_key(self) -> str:
        """
        Return its idempotency key at Stripe; every replay has the same key.

        Stripe repeats a failure for as long as it keeps the key, so the key changes after one.
        """
        return f"{self.tenant}:{self.id}:refund{f':{self.failures}' if self.failures else ''}"

    def waits(self, now: datetime) -> bool:
        """Whether Stripe failed to make it so recently that its list may not be complete yet."""
        return self.failures > 0 and self.sweep_at is not None and self.sweep_at > now

    def failing(self, now: datetime) -> "Refund":
        """Return it with one more failure at Stripe, to be looked for after a longer pause."""
        pause = SWEEP_AFTER * 2**self.failures
        return self.having(failures=self.failures + 1, sweep_at=now + pause)

    def may_replay(self, now: datetime) -> bool:
        """Whether Stripe still knows its key."""
        return now - self.created_at < REPLAY_MAX

    def may_become(self, status: RefundStatus) -> bool:
        """Whether the table allows the transition."""
        return status in TRANSITIONS[self.status]

    def become(self, status: RefundStatus, **changes: object) -> "Refund":
        """Return it in `status`; refuse a transition that is not in the table."""
        if status is not self.status and not self.may_become(status):
            raise InvalidTransition(
                f"Refund {self.id} is {self.status} and cannot become {status}."
            )
        return self.having(**{"sweep_at": None, **changes, "status": status})


class CreditNote(Fact):
    """How much less is owed for an invoice because of a refund."""

    tenant: str
    invoice: str
    refund: str
    amount: int
    currency: str
    issued_at: datetime
    #: When the refund, and with it the note, failed after all.
    reversed_at: datetime | None = None
    version: int = 1


def room(payment: Payment, refunds: Iterable[Refund], *, sure: bool = False) -> dict[str, int]:
    """
    Return how much of each part of a payment can be refunded; "" is the customer's credit.

    `sure` counts only refunds that Stripe has, and not those that we have only asked for.
    """
    left = {"": payment.gross - sum(part.amount for part in payment.allocations)}
    for part in payment.allocations:
        left[part.invoice] = left.get(part.invoice, 0) + part.amount
    for part in payment.lost:
        # A bank may take more than a part had.
        left[part.invoice] = max(0, left.get(part.invoice, 0) - part.amount)
    for refund in refunds:
        if (refund.is_open or refund.is_given) and (refund.stripe_refund or not sure):
            left[""] -= refund.unapplied
            for part in refund.allocations:
                left[part.invoice] -= part.amount
    return left


def divide(amount: int, *rooms: dict[str, int]) -> tuple[tuple[Allocation, ...], int, int]:
    """
    Divide `amount` among the rooms in order, credit first.

    Return the allocations, the credit, and the rest that found no room.
    """
    parts: dict[str, int] = {}
    for name, most in _in_order(*rooms):
        taken = min(amount, most - parts.get(name, 0))
        if taken > 0:
            parts[name] = parts.get(name, 0) + taken
            amount -= taken
    unapplied = parts.pop("", 0)
    return (
        tuple(Allocation(invoice=name, amount=part) for name, part in parts.items()),
        unapplied,
        amount,
    )


def _in_order(*rooms: dict[str, int]) -> Iterator[tuple[str, int]]:
    for each in rooms:
        yield from each.items()
