"""Book money that comes without Stripe, by bank or in cash, and pay invoices with credit."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from payments.doors.doors import Doors
from payments.doors.store import Change, change
from payments.errors import ExceedsCredit, InvoiceNotPayable, PaymentInProgress, ValidationFailed
from payments.facts.caller import Caller
from payments.facts.invoice import Invoice
from payments.facts.ledger import credit_applied, credit_fact
from payments.facts.notification import Kind, Notification
from payments.facts.payment import Allocation, Fee, Method, Payment, Remark, Share, allocate
from payments.money import Money, require_representable
from payments.steps.collecting.claims import end_soon, free_claim
from payments.steps.notifications.outbox import coverage, of_invoice
from payments.steps.payments.payment_rows import give_credit, overpaying, rows_beside, share_of
from payments.steps.retry import retrying

TRIES = 4


#: By how much a caller's clock, and its date, may be ahead of ours.
AHEAD = timedelta(days=1)
#: An earlier time comes from a program that has none and writes year 1, or 1970.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class OfflinePayment:
    """`amount` is in the invoice's minor units; `reference` is the bank statement's text."""

    amount: int
    method: Method
    received_at: datetime | None = None
    reference: str | None = None


def record_payment(
    request: OfflinePayment, invoice_id: str, *, payment_id: str, caller: Caller, doors: Doors
) -> Payment:
    """
    Book money that came without Stripe, and return the payment.

    An open Checkout Session is expired at Stripe first. `payment_id` belongs to the request: a
    repeat finds the payment. An amount beyond what is owed becomes the customer's credit.
    """

    def step() -> Payment:
        found = doors.store.payment(caller.tenant, invoice_id, payment_id)
        if found:
            return found
        invoice = doors.store.invoice(caller.tenant, invoice_id)
        require_representable(Money(request.amount, invoice.currency))
        invoice = _cleared(invoice, doors)
        # Asked of what is written over: it may have been voided while its page was closed.
        if invoice.draft or invoice.voided_at:
            raise InvoiceNotPayable(f"Invoice {invoice.number} is {invoice.status}.")
        payment = _offline(request, invoice, payment_id, doors)
        received = invoice.receive(payment.allocated_to(invoice.id), beyond=payment.unapplied)
        paid = received.release(doors.now())
        hastened = end_soon(paid, doors)
        rows = [*rows_beside(payment, [invoice], [paid], doors), *([hastened] if hastened else [])]
        doors.store.write(change(payment), change(paid, invoice), *rows)
        return payment

    detail = "The invoice kept changing; nothing was booked."
    return retrying(step, doors, tries=TRIES, pausing=False, detail=detail)


def _cleared(invoice: Invoice, doors: Doors) -> Invoice:
    """
    Return the invoice without what waits for a payer, if Stripe lets that be closed.

    Money that has come is booked beside what cannot be stopped any more, as a bank debit: what that
    brings later is too much then, and so the customer's credit.
    """
    try:
        return free_claim(invoice, supersede=True, doors=doors)
    except PaymentInProgress:
        return doors.store.invoice(invoice.tenant, invoice.id)


@dataclass(frozen=True, slots=True)
class CreditRequest:
    """The invoice to pay; an `amount` of None is all that the credit and the invoice allow."""

    payment: str
    invoice: str
    amount: int | None = None


def apply_credit(
    request: CreditRequest, *, allocation_id: str, caller: Caller, doors: Doors
) -> Payment:
    """
    Pay another invoice of the customer with the unapplied part of a payment; return the payment.

    `allocation_id` belongs to the request: a repeat finds its entry in the journal.
    """
    payment = doors.store.named(Payment, caller.tenant, request.payment)
    fact = credit_fact(allocation_id)

    def step() -> Payment:
        seen = doors.store.payment(payment.tenant, payment.invoice, payment.source) or payment
        invoice = doors.store.invoice(payment.tenant, request.invoice)
        if doors.store.is_entered(payment.tenant, invoice.id, fact):
            return seen
        part = _part(request.amount, seen, invoice)
        applied = seen.having(
            unapplied=seen.unapplied - part.amount, allocations=(*seen.allocations, part)
        )
        # From now on it is of the credit's mode: money of tests is not topped up with live money.
        mine = _bound(invoice, payment)
        paid = mine.receive(part.amount).release(doors.now())
        doors.store.write(
            change(applied, seen),
            *overpaying(seen, -part.amount, [change(paid, invoice)], doors),
            *_shared(applied, invoice, doors),
            give_credit(seen, -part.amount, doors),
            change(credit_applied(seen, part, fact, doors.now())),
            _credit_notice(invoice, paid, payment, fact, doors),
        )
        return applied

    return retrying(step, doors, "The payment or the invoice kept changing; no credit was used.")


def _credit_notice(
    before: Invoice, paid: Invoice, payment: Payment, fact: str, doors: Doors
) -> Change[Notification]:
    return of_invoice(
        Kind.CREDIT_APPLIED,
        fact,
        tenant=paid.tenant,
        invoice=paid.id,
        at=doors.now(),
        home=payment.invoice,
        source=payment.source,
        amount=str(paid.paid - before.paid),
        **coverage([before], [paid]),
    )


def _bound(invoice: Invoice, payment: Payment) -> Invoice:
    """Return the invoice in the mode of the credit that pays it; cash is of none."""
    account = invoice.account if invoice.mode == payment.mode else None
    return invoice.bind(account, payment.mode) if payment.mode else invoice


def _part(asked: int | None, payment: Payment, invoice: Invoice) -> Allocation:
    _require_fits(payment, invoice)
    most = min(payment.spendable, invoice.collectable)
    part = Allocation(invoice=invoice.id, amount=asked or most)
    if not 0 < part.amount <= most:
        raise ExceedsCredit(
            f"{Money(payment.spendable, payment.currency)} of the payment are unapplied, and "
            f"{Money(invoice.collectable, invoice.currency)} can be paid.",
            unapplied=payment.spendable,
            collectable=invoice.collectable,
        )
    return part


def _shared(applied: Payment, invoice: Invoice, doors: Doors) -> Iterator[Change[Share]]:
    """Yield the row that shows the payment at an invoice that is not its first."""
    if invoice.id != applied.invoice:
        known = doors.store.share(applied.tenant, invoice.id, applied.id)
        whole = Allocation(invoice=invoice.id, amount=applied.allocated_to(invoice.id))
        yield change(share_of(applied, whole, doors.now()), known)


def _require_fits(payment: Payment, invoice: Invoice) -> None:
    if (payment.customer, payment.currency) != (invoice.customer, invoice.currency):
        raise ValidationFailed("Credit pays invoices of its own customer, in its own currency.")
    if payment.mode and not invoice.takes(payment.mode):
        raise ValidationFailed("Money of test mode pays no live invoice, nor the other way round.")
    invoice.require_payable()


def _offline(request: OfflinePayment, invoice: Invoice, ident: str, doors: Doors) -> Payment:
    received = request.received_at or doors.now()
    if received > doors.now() + AHEAD:
        raise ValidationFailed("Money that is still to come is not booked: received_at is ahead.")
    if received < EARLIEST:
        raise ValidationFailed("No money came so long ago: received_at is before 2000.")
    asked = (Allocation(invoice=invoice.id, amount=request.amount),)
    allocations, unapplied = allocate(request.amount, asked, {invoice.id: invoice.owed})
    return Payment(
        id=ident,
        tenant=invoice.tenant,
        invoice=invoice.id,
        customer=invoice.customer,
        mode=invoice.mode if invoice.is_bound else None,
        method=request.method,
        gross=request.amount,
        currency=invoice.currency,
        allocations=allocations,
        unapplied=unapplied,
        fee=Fee(state="known", amount=0, net=request.amount, currency=invoice.currency),
        note=Remark(reference=request.reference),
        paid_at=received,
    )
