"""What a pay link asks its payer for, and whether anything may be paid through it now."""

from payments.errors import AmountTooSmall
from payments.facts.invoice import Invoice
from payments.facts.link import PayLink
from payments.money import Money, least_charge
from payments.steps.links.link_tokens import Behind
from payments.steps.modules.permissions import Permitted, require_same_books


def require_open(found: Behind, invoice: Invoice) -> Permitted:
    """Refuse where the merchant takes no payment of this customer by link now."""
    found.module.require("link")
    permitted = Permitted.by(found.module, found.account)
    require_same_books(invoice, permitted)
    found.customer.require_enabled()
    return permitted


def part_of(link: PayLink, invoice: Invoice, chosen: int | None) -> int | None:
    """Return what is asked for, None for all that is left; a fixed part is never more than that."""
    left = invoice.collectable + invoice.reserved
    if link.rule == "choose" and chosen is not None:
        if chosen < min(left, least_of(link, invoice)):
            least = Money(least_of(link, invoice), invoice.currency)
            raise AmountTooSmall(f"The least that can be paid is {least}.")
        return chosen
    return None if link.amount is None or link.amount >= left else link.amount


def least_of(link: PayLink, invoice: Invoice) -> int:
    """Return the smallest part that a payer may choose."""
    return max(link.least or 0, invoice.min_partial or 0, least_charge(invoice.currency))
