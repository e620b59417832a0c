"""Create, read, change and withdraw invoices."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from payments.doors.doors import Doors
from payments.doors.store import Reservation, change
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
from payments.facts.invoice import PAYABLE, Invoice, Line
from payments.money import Money, require_representable
from payments.steps.claiming import release
from payments.steps.permitting import require_grant


@dataclass(frozen=True, slots=True)
class InvoiceRequest:
    """
    Either `lines` or `total`; where both are given they have to agree.

    Amounts in minor units.
    """

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
    Create an open invoice, or a draft.

    `invoice_id` is the request's own: a repeat returns the same one.
    """
    invoice = Invoice(
        id=invoice_id,
        tenant=caller.tenant,
        number=request.number,
        customer=request.customer,
        currency=request.currency,
        total=_total(request),
        created_at=doors.now(),
        module=request.module,
        order_ref=request.order_ref,
        lines=request.lines,
        allow_partial=request.allow_partial,
        min_partial=request.min_partial,
        due=request.due,
        draft=request.draft,
    )
    doors.store.customer(caller.tenant, request.customer)
    if request.module:
        module = require_grant(caller, request.module, doors)
        if request.allow_partial and not module.features.partial:
            raise FeatureDisabled(
                f"Payment module {module.name} does not offer part payments.", feature="partial"
            )
    number = Reservation(tenant=caller.tenant, kind="NUM", value=request.number, holder=invoice_id)
    created = change(invoice)
    try:
        doors.store.write(created, change(number))
    except RowChanged:
        return _existing(invoice, doors)
    return created.new


def amend(
    invoice_id: str, changes: dict[str, Any], *, seen: int, caller: Caller, doors: Doors
) -> Invoice:
    """Change anything but the amount, if the invoice is still at version `seen`."""
    invoice = doors.store.invoice(caller.tenant, invoice_id)
    if invoice.version != seen:
        raise VersionMismatch(
            f"The invoice is at version {invoice.version}.", version=invoice.version
        )
    if not invoice.draft and invoice.status not in PAYABLE:
        raise InvalidTransition(f"Invoice {invoice.number} is {invoice.status}.")
    return _save(invoice.having(**changes), invoice, doors)


def finalize(invoice_id: str, *, caller: Caller, doors: Doors) -> Invoice:
    """Open a draft for payment."""
    invoice = doors.store.invoice(caller.tenant, invoice_id)
    return _save(invoice.finalize(), invoice, doors)


def void(invoice_id: str, *, caller: Caller, doors: Doors) -> Invoice:
    """Withdraw an invoice; an open session is expired at Stripe first."""
    invoice = doors.store.invoice(caller.tenant, invoice_id)
    if invoice.paid:
        raise InvalidTransition(
            f"Invoice {invoice.number} has been paid in part and cannot be voided."
        )
    invoice = release(invoice, supersede=True, doors=doors)
    return _save(invoice.void(doors.now()), invoice, doors)


def _save(new: Invoice, old: Invoice, doors: Doors) -> Invoice:
    try:
        return doors.store.save(new, old)
    except RowChanged:
        held = doors.store.invoice(old.tenant, old.id)
        if held.claim and not old.claim:
            raise PaymentInProgress(f"A payment of invoice {old.number} has just begun.") from None
        raise VersionMismatch(
            f"The invoice is at version {held.version}.", version=held.version
        ) from None


def _total(request: InvoiceRequest) -> int:
    summed = sum(line.amount for line in request.lines)
    if request.lines and request.total not in {None, summed}:
        raise ValidationFailed(f"The lines sum to {summed}, not to the total given.")
    total = summed if request.lines else request.total
    if not total or total < 1:
        raise ValidationFailed("An invoice needs lines or a total of at least one minor unit.")
    require_representable(Money(total, request.currency))
    return total


def _existing(invoice: Invoice, doors: Doors) -> Invoice:
    """Return what an earlier run of the request made, or say that the number is taken."""
    rows = doors.store.invoice_rows(invoice.tenant, invoice.id)
    if rows.invoice:
        return rows.invoice
    raise NumberTaken(f"Invoice number {invoice.number} is taken.", number=invoice.number)
