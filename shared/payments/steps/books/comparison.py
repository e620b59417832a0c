"""Compare one Stripe object with our books: they match, were healed, or differ by a break."""

from collections.abc import Callable

from payments.doors.doors import Doors
from payments.facts.payment import Payment
from payments.facts.refund import RefundStatus
from payments.facts.run import Run
from payments.facts.stripe_objects import Charge, Intent, StripeDispute, StripeRefund
from payments.steps.attempts.provenance import (
    Mismatch,
    NotOurs,
    OtherConnection,
    Slot,
    UnknownAttempt,
    books_behind,
)
from payments.steps.disputes.apply_dispute import apply_dispute
from payments.steps.payments.apply_payment import apply_intent
from payments.steps.payments.from_charge import fee_given_back
from payments.steps.refunds.apply_refund import apply_refund, matching

Told = Intent | StripeRefund | StripeDispute


def compare(told: Told, run: Run, doors: Doors) -> str | None:
    """Return `matched`, `healed`, the type of the break, or None for another run's object."""
    intent = told if isinstance(told, Intent) else told.payment_intent
    if not isinstance(intent, Intent) or intent.status != "succeeded":
        return None
    try:
        books = books_behind(intent, _slot(run), doors)
    except NotOurs:
        return None
    except (UnknownAttempt, Mismatch) as trouble:
        return "unknown_attempt" if isinstance(trouble, UnknownAttempt) else "contradiction"
    if isinstance(told, Intent):
        return _compare_payment(told, books.payment, run, doors)
    if isinstance(told, StripeDispute):
        return _compare_dispute(told, books.attempt.invoice, run, doors)
    return _compare_refund(told, intent.charge, books.payment, run, doors)


def _slot(run: Run) -> Slot:
    return Slot(run.tenant, run.account, run.mode)


def _compare_payment(intent: Intent, payment: Payment | None, run: Run, doors: Doors) -> str | None:
    if payment is None or _lacks_fee(payment, intent.charge):
        if run.action == "report":
            return "missing_payment" if payment is None else "missing_fee"
        return _heal(apply_intent, intent, run, doors, otherwise="contradiction")
    return _difference(payment, intent.charge) or "matched"


def _compare_refund(
    told: StripeRefund, charge: Charge, payment: Payment | None, run: Run, doors: Doors
) -> str | None:
    known = matching(told, doors.store.refunds_of(payment) if payment else ())
    if known and payment and known.status == told.status:
        if known.amount != told.amount:
            return "refund_mismatch"
        if known.learning(told.settlements) is known and not _lacks_back(payment, charge):
            return "matched"
        if run.action == "report":
            return "missing_fee"
    elif known and not known.may_become(RefundStatus(told.status)):
        return "refund_mismatch"
    if run.action == "report":
        return "missing_refund"
    return _heal(apply_refund, told, run, doors, otherwise="refund_mismatch")


def _compare_dispute(told: StripeDispute, home: str, run: Run, doors: Doors) -> str | None:
    known = doors.store.dispute(run.tenant, home, told.id)
    if known and known.agrees(told):
        return "matched"
    if run.action == "report":
        return "dispute_not_booked"

    def apply(found: StripeDispute, slot: Slot, doors: Doors) -> object:
        return apply_dispute(found.id, slot, doors)

    return _heal(apply, told, run, doors, otherwise="dispute_mismatch")


def _heal(
    apply: Callable[..., object], told: Told, run: Run, doors: Doors, *, otherwise: str
) -> str | None:
    """Book what was missed and return `healed`, or return the type of the break."""
    try:
        apply(told, _slot(run), doors)
    except OtherConnection:
        return None
    except (NotOurs, UnknownAttempt):
        return "unknown_attempt"
    except Mismatch:
        return otherwise
    return "healed"


def _difference(payment: Payment, charge: Charge) -> str | None:
    return "amount_mismatch" if payment.gross != charge.amount else None


def _lacks_fee(payment: Payment, charge: Charge) -> bool:
    told = not isinstance(charge.balance_transaction, str | None)
    converted = charge.settled is not None and payment.settled is None
    return _lacks_back(payment, charge) or converted or (told and payment.fee.state == "pending")


def _lacks_back(payment: Payment, charge: Charge) -> bool:
    """Whether the platform has given back more of its fee than the books say."""
    return fee_given_back(charge) > payment.application_fee_refunded
