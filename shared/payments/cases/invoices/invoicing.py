"""Create, read, change and withdraw invoices."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from payments.doors.doors import Doors
from payments.doors.store import Change, change
from payments.doors.table import RowChanged
from payments.errors import (
    FeatureDisabled,
    InvalidTransition,
    NumberTaken,
    PaymentInProgress,
    ValidationFailed,
    VersionMismatch,
)
from payments.facts.caller import Caller
from payments.facts.invoice import PAYABLE, Invoice, InvoiceStatus, Line
from payments.facts.ledger import BAD_DEBT, JournalEntry, invoice_entry
from payments.facts.notification import Kind, Notification
from payments.facts.reservation import Reservation
from payments.money import Money, require_representable
from payments.steps.collecting.claims import free_claim
from payments.steps.notifications.outbox import of_invoice


@dataclass(frozen=True, slots=True)
class InvoiceRequest:
    """Either `lines` or `total`, in minor units; where both are given they have to agree."""

    number: str
    customer: str
    currency: str
    module: str | None = None
    order_ref: str | None = None
    lines: tuple[Line, ...] = ()
    total: int | None = None
    allow_partial: bool = False
    min_partial: int | None = None
    due: date | None = None
    draft: bool = False


def create(request: InvoiceRequest, *, invoice_id: str, caller: Caller, doors: Doors) -> Invoice:
    """
    Create an open invoice, or a draft, and return it.

    `invoice_id` belongs to the request: a repeat returns the same invoice.
    """
    invoice = Invoice(
        id=invoice_id,
        tenant=caller.tenant,
        number=request.number,
        customer=request.customer,
        currency=request.currency,
        total=total_of(request.lines, request.total, request.currency),
        created_at=doors.now(),
        module=request.module,
        order_ref=request.order_ref,
        lines=request.lines,
        allow_partial=request.allow_partial,
        min_partial=request.min_partial,
        due=request.due,
        draft=request.draft,
    )
    _require_parties(request, caller, doors)
    name = Reservation(tenant=caller.tenant, kind="NUM", value=request.number, holder=invoice_id)
    created, number = change(invoice), change(name)
    entries = [] if invoice.draft else [change(_finalized(invoice, doors))]
    try:
        doors.store.write(created, number, *entries)
    except RowChanged:
        freed = _number_of_void_draft(invoice, doors)
        if not freed:
            return _existing(invoice, doors)
        try:
            doors.store.write(created, change(name, freed), *entries)
        except RowChanged:
            return _existing(invoice, doors)
    return created.new


def _number_of_void_draft(invoice: Invoice, doors: Doors) -> Reservation | None:
    """Return who has the number, if that is a draft that was withdrawn: nobody ever saw it."""
    taken = doors.store.reservation(invoice.tenant, "NUM", invoice.number)
    if not taken or taken.holder == invoice.id:
        return None
    holder = doors.store.invoice(invoice.tenant, taken.holder)
    return taken if holder.draft and holder.voided_at else None


def _require_parties(request: InvoiceRequest, caller: Caller, doors: Doors) -> None:
    """Refuse an unknown customer, and a module that the invoice may not use."""
    if not request.module:
        doors.store.customer(caller.tenant, request.customer).require_known()
        return
    module, customer = doors.store.module_and_customer(
        caller.tenant, request.module, request.customer
    )
    customer.require_known()
    if request.allow_partial and not module.features.partial:
        raise FeatureDisabled(
            f"Payment module {module.name} does not offer part payments.", feature="partial"
        )


def amend(
    invoice_id: str, changes: dict[str, Any], *, seen: int, caller: Caller, doors: Doors
) -> Invoice:
    """
    Change an invoice that is still at version `seen`, and return it.

    For another amount, an open Checkout Session is expired at Stripe first.
    """
    invoice = doors.store.invoice(caller.tenant, invoice_id)
    if invoice.version != seen:
        raise _changed(invoice)
    if not invoice.draft and invoice.status not in PAYABLE:
        raise InvalidTransition(f"Invoice {invoice.number} is {invoice.status}.")
    if customer := changes.pop("customer", None):
        _require_may_ask(invoice, customer, doors)
        changes["customer"] = customer
    lines, total = changes.pop("lines", None), changes.pop("total", None)
    if lines is None and total is None:
        return _save(invoice.having(**changes), invoice, doors)
    lines = invoice.lines if lines is None and total is None else lines or ()
    total = total_of(lines, total, invoice.currency)
    invoice = _freed(invoice, doors)
    changed = invoice.charge_anew(total, lines).having(**changes).release(doors.now())
    owed = 0 if invoice.draft else changed.total - invoice.total
    entry = invoice_entry(invoice, f"changed#{invoice.version}", owed, doors.now())
    return _save(changed, invoice, doors, entry, *_paid_notice(changed, invoice, doors))


def _require_may_ask(invoice: Invoice, customer: str, doors: Doors) -> None:
    """Refuse another customer for an invoice that has been sent, and one who is not known."""
    if not invoice.draft and customer != invoice.customer:
        raise InvalidTransition(f"Invoice {invoice.number} is {invoice.status}, not a draft.")
    doors.store.customer(invoice.tenant, customer).require_known()


def _paid_notice(new: Invoice, old: Invoice, doors: Doors) -> Iterator[Change[Notification]]:
    """Yield the notice of an invoice whose new amount is paid already: its order is released."""
    if new.status is InvoiceStatus.PAID and old.status is not new.status:
        yield of_invoice(
            Kind.INVOICE_SETTLED,
            f"{old.id}:{old.version}",
            tenant=old.tenant,
            invoice=old.id,
            at=doors.now(),
            **({"released": new.id} if new.frees_after(old) else {}),
        )


def _freed(seen: Invoice, doors: Doors) -> Invoice:
    """Return the invoice without a claim; raise VersionMismatch if anything else has changed."""
    freed = free_claim(seen, supersede=True, doors=doors)
    if freed.having(claim=seen.claim, version=seen.version) != seen:
        raise _changed(freed)
    return freed


def _changed(found: Invoice) -> VersionMismatch:
    return VersionMismatch(f"The invoice is at version {found.version}.", version=found.version)


def finalize(invoice_id: str, *, caller: Caller, doors: Doors) -> Invoice:
    """Open a draft for payment, and return the invoice."""
    invoice = doors.store.invoice(caller.tenant, invoice_id)
    return _save(invoice.finalize(), invoice, doors, _finalized(invoice, doors))


def void(invoice_id: str, *, caller: Caller, doors: Doors) -> Invoice:
    """Void an invoice and return it; an open session is expired at Stripe first."""
    invoice = doors.store.invoice(caller.tenant, invoice_id)
    invoice.require_voidable()
    invoice = free_claim(invoice, supersede=True, doors=doors)
    owed = 0 if invoice.draft else invoice.outstanding
    entry = invoice_entry(invoice, "void", -owed, doors.now())
    return _save(invoice.void(doors.now()), invoice, doors, entry)


def write_off(invoice_id: str, *, caller: Caller, doors: Doors) -> Invoice:
    """Write off what is outstanding, and return the invoice; an open session is expired first."""
    invoice = doors.store.invoice(caller.tenant, invoice_id)
    invoice = free_claim(invoice, supersede=True, doors=doors)
    entry = invoice_entry(invoice, "written_off", -invoice.outstanding, doors.now(), other=BAD_DEBT)
    return _save(invoice.write_off(doors.now()), invoice, doors, entry)


def _finalized(invoice: Invoice, doors: Doors) -> JournalEntry:
    return invoice_entry(invoice, "finalized", invoice.total, doors.now())


def _save(
    new: Invoice,
    old: Invoice,
    doors: Doors,
    entry: JournalEntry | None = None,
    *told: Change[Notification],
) -> Invoice:
    saved = change(new, old)
    try:
        doors.store.write(saved, *([change(entry)] if entry and entry.postings else []), *told)
    except RowChanged:
        held = doors.store.invoice(old.tenant, old.id)
        if held.claim and not old.claim:
            raise PaymentInProgress(f"A payment of invoice {old.number} has just begun.") from None
        raise _changed(held) from None
    return saved.new


def total_of(lines: tuple[Line, ...], asked: int | None, currency: str) -> int:
    """Return the sum of the lines, or the amount asked for; refuse if the two differ."""
    summed = sum(line.amount for line in lines)
    if lines and asked not in {None, summed}:
        raise ValidationFailed(f"The lines sum to {summed}, not to the total given.")
    total = summed if lines else asked
    if not total or total < 1:
        raise ValidationFailed("An invoice needs lines or a total of at least one minor unit.")
    require_representable(Money(total, currency))
    return total


def _existing(invoice: Invoice, doors: Doors) -> Invoice:
    """Return what an earlier try of the request made, or raise that the number is taken."""
    rows = doors.store.invoice_rows(invoice.tenant, invoice.id)
    if rows.invoice:
        return rows.invoice
    raise NumberTaken(f"Invoice number {invoice.number} is taken.", number=invoice.number)
