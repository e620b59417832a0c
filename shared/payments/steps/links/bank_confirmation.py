"""A charge that waits for its payer: their bank wants them to confirm it."""

from payments.doors.doors import Doors
from payments.facts.attempt import Attempt
from payments.facts.customer import SavedMethod
from payments.facts.invoice import Invoice


def waiting_for(invoice: Invoice, doors: Doors) -> Attempt | None:
    """Return the attempt that waits for the invoice's payer, under whatever invoice it stands."""
    held = invoice.claim
    if not held or not invoice.waits_for_payer:
        return None
    attempt = doors.store.attempt(invoice.tenant, held.home or invoice.id, held.attempt)
    return attempt if attempt and attempt.waits and attempt.asks_payer else None


def card_of(attempt: Attempt, doors: Doors) -> SavedMethod | None:
    """Return the card that is to pay, as it is described to its owner."""
    return doors.store.card(attempt.tenant, attempt.customer, attempt.payment_method or "")
