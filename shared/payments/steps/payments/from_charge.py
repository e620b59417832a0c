"""Build a payment from a charge at Stripe: its parts of the invoices, and its fees."""

from datetime import UTC, datetime

from payments.doors.doors import Doors
from payments.doors.store import change
from payments.facts.attempt import Attempt
from payments.facts.invoice import Invoice, Trouble
from payments.facts.ledger import fee_taken, payment_settled, platform_fee_returned
from payments.facts.payment import Fee, FeeDetail, Payment, Remark, allocate
from payments.facts.stripe_objects import ApplicationFee, BalanceTransaction, Charge, Intent


def payment_of(attempt: Attempt, invoices: list[Invoice], intent: Intent, payment: str) -> Payment:
    """Return the payment of a succeeded intent, divided among the invoices as they were read."""
    charge, paid_at = intent.charge, datetime.fromtimestamp(intent.charge.created, UTC)
    owed = {each.id: each.owed if each.takes(attempt.mode) else 0 for each in invoices}
    fee = fee_of(charge)
    allocations, unapplied = allocate(charge.amount, attempt.shares, owed)
    remark = Remark(
        brand=charge.card.brand,
        last4=charge.card.last4,
        authorization_code=charge.card.authorization_code,
        receipt_url=charge.receipt_url,
    )
    return Payment(
        id=payment,
        tenant=attempt.tenant,
        invoice=attempt.invoice,
        attempt=attempt.id,
        customer=attempt.customer,
        account=attempt.account,
        mode=attempt.mode,
        payment_intent=intent.id,
        charge=charge.id,
        gross=charge.amount,
        currency=charge.currency,
        allocations=allocations,
        unapplied=unapplied,
        application_fee=attempt.application_fee,
        fee=fee,
        settled=charge.settled,
        note=Remark() if any(invoice.erased for invoice in invoices) else remark,
        paid_at=paid_at,
    )


def fee_of(charge: Charge) -> Fee:
    """Return Stripe's fee for a charge; it may not be known yet."""
    booked = charge.balance_transaction
    if not isinstance(booked, BalanceTransaction):
        return Fee()
    return Fee(
        state="known",
        amount=booked.fee,
        net=booked.net,
        currency=booked.currency,
        balance_transaction=booked.id,
        fee_details=tuple(FeeDetail(**dict(part)) for part in booked.fee_details),
    )


def apply_fees(payment: Payment, charge: Charge, *, at: datetime, doors: Doors) -> None:
    """
    Enter Stripe's fee once its balance transaction is known, and any fee that was given back.

    A conversion by Stripe becomes known together with the fee. The platform gives its own fee back
    with a refund or, `at` a time that Stripe does not state, by itself.
    """
    known, fee, entries = payment, fee_of(charge), []
    if payment.fee.state == "pending" and fee.state == "known":
        known = known.with_fee(fee)
        entries.append(fee_taken(known, fee))
    if charge.settled and not payment.settled:
        known = known.having(settled=charge.settled)
        entries.append(payment_settled(known))
    back = fee_given_back(charge)
    if back > payment.application_fee_refunded:
        entries.append(platform_fee_returned(known, back, at))
        known = known.having(application_fee_refunded=back)
    if entries:
        entered = (change(entry.entered(doors.now())) for entry in entries)
        doors.store.write(change(known, payment), *entered)


def fee_given_back(charge: Charge | str | None) -> int:
    """Return the total that the platform has given back of its fee."""
    fee = charge.application_fee if isinstance(charge, Charge) else None
    return fee.amount_refunded if isinstance(fee, ApplicationFee) else 0


def surcharged_with(invoices: list[Invoice], attempt: Attempt, charge: Charge) -> list[Invoice]:
    """
    Return the invoices with the surcharge of a charge as a line of the first one.

    So it is paid, refunded and disputed with that invoice. A void invoice takes no line: the whole
    payment becomes credit.
    """
    home, *others = invoices
    extra = min(attempt.surcharge, max(0, charge.amount - attempt.amount))
    return invoices if home.voided_at or not extra else [home.surcharge(extra), *others]


def paid_by(invoice: Invoice, payment: Payment, done: Attempt) -> Invoice:
    """Return the invoice with its part of the payment; the first invoice takes the excess."""
    home = invoice.id == payment.invoice
    beyond = payment.unapplied + payment.returned if home else 0
    part = payment.allocated_to(invoice.id)
    paid = invoice.receive(part, beyond=beyond).follow(done)
    if part:
        paid = paid.bind(payment.account, payment.mode)
    wrong = home and payment.gross != done.charged
    return paid.having(exception=Trouble.AMOUNT_MISMATCH) if wrong else paid
