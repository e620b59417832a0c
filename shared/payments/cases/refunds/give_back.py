"""Refund money: reserve it, so that no two refunds take the same, and only then ask Stripe."""

from dataclasses import dataclass
from typing import Literal

from payments.doors.doors import Doors
from payments.errors import (
    Conflict,
    PaymentDisputed,
    RefundExceedsPayment,
    RefundRefused,
    ValidationFailed,
)
from payments.facts.attempt import SWEEP_AFTER
from payments.facts.caller import Caller
from payments.facts.payment import Allocation, Payment
from payments.facts.refund import Refund, RefundStatus, SettleAs, divide, room
from payments.money import Money, require_representable
from payments.steps.refunds.apply_refund import record
from payments.steps.refunds.submit_refund import submit
from payments.steps.retry import retrying

_S = RefundStatus

#: What the caller is told, by Stripe's code; any other refusal carries Stripe's own code.
REFUSALS: dict[str, tuple[type[Conflict], str]] = {
    "charge_already_refunded": (RefundExceedsPayment, "Stripe has given all of it back already."),
    "amount_too_large": (RefundExceedsPayment, "Stripe has given part of it back already."),
    "charge_disputed": (PaymentDisputed, "The payer's bank has taken the payment back."),
}


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """
    `amount` in minor units, or None for all that is left.

    `allocations` divides it among the invoices, where more than one division is possible.
    """

    payment: str
    amount: int | None = None
    allocations: tuple[Allocation, ...] = ()
    settle_as: SettleAs = "credit_note"
    reason: str | None = None
    refund_platform_fee: Literal["proportional", "none", "full"] = "proportional"


def refund_payment(
    request: RefundRequest, *, refund_id: str, caller: Caller, doors: Doors
) -> Refund:
    """
    Refund a payment, or part of it, and return the refund as far as it came.

    `refund_id` belongs to the request: a repeat goes on where the request stopped. Raise where
    nothing was refunded; then nothing stays reserved.
    """
    payment = doors.store.named(Payment, caller.tenant, request.payment)
    refund = doors.store.refund(payment.tenant, payment.invoice, refund_id)
    if not refund:
        refund = _begin(request, refund_id, payment, caller, doors)
    if refund.is_open:
        refund = submit(refund, doors)
    if refund.status in {_S.FAILED, _S.CANCELED}:
        raise refused(refund)
    return refund


def refused(refund: Refund) -> Conflict:
    """Return the refusal that tells the caller why a refund failed."""
    reason = refund.failure_reason or str(refund.status)
    otherwise = (RefundRefused, "Stripe did not give the money back.")
    kind, detail = REFUSALS.get(reason, otherwise)
    return kind(detail, refund=refund.id, reason=reason)


def _begin(
    request: RefundRequest, refund_id: str, payment: Payment, caller: Caller, doors: Doors
) -> Refund:
    """Reserve the amount and return the refund: the first durable row, before Stripe is asked."""

    def step() -> Refund:
        found, seen, settings = doors.store.giving_back(payment, refund_id)
        if found:
            return found
        refund = _proposed(request, refund_id, seen, doors)
        # Earlier refunds count, too: a large refund does not become small by being asked for in
        # parts.
        whole = Money(refund.amount + seen.refunded + seen.refund_pending, seen.currency)
        settings.require_may_refund(whole, caller)
        return record(refund, None, seen, doors, at=doors.now())

    return retrying(step, doors, "The payment kept changing; nothing was given back.")


def _proposed(request: RefundRequest, refund_id: str, payment: Payment, doors: Doors) -> Refund:
    named = sum(part.amount for part in request.allocations)
    amount = request.amount or named or payment.refundable
    _require_refundable(payment, amount)
    whole = amount + payment.refunded + payment.refund_pending >= payment.gross
    if request.refund_platform_fee == "full" and payment.application_fee and not whole:
        raise ValidationFailed(
            "The platform's fee goes back in full with the rest of the payment; a part of the "
            "payment brings back its part of the fee."
        )
    left = room(payment, doors.store.refunds_of(payment))
    allocations, unapplied = _divided(amount, request.allocations, left)
    at_stripe = payment.method == "stripe"
    return Refund.of(
        payment,
        id=refund_id,
        amount=amount,
        allocations=allocations,
        unapplied=unapplied,
        settle_as=request.settle_as,
        reason=request.reason,
        refund_platform_fee=request.refund_platform_fee,
        # Cash and bank transfers go back outside Stripe, the way they came.
        status=_S.REQUESTED if at_stripe else _S.SUCCEEDED,
        created_at=doors.now(),
        sweep_at=doors.now() + SWEEP_AFTER if at_stripe else None,
    )


def _require_refundable(payment: Payment, amount: int) -> None:
    most = Money(payment.refundable, payment.currency)
    if amount > most.amount or not most.amount:
        if payment.disputed:
            raise PaymentDisputed("The payer's bank has taken the payment back.")
        raise RefundExceedsPayment(f"Only {most} can be given back.", refundable=most.amount)
    require_representable(Money(amount, payment.currency))


def _divided(
    amount: int, named: tuple[Allocation, ...], left: dict[str, int]
) -> tuple[tuple[Allocation, ...], int]:
    """Divide `amount` as the request says or, without a choice, credit first."""
    if named:
        _require_named(amount, named, left)
        return named, amount - sum(part.amount for part in named)
    open_parts = [name for name, most in left.items() if name and most]
    if left[""] < amount < sum(left.values()) and len(open_parts) > 1:
        raise ValidationFailed(
            "The payment paid several invoices: say in allocations what of which is given back.",
            invoices=open_parts,
        )
    allocations, unapplied, _ = divide(amount, left)
    return allocations, unapplied


def _require_named(amount: int, named: tuple[Allocation, ...], left: dict[str, int]) -> None:
    invoices = [part.invoice for part in named]
    if len(set(invoices)) < len(invoices) or not set(invoices) <= left.keys() - {""}:
        raise ValidationFailed("Name each invoice once, and only those that were paid by it.")
    rest = amount - sum(part.amount for part in named)
    if not 0 <= rest <= left[""]:
        raise ValidationFailed("The allocations do not sum to the amount.", credit=left[""])
    for part in named:
        if part.amount > left[part.invoice]:
            detail = f"Of invoice {part.invoice} only {left[part.invoice]} can be given back."
            raise RefundExceedsPayment(detail, refundable=left[part.invoice])
