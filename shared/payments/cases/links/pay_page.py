"""A pay link as its payer sees it: what the page tells today, and what may be paid on it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from payments.doors.doors import Doors
from payments.doors.rows.invoices import InvoiceRows
from payments.errors import PaymentsError
from payments.facts.attempt import Attempt, AttemptStatus
from payments.facts.claim import Collection
from payments.facts.customer import SavedMethod
from payments.facts.invoice import Invoice, InvoiceStatus
from payments.facts.link import PayLink
from payments.facts.module import PaymentModule
from payments.facts.payment import Payment
from payments.facts.settings import Settings
from payments.money import Money, least_charge, step
from payments.steps.links.bank_confirmation import card_of, waiting_for
from payments.steps.links.link_tokens import Behind, behind
from payments.steps.links.payability import least_of, part_of, require_open
from payments.steps.modules.permissions import (
    surcharge_of,
)


class LinkState(StrEnum):
    """What the page has to say."""

    PAYABLE = "payable"
    CONFIRM = "confirm"
    IN_PROGRESS = "in_progress"
    PROCESSING = "processing"
    PAID = "paid"
    REFUNDED = "refunded"
    VOID = "void"
    DRAFT = "draft"
    CLOSED = "closed"
    DISPUTED = "disputed"
    REVOKED = "revoked"
    REPLACED = "replaced"
    EXPIRED = "expired"
    UNAVAILABLE = "unavailable"


_ENDS = {
    InvoiceStatus.VOID: LinkState.VOID,
    InvoiceStatus.DRAFT: LinkState.DRAFT,
    InvoiceStatus.PAID: LinkState.PAID,
    InvoiceStatus.REFUNDED: LinkState.REFUNDED,
    InvoiceStatus.UNCOLLECTIBLE: LinkState.CLOSED,
}


@dataclass(frozen=True, slots=True)
class Received:
    """What of a payment counts for the invoice, and what of it was given back."""

    payment: Payment
    amount: int
    refunded: int


@dataclass(frozen=True, slots=True)
class LinkView:
    """What the payer's page shows; `part` is what Pay asks for, or offers to one who chooses."""

    state: LinkState
    link: PayLink
    invoice: Invoice
    module: PaymentModule
    merchant: str
    settings: Settings
    received: tuple[Received, ...] = ()
    left: int = 0
    part: int = 0
    least: int = 0
    #: What is paid on top of `part`.
    surcharge: int = 0
    most: int = 0
    #: A payment through the page came to nothing after the payer had left it, as debits do.
    failed_at: datetime | None = None
    #: What waits for the payer to confirm it with their bank, and the card that is to pay it.
    waiting: Attempt | None = None
    card: SavedMethod | None = None

    @property
    def may_choose(self) -> bool:
        """Whether the payer decides how much; not where only one amount is left to choose."""
        return self.link.rule == "choose" and self.least < self.left


def view(token: str, *, doors: Doors) -> LinkView:
    """
    Return what the link's page shows today.

    Reading changes nothing, since mail scanners read too.
    """
    found = behind(token, doors)
    link, module, settings = found.link, found.module, found.settings
    rows = doors.store.invoice_rows(link.tenant, link.invoice)
    invoice = rows.require_invoice()
    left = invoice.collectable + invoice.reserved
    least, bound = module.terms.bounds(invoice.currency)
    most = min(left, bound or left)
    waiting, state = waiting_for(invoice, doors), _state(found, invoice, doors.now())
    if state is LinkState.CONFIRM and not waiting:
        # Decided while this was read.
        state = LinkState.IN_PROGRESS
    part = min(link.amount or left, left, most if link.rule == "choose" else left)
    return LinkView(
        state=state,
        link=link,
        invoice=invoice,
        module=module,
        merchant=settings.name or found.account.name,
        settings=settings,
        received=_received(rows, doors),
        left=left,
        part=part,
        surcharge=surcharge_of(module, found.account, Money(part, invoice.currency)),
        least=min(left, max(least, least_of(link, invoice))),
        most=most,
        failed_at=_failed_at(rows),
        waiting=waiting,
        card=card_of(waiting, doors) if waiting else None,
    )


def wrong_part(view: LinkView, amount: int) -> str:
    """Say what keeps a payer from choosing this part, or nothing."""
    rest = view.left - amount
    if amount < view.least or amount % step(view.invoice.currency):
        return "too_small" if amount < view.least else "unreadable"
    if amount > view.most:
        return "too_large"
    return "rest" if 0 < rest < least_charge(view.invoice.currency) else ""


def _state(found: Behind, invoice: Invoice, now: datetime) -> LinkState:
    link = found.link
    if hindrance := _hindrance(link, invoice, now):
        return hindrance
    try:
        permitted = require_open(found, invoice)
        money = invoice.require_collectable(part_of(link, invoice, None), beside=invoice.reserved)
        if link.rule != "choose" and not invoice.waits_for_payer:
            permitted.module.terms.require_money(money)
    except PaymentsError:
        return LinkState.UNAVAILABLE
    return LinkState.CONFIRM if invoice.waits_for_payer else LinkState.PAYABLE


def _hindrance(link: PayLink, invoice: Invoice, now: datetime) -> LinkState | None:
    """Return why nothing can be paid through the link, what is most certain first."""
    if link.status != "active":
        return LinkState(link.status)
    held = invoice.claim is not None and not invoice.claim.gives_way
    reasons = (
        (invoice.status in _ENDS, _ENDS.get(invoice.status)),
        (invoice.open_disputes > 0, LinkState.DISPUTED),
        (invoice.collection is Collection.PROCESSING, LinkState.PROCESSING),
        (link.has_expired(now), LinkState.EXPIRED),
        (held, LinkState.IN_PROGRESS),
    )
    return next((state for holds, state in reasons if holds), None)


def _received(rows: InvoiceRows, doors: Doors) -> tuple[Received, ...]:
    """Return what was paid, oldest first, with what of it was given back."""
    invoice = rows.require_invoice()
    elsewhere = doors.store.shared(rows.shares)
    refunds = rows.refunds + doors.store.refunds_of(*elsewhere)
    found = sorted(rows.payments + elsewhere, key=lambda each: each.paid_at)
    back = {
        payment.id: sum(
            refund.share_of(invoice.id)
            for refund in refunds
            if refund.is_given and refund.payment == payment.id
        )
        for payment in found
    }
    return tuple(
        Received(payment, payment.allocated_to(invoice.id), back[payment.id])
        for payment in found
        if payment.allocated_to(invoice.id)
    )


def _failed_at(rows: InvoiceRows) -> datetime | None:
    """Return when the payer's last attempt failed, unless another has followed it."""
    last = max(rows.attempts, key=lambda each: (each.created_at, each.id), default=None)
    if not last or last.status is not AttemptStatus.FAILED:
        return None
    if not last.channel.has_payer and not last.confirmations:
        return None
    return last.changed_at
