"""The personal data of an invoice and its payments, and the same rows without it."""

from typing import Any

from payments.facts.attempt import Attempt
from payments.facts.customer import ERASED
from payments.facts.invoice import Invoice
from payments.facts.link import PayLink
from payments.facts.payment import Payment, Remark
from payments.facts.refund import Refund

#: The members of a stored answer that may hold personal data.
NAMES = frozenset(
    {
        "authorization_code",
        "brand",
        "description",
        "email",
        "last4",
        "message",
        "order_ref",
        "payment_method",
        "reason",
        "receipt_url",
        "reference",
    }
)


def is_personal(document: Any) -> bool:
    """Whether a JSON document holds personal data."""
    if isinstance(document, dict):
        names_person = any(name in NAMES and isinstance(document[name], str) for name in document)
        return names_person or any(map(is_personal, document.values()))
    return isinstance(document, list) and any(map(is_personal, document))


def without_person(document: Any) -> Any:
    """Return a JSON document without its personal data."""
    if isinstance(document, dict):
        return {
            name: None if name in NAMES and isinstance(value, str) else without_person(value)
            for name, value in document.items()
        }
    return [without_person(each) for each in document] if isinstance(document, list) else document


def bare_invoice(invoice: Invoice) -> Invoice:
    """Return it without personal data; later payments add none either."""
    lines = tuple(line.having(description=ERASED) for line in invoice.lines)
    return invoice.having(lines=lines, order_ref=None, erased=True)


def bare_payment(payment: Payment) -> Payment:
    """Return it with an empty note."""
    return payment.having(note=Remark())


def bare_refund(refund: Refund) -> Refund:
    """Return it without the words of the caller who asked for it."""
    return refund.having(reason=None)


def bare_link(link: PayLink) -> PayLink:
    """Return it without its message."""
    return link.having(message=None)


def bare_attempt(attempt: Attempt) -> Attempt:
    """Return it without the payer's pages, and their names at Stripe, once it has ended."""
    if attempt.is_open:
        return attempt
    pages = ("session_url", "return_url", "success_url", "cancel_url", "locale", "payer")
    return attempt.having(**dict.fromkeys((*pages, "stripe_customer", "payment_method")))
