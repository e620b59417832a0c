"""The rows that every payment brings, by whatever way it came."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from payments.doors.doors import Doors
from payments.doors.store import Change, change
from payments.facts.attempt import Attempt
from payments.facts.credit import CustomerCredit
from payments.facts.invoice import Invoice
from payments.facts.ledger import JournalEntry, payment_received, recovered, surcharged
from payments.facts.link import PayLink
from payments.facts.notification import Kind, Notification
from payments.facts.payment import Allocation, Payment, Share
from payments.facts.refund import Refund
from payments.steps.notifications.outbox import coverage, of_invoice


def rows_beside(
    payment: Payment, invoices: list[Invoice], paid: list[Invoice], doors: Doors
) -> Iterator[Change[Any]]:
    """Yield the rows that a payment writes beside itself and its invoices, now `paid`."""
    yield change(payment_received(payment).entered(doors.now()))
    yield _payment_notice(payment, invoices, paid, doors)
    for invoice in invoices:
        part = Allocation(invoice=invoice.id, amount=payment.allocated_to(invoice.id))
        if part.amount and invoice.id != payment.invoice:
            yield change(share_of(payment, part, payment.paid_at))
        if part.amount and invoice.written_off_at:
            found = recovered(invoice, payment.source, part.amount, payment.paid_at)
            yield change(found.entered(doors.now()))
    if payment.unapplied:
        yield give_credit(payment, payment.unapplied, doors)


def _payment_notice(
    payment: Payment, invoices: list[Invoice], paid: list[Invoice], doors: Doors
) -> Change[Notification]:
    """Return the notice of a payment: the invoices it covers, and the orders it releases."""
    return of_invoice(
        Kind.PAYMENT_RECEIVED,
        payment.id,
        tenant=payment.tenant,
        invoice=payment.invoice,
        at=doors.now(),
        source=payment.source,
        **coverage(invoices, paid),
    )


def surcharge_entry(
    payment: Payment, before: Invoice, after: Invoice, now: datetime
) -> Iterator[Change[JournalEntry]]:
    """Yield the journal entry of the surcharge, if there is one."""
    if extra := after.surcharged - before.surcharged:
        yield change(surcharged(after, extra, payment).entered(now))


def give_back_excess(
    payment: Payment, invoices: list[Invoice], doors: Doors
) -> tuple[Payment, list[Refund]]:
    """
    Return the payment and, if the tenant wants that, a refund of what no invoice needs.

    The sweep sends the refund. If one of the invoices is void, the tenant's rule for late payments
    counts.
    """
    excess = payment.unapplied
    if not excess:
        return payment, []
    settings = doors.store.settings(payment.tenant)
    late = any(invoice.voided_at for invoice in invoices)
    if (settings.late_payment if late else settings.overpayment) == "credit":
        return payment, []
    refund = Refund.of(
        payment,
        id=doors.new_id("rfd"),
        amount=excess,
        unapplied=excess,
        origin="late_payment" if late else "overpayment",
        created_at=doors.now(),
        sweep_at=doors.now(),
    )
    promised = payment.give_back(pending=excess, given=0, credit=excess)
    return promised.having(refunds=(refund.id,)), [refund]


def link_filled(payment: Payment, attempt: Attempt, doors: Doors) -> Iterator[Change[PayLink]]:
    """Yield the link over a fixed part, with what came through it."""
    if attempt.fills_link and attempt.link:
        link = doors.store.link(payment.tenant, payment.invoice, attempt.link)
        came = link.paid + payment.allocated_to(payment.invoice)
        yield change(link.having(paid=came), link)


def share_of(payment: Payment, part: Allocation, at: datetime) -> Share:
    """Return the row that shows a payment at an invoice that is not its first."""
    return Share(
        tenant=payment.tenant,
        invoice=part.invoice,
        home=payment.invoice,
        payment=payment.id,
        source=payment.source,
        amount=part.amount,
        at=at,
    )


def overpaying(
    payment: Payment, amount: int, moved: Iterable[Change[Invoice]], doors: Doors
) -> list[Change[Invoice]]:
    """
    Return the changes of invoices, with `amount` more or less as overpayment of the first one.

    The payment's first invoice is read if it is not among `moved`.
    """
    changes = {each.new.id: each for each in moved}
    if amount:
        home = changes.get(payment.invoice)
        if not home:
            read = doors.store.invoice(payment.tenant, payment.invoice)
            home = change(read, read)
        changes[payment.invoice] = change(home.new.overpay(amount), home.old)
    return list(changes.values())


def give_credit(payment: Payment, amount: int, doors: Doors) -> Change[CustomerCredit]:
    """Return the change of the customer's credit; a negative `amount` uses it."""
    # Money from outside Stripe is always live.
    mode = payment.mode or "live"
    found = doors.store.credit(payment.tenant, payment.customer, mode, payment.currency)
    fresh = CustomerCredit(
        tenant=payment.tenant, customer=payment.customer, currency=payment.currency, mode=mode
    )
    known = found or fresh
    return change(known.having(balance=known.balance + amount), found)
