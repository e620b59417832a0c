"""What may be paid through a pay link now; its page and a press of Pay both ask here."""

from datetime import datetime
from enum import StrEnum

from payments.errors import (
    AmountTooLarge,
    AmountTooSmall,
    InvoiceNotPayable,
    PaymentInProgress,
    PaymentsError,
)
from payments.facts.account import Account
from payments.facts.claim import Collection
from payments.facts.invoice import Invoice, InvoiceStatus
from payments.facts.link import PayLink
from payments.facts.module import PaymentModule
from payments.money import Money, part_within
from payments.steps.links.link_tokens import Behind
from payments.steps.modules.permissions import (
    Permitted,
    least_at_once,
    most_at_once,
    require_same_books,
)


class LinkState(StrEnum):
    """What the link's page says."""

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
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    #: The fixed part has come, and the rest can be paid, as the rest.
    PART_PAID = "part_paid"


_ENDS = {
    InvoiceStatus.VOID: LinkState.VOID,
    InvoiceStatus.DRAFT: LinkState.DRAFT,
    InvoiceStatus.PAID: LinkState.PAID,
    InvoiceStatus.REFUNDED: LinkState.REFUNDED,
    InvoiceStatus.UNCOLLECTIBLE: LinkState.CLOSED,
}


def state_of(found: Behind, now: datetime) -> LinkState:
    """Return what the link's page says now: PAYABLE exactly where a press of Pay is accepted."""
    invoice, filled = found.invoice, found.link.is_filled
    if hindrance := _hindrance(found.link, invoice, now):
        return hindrance
    try:
        if invoice.waits_for_payer:
            # The payer was asked for this confirmation before.
            _permitted(found)
        else:
            require_payable(found, None, now, rest=filled)
    except AmountTooSmall:
        return LinkState.TOO_SMALL
    except AmountTooLarge:
        return LinkState.TOO_LARGE
    except PaymentsError:
        return LinkState.UNAVAILABLE
    if invoice.waits_for_payer:
        return LinkState.CONFIRM
    return LinkState.PART_PAID if filled else LinkState.PAYABLE


def require_payable(
    found: Behind, chosen: int | None, now: datetime, *, rest: bool = False
) -> tuple[Permitted, Money]:
    """
    Return the module that the payer pays through now, and the amount.

    `chosen` is what a payer who may choose has chosen, and `rest` says that they know that the part
    which the link is for has come. Raise what hinders it, in the order in which
    the page tells of it.
    """
    link, invoice = found.link, found.invoice
    hindrance = _hindrance(link, invoice, now)
    require_in_use(link, now)
    invoice.require_payable()
    if link.is_filled and not rest:
        raise InvoiceNotPayable(f"The part that link {link.id} is for is paid.", invoice=invoice.id)
    if invoice.claim and hindrance:
        raise PaymentInProgress(
            f"A payment of invoice {invoice.number} is in progress.",
            attempt_id=invoice.claim.attempt,
        )
    permitted = _permitted(found)
    money = invoice.require_collectable(part_of(found, invoice, chosen), beside=invoice.reserved)
    permitted.require_money(money, invoice.collectable + invoice.reserved - money.amount)
    return permitted, money


def require_in_use(link: PayLink, now: datetime) -> None:
    """Refuse a link that was withdrawn or replaced, or has expired."""
    if not link.is_usable(now):
        raise InvoiceNotPayable(f"Pay link {link.id} is not in use any more.", invoice=link.invoice)


def part_of(found: Behind, invoice: Invoice, chosen: int | None) -> int | None:
    """
    Return the amount to ask for, or None for all that is left; a fixed part is at most that.

    Where more is left than one charge takes and parts are allowed, it is the largest part.
    """
    if found.link.rule != "choose" or chosen is None:
        return largest_part(invoice, found.module, found.account, found.link.asks)
    if chosen < (least := least_of(found, invoice)):
        raise AmountTooSmall(f"The least that can be paid is {Money(least, invoice.currency)}.")
    return chosen


def largest_part(
    invoice: Invoice, module: PaymentModule, account: Account, amount: int | None
) -> int | None:
    """Return the most that one charge may take, up to `amount`, or None for all that is left."""
    left, least = invoice.collectable + invoice.reserved, least_at_once(module, invoice.currency)
    wanted = min(left, amount or left)
    if invoice.allow_partial and module.features.partial:
        wanted = min(wanted, most_at_once(module, account, invoice.currency))
    part = part_within(left, wanted, least)
    return None if part >= left or part < least else part


def least_of(found: Behind, invoice: Invoice) -> int:
    """Return the least that a payer may choose, or all where a part would leave too little."""
    left, least = (
        invoice.collectable + invoice.reserved,
        least_at_once(found.module, invoice.currency),
    )
    part = max(least, found.link.least or 0, invoice.min_partial or 0)
    return left if left - part < least else part


def most_of(found: Behind) -> int:
    """Return the most that a payer may choose: all that is left, or the most of one charge."""
    left = found.invoice.collectable + found.invoice.reserved
    return min(left, most_at_once(found.module, found.account, found.invoice.currency))


def _hindrance(link: PayLink, invoice: Invoice, now: datetime) -> LinkState | None:
    """Return why nothing can be paid through the link, the most certain reason first, or None."""
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


def _permitted(found: Behind) -> Permitted:
    """Return the module to pay through; refuse if this customer may not pay by link now."""
    found.module.require("link")
    permitted = Permitted.by(found.module, found.account)
    require_same_books(found.invoice, permitted)
    found.customer.require_enabled()
    return permitted
