"""The timeline of an invoice: all that is stored about it, in order and in words."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from payments.doors.rows.invoices import InvoiceRows
from payments.facts.attempt import Attempt, AttemptStatus, Channel
from payments.facts.dispute import Dispute, DisputeStatus
from payments.facts.invoice import Invoice
from payments.facts.payment import Payment, Share
from payments.facts.refund import Refund, RefundStatus
from payments.money import Money
from payments.steps.notifications.outcomes import outcome_of_report, outcomes_of

_S = AttemptStatus

CHANNELS = {
    Channel.LINK: "the payment page",
    Channel.CHECKOUT: "the storefront's payment page",
    Channel.ELEMENTS: "the storefront",
    Channel.CHARGE: "a saved card",
    Channel.AUTO: "a saved card, once more by the schedule",
}
METHODS = {
    "stripe": "through Stripe",
    "bank_transfer": "by bank transfer",
    "cash": "in cash",
    "check": "by check",
    "other": "outside Stripe",
}
ENDS = {
    _S.SUCCEEDED: "It succeeded.",
    _S.CANCELED: "It was given up before any money moved.",
    _S.EXPIRED: "The payer let its time run out, unpaid.",
}
REFUNDS = {
    RefundStatus.REQUESTED: "are to be given back",
    RefundStatus.SUBMITTED: "are to be given back, and Stripe has not said whether they were",
    RefundStatus.PENDING: "are on their way back to the payer",
    RefundStatus.REQUIRES_ACTION: "wait for the payer to say where to send them",
    RefundStatus.SUCCEEDED: "were given back",
    RefundStatus.FAILED: "could not be given back",
    RefundStatus.CANCELED: "were not given back: it was canceled",
}
_D = DisputeStatus
DISPUTES = {
    _D.WARNING_NEEDS_RESPONSE: "The payer's bank asks about it and waits for an answer.",
    _D.WARNING_UNDER_REVIEW: "The payer's bank asked about it and looks at the answer.",
    _D.WARNING_CLOSED: "The payer's bank asked about it, and took nothing.",
    _D.NEEDS_RESPONSE: "The payer's bank waits for an answer.",
    _D.UNDER_REVIEW: "The payer's bank looks at the answer.",
    _D.WON: "It was won.",
    _D.LOST: "It was lost.",
    _D.PREVENTED: "It was settled before it became a chargeback.",
    _D.APPEAL_NEEDS_RESPONSE: "It was lost, and the appeal waits for an answer.",
    _D.APPEAL_UNDER_REVIEW: "It was lost, and the appeal is looked at.",
}
WAITS = {
    _S.CREATED: "It has been begun, and Stripe has not been asked yet.",
    _S.SUBMITTING: "It is under way at Stripe.",
    _S.UNKNOWN: "Stripe has not said how it ended. It is asked every two minutes.",
    _S.ACTION_REQUIRED: "The bank wants the cardholder to confirm it, who was sent a link.",
    _S.PROCESSING: "The bank is working on it, which takes days for a debit.",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened; `refs` are the ids that prove it, ours and Stripe's."""

    at: datetime
    kind: str
    text: str
    refs: dict[str, str] = field(default_factory=dict)


def timeline(rows: InvoiceRows) -> list[Happening]:
    """Return everything that happened to the invoice, oldest first."""
    invoice = rows.require_invoice()
    found = [
        _created(invoice),
        *(happening for attempt in rows.attempts for happening in _of_attempt(attempt)),
        *(_of_payment(payment, invoice) for payment in rows.payments),
        *(_of_share(share, invoice) for share in rows.shares),
        *(_of_refund(refund) for refund in rows.refunds),
        *(each for dispute in rows.disputes for each in _of_dispute(dispute)),
        *_closed(invoice),
        *(Happening(*each) for notice in rows.notifications for each in outcomes_of(notice)),
        *(Happening(*outcome_of_report(report)) for report in rows.reports),
    ]
    # Times are whole seconds: within one second, the order above is the more likely one.
    return sorted(found, key=lambda happening: happening.at)


def _created(invoice: Invoice) -> Happening:
    text = f"Invoice {invoice.number} was made over {money_of(invoice.total, invoice)}."
    return Happening(invoice.created_at, "created", text, {"invoice": invoice.id})


