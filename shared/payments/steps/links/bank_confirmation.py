"""Find the charge that waits for its payer to confirm it with their bank."""

from payments.doors.doors import Doors
from payments.facts.attempt import Attempt
from payments.facts.customer import SavedMethod
from payments.facts.invoice import Invoice


def waiting_for(invoice: Invoice, doors: Doors) -> Attempt | None:
    """Return the attempt that waits for the invoice's payer, or None."""
    held = invoice.claim
    if not held or not invoice.waits_for_payer:
        return None
    attempt = doors.store.attempt(invoice.tenant, held.home or invoice.id, held.attempt)
    return attempt if attempt and attempt.waits and attempt.asks_payer else None


def card_of(attempt: Attempt, doors: Doors) -> SavedMethod | None:
    """Return the card that the attempt charges, as its owner sees it described."""
    return doors.store.card(attempt.tenant, attempt.customer, attempt.payment_method or "")
