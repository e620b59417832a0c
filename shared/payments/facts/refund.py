"""A refund gives money of one payment back: the first durable row, before Stripe hears of it."""

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
    """What is known of the refund; only Stripe's word moves it on once it was submitted."""

    REQUESTED = "requested"
    SUBMITTED = "submitted"
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


_S = RefundStatus
#: So often Stripe is asked anew, for an hour or two, before the refund has come to nothing.
FAILURES_MAX = 6
_ENDS = frozenset({_S.SUCCEEDED, _S.FAILED, _S.CANCELED})
#: Every legal transition. Money that the payer's bank sends back is the only way out of an end.
TRANSITIONS: dict[RefundStatus, frozenset[RefundStatus]] = {
    # Another step: a webhook may be quicker than the request that notes that it is sending.
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
    `amount` minor units go back: `unapplied` of them from the customer's credit.

    The rest is of the invoices that `allocations` names: allocations + unapplied = amount.
    """

    id: str
    tenant: str
    #: Under which invoice the payment stands, and this with it.
    invoice: str
    payment: str
    customer: str
    #: The payment's own: where the money is, and which charge gives it back.
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
    #: What becomes of the platform's fee; of charges that carry none, nothing.
    refund_platform_fee: Literal["proportional", "none", "full"] = "proportional"
    #: Whether Stripe is asked to give the platform's fee back, in proportion.
    returns_fee: bool = False
    origin: Literal["api", "stripe", "late_payment", "overpayment"] = "api"
    status: RefundStatus = RefundStatus.REQUESTED
    stripe_refund: str | None = None
    failure_reason: str | None = None
    pending_reason: str | None = None
    #: What Stripe took for it and brought back, where one of them is in another currency.
    settled: Converted = None
    returned: Converted = None
    created_at: datetime
    sweep_at: datetime | None = None
    #: How often Stripe has said that it failed to make it: each needs another key after that.
    failures: int = 0
    version: int = 1

    @classmethod
    def of(cls, payment: Payment, **fields: Any) -> "Refund":
        """Return a refund of `payment`, with all that it has from it."""
        kept = {"tenant", "invoice", "customer", "method", "account", "mode", "charge", "currency"}
        returns = bool(payment.application_fee) and fields.get("refund_platform_fee") != "none"
        made = payment.model_dump(include=kept)
        return cls(**made, payment=payment.id, returns_fee=returns, **fields)

    @property
    def is_open(self) -> bool:
        """Whether it has still to end."""
        return self.status not in _ENDS

    @property
    def is_given(self) -> bool:
        """Whether the payer has the money, as far as Stripe knows."""
        return self.status is RefundStatus.SUCCEEDED

    @property
    def moved(self) -> tuple[Settlement, ...]:
        """
        What the journal has of it in the currencies that Stripe moved.

        Of one that came to nothing that is both ways, once both are known: rates change meanwhile.
        """
        if self.is_given:
            return (self.settled,) if self.settled else ()
        if self.is_open or not (self.settled and self.returned):
            return ()
        return self.settled, self.returned

    def learning(self, told: dict[str, Settlement]) -> "Refund":
        """Return it with what Stripe has told of what it moved, or itself where that is no news."""
        news = {name: leg for name, leg in told.items() if getattr(self, name) is None}
        return self.having(**news) if news else self

    def share_of(self, invoice: str) -> int:
        """Return what of it is given back of one invoice."""
        return sum(part.amount for part in self.allocations if part.invoice == invoice)

    @property
    def source(self) -> str:
        """What makes it unique: Stripe's refund, or our own id for money outside of Stripe."""
        return self.stripe_refund or self.id

    @property
    def stripe_key(self) -> str:
        """
        Name the one Stripe request that this refund is; the same on every replay.

        Stripe repeats a failure for as long as it keeps the key.
        """
        return f"{self.tenant}:{self.id}:refund{f':{self.failures}' if self.failures else ''}"

    def waits(self, now: datetime) -> bool:
        """Whether Stripe has failed to make it so lately that its list may not be complete yet."""
        return self.failures > 0 and self.sweep_at is not None and self.sweep_at > now

    def failing(self, now: datetime) -> "Refund":
        """Return it with one more failure of Stripe's, to be looked for after a longer pause."""
        pause = SWEEP_AFTER * 2**self.failures
        return self.having(failures=self.failures + 1, sweep_at=now + pause)

    def may_replay(self, now: datetime) -> bool:
        """Whether Stripe still remembers this refund's key."""
        return now - self.created_at < REPLAY_MAX

    def may_become(self, status: RefundStatus) -> bool:
        """Whether the table lets it."""
        return status in TRANSITIONS[self.status]

    def become(self, status: RefundStatus, **changes: object) -> "Refund":
        """Return the refund in `status`, or refuse a transition that is not in the table."""
        if status is not self.status and not self.may_become(status):
            raise InvalidTransition(
                f"Refund {self.id} is {self.status} and cannot become {status}."
            )
        return self.having(**{"sweep_at": None, **changes, "status": status})


class CreditNote(Fact):
    """By how much less is owed for an invoice, because a refund was settled so."""

    tenant: str
    invoice: str
    refund: str
    amount: int
    currency: str
    issued_at: datetime
    #: When the refund came to nothing after all, and with it the note.
    reversed_at: datetime | None = None
    version: int = 1


def room(payment: Payment, refunds: Iterable[Refund], *, sure: bool = False) -> dict[str, int]:
    """
    Return what is left to give back of each part of a payment: "" is the customer's credit.

    `sure` counts only what Stripe has told of, and not what we have only asked for.
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
    Divide `amount` over the rooms in their order, credit first.

    Returns the allocations, the credit, and what found no room.
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
