"""One claim an invoice: claim and attempt are written before Stripe is asked for anything."""

from collections.abc import Callable

from payments.doors.doors import Doors
from payments.doors.store import Change, change
from payments.doors.table import RowChanged
from payments.errors import InvoiceNotPayable, PaymentInProgress, TooMuchContention
from payments.facts.attempt import SWEEP_AFTER, Attempt
from payments.facts.customer import CardUse
from payments.facts.invoice import Invoice
from payments.facts.outcome import OutcomeUnknown
from payments.steps.collecting.close_attempt import close
from payments.steps.retry import retrying

TRIES = 4


def claim(
    invoices: list[Invoice],
    propose: Callable[[list[Invoice]], Attempt],
    *,
    supersede: bool,
    doors: Doors,
) -> Attempt:
    """
    Return the attempt that `propose` makes, with the claim of all the invoices.

    With `supersede`, an attempt that waits for a payer is closed at Stripe first. Raise
    PaymentInProgress where another attempt may still bring money, or wins every race.
    """
    # The rows that the caller has just read serve for the first try, at their versions.
    read = [invoices]

    def step() -> Attempt:
        present = read.pop() if read else _read_again(invoices, doors)
        present = [free_claim(each, supersede=supersede, doors=doors) for each in present]
        attempt = propose(present)
        created = change(attempt)
        taken = (change(each.claim_for(attempt), each) for each in present)
        try:
            doors.store.write(*taken, created, *_uses(attempt))
        except TooMuchContention:
            raise RowChanged from None
        return created.new

    detail = f"Invoice {invoices[0].number} kept changing; nothing was charged."
    try:
        return retrying(step, doors, detail, tries=TRIES)
    except TooMuchContention:
        for each in _read_again(invoices, doors):
            if each.claim:
                raise in_progress(each, each.claim.attempt) from None
        raise


def _read_again(invoices: list[Invoice], doors: Doors) -> list[Invoice]:
    return [doors.store.invoice(each.tenant, each.id) for each in invoices]


def _uses(attempt: Attempt) -> list[Change[CardUse]]:
    """Return the row that keeps a saved card from being detached while the attempt is open."""
    method = attempt.payment_method
    return [change(CardUse.of(attempt, method))] if method else []


def free_claim(invoice: Invoice, *, supersede: bool, doors: Doors) -> Invoice:
    """
    Return the invoice without a claim.

    With `supersede`, an attempt that waits for a payer or a bank is closed at Stripe first.
    """
    held = invoice.claim
    if not held:
        return invoice
    attempt = doors.store.attempt(invoice.tenant, held.home or invoice.id, held.attempt)
    if not attempt or not attempt.gives_way or not supersede:
        raise in_progress(invoice, held.attempt)
    try:
        close(attempt, doors)
    except OutcomeUnknown:
        raise in_progress(invoice, held.attempt) from None
    invoice = doors.store.invoice(invoice.tenant, invoice.id)
    if invoice.claim:
        # The attempt did not end, or another one took the claim meanwhile.
        raise in_progress(invoice, invoice.claim.attempt)
    if not invoice.outstanding:
        raise InvoiceNotPayable(f"Invoice {invoice.number} has just been paid.", invoice=invoice.id)
    return invoice


def end_soon(invoice: Invoice, doors: Doors) -> Change[Attempt] | None:
    """
    Return the change that lets the sweep soon end an attempt for more than is owed, or None.

    While a debt is being paid, money that was refunded or disputed may come back.
    """
    held = invoice.claim
    if not held or held.amount <= invoice.outstanding:
        return None
    attempt = doors.store.attempt(invoice.tenant, held.home or invoice.id, held.attempt)
    soon = doors.now() + SWEEP_AFTER
    if not attempt or not attempt.is_open or attempt.is_hastened(soon):
        return None
    return change(attempt.having(sweep_at=soon), attempt)


def in_progress(invoice: Invoice, attempt: str) -> PaymentInProgress:
    """Return the refusal that names the attempt with the claim."""
    return PaymentInProgress(
        f"A payment of invoice {invoice.number} is in progress.", attempt_id=attempt
    )