def _closed(invoice: Invoice) -> Iterator[Happening]:
    refs = {"invoice": invoice.id}
    if invoice.voided_at:
        yield Happening(invoice.voided_at, "voided", "It was withdrawn.", refs)
    if invoice.written_off_at:
        yield Happening(
            invoice.written_off_at, "written_off", "It was given up as uncollectible.", refs
        )


def _of_attempt(attempt: Attempt) -> Iterator[Happening]:
    asked = Money(attempt.amount, attempt.currency)
    refs = {"attempt": attempt.id}
    for name in ("payment_intent", "session"):
        if value := getattr(attempt, name):
            refs[name] = value
    text = f"{asked} were asked for by {CHANNELS[attempt.channel]}."
    yield Happening(attempt.created_at, "attempt_begun", text, refs)
    if attempt.confirming_since:
        text = "The payer went to their bank's page to confirm it."
        yield Happening(attempt.confirming_since, "attempt_confirming", text, refs)
    if attempt.changed_at and attempt.status is not _S.CREATED:
        kind = f"attempt_{attempt.status}"
        yield Happening(attempt.changed_at, kind, how_it_stands(attempt), refs)


def how_it_stands(attempt: Attempt) -> str:
    """Return how an attempt ended, or what it waits for."""
    if attempt.status is _S.FAILED:
        return f"It failed: {reason_of(attempt)}."
    return ENDS.get(attempt.status) or WAITS[attempt.status]


def reason_of(attempt: Attempt) -> str:
    """Return why an attempt failed."""
    decline = attempt.decline
    if not decline:
        return "no reason was given"
    if decline.outcome_type == "blocked":
        return "Stripe stopped it as too risky, before it reached the bank"
    code = decline.decline_code or decline.code
    return f"the bank said {code.replace('_', ' ')}"


def _of_payment(payment: Payment, invoice: Invoice) -> Happening:
    refs = {"payment": payment.id}
    for name in ("charge", "payment_intent"):
        if value := getattr(payment, name):
            refs[name] = value
    text = f"{Money(payment.gross, payment.currency)} arrived {METHODS[payment.method]}."
    here = payment.allocated_to(invoice.id)
    if here != payment.gross:
        text += f" {money_of(here, invoice)} of it count for this invoice."
    if payment.unapplied:
        text += f" {money_of(payment.unapplied, invoice)} became the customer's credit."
    return Happening(payment.paid_at, "payment", text, refs)


def _of_share(share: Share, invoice: Invoice) -> Happening:
    text = f"{money_of(share.amount, invoice)} of a payment for another invoice count for this one."
    refs = {"payment": share.payment, "invoice": share.home, "source": share.source}
    return Happening(share.at, "payment_share", text, refs)


def _of_refund(refund: Refund) -> Happening:
    refs = {"refund": refund.id, "payment": refund.payment}
    if refund.stripe_refund:
        refs["stripe_refund"] = refund.stripe_refund
    text = f"{Money(refund.amount, refund.currency)} {REFUNDS[refund.status]}"
    if refund.failure_reason:
        text += f" ({refund.failure_reason.replace('_', ' ')})"
    settled = "less is owed" if refund.settle_as == "credit_note" else "the debt came back"
    text += f"; {settled}." if refund.is_given and refund.allocations else "."
    return Happening(refund.created_at, f"refund_{refund.status}", text, refs)


def _of_dispute(dispute: Dispute) -> Iterator[Happening]:
    refs = {"dispute": dispute.id, "stripe_dispute": dispute.stripe_id, "payment": dispute.payment}
    reason = dispute.reason.replace("_", " ")
    text = f"The payer disputed {Money(dispute.amount, dispute.currency)} ({reason})."
    stands = DISPUTES[dispute.status]
    if dispute.loss.total:
        stands += f" {Money(dispute.loss.total, dispute.currency)} are owed again."
    yield Happening(dispute.created_at, f"dispute_{dispute.status}", f"{text} {stands}", refs)
    for movement in dispute.movements:
        kind = "withdrawn" if movement.amount >= 0 else "reinstated"
        moved = "took" if movement.amount >= 0 else "brought back"
        said = f"Stripe {moved} {Money(abs(movement.amount), dispute.currency)} of it."
        proof = refs | {"balance_transaction": movement.id}
        yield Happening(movement.at, f"dispute_funds_{kind}", said, proof)


def money_of(amount: int, invoice: Invoice) -> Money:
    """Return an amount in the invoice's currency."""
    return Money(amount, invoice.currency)
