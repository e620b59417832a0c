"""Make a stored attempt's Checkout Session or PaymentIntent at Stripe."""

from collections.abc import Callable
from typing import TypeVar

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.table import RowChanged
from payments.errors import StripeRefused, StripeRequestRefused
from payments.facts.attempt import SWEEP_AFTER, Attempt, AttemptStatus
from payments.facts.invoice import Invoice
from payments.facts.outcome import OutcomeUnknown
from payments.facts.stripe_objects import Intent, Session
from payments.steps.attempts.transitions import advance
from payments.steps.collecting.claims import in_progress
from payments.steps.links.link_tokens import way_back

T = TypeVar("T", Session, Intent)


def open_session(invoice: Invoice, attempt: Attempt, gateway: Gateway, doors: Doors) -> Attempt:
    """Create the attempt's Checkout Session and return the stored attempt with its id."""
    back = way_back(attempt, doors)
    session = _create_at_stripe(
        invoice, attempt, lambda: gateway.create_session(attempt, invoice.number, back), doors
    )
    return _remember(invoice, attempt, doors, session=session.id, session_url=session.url)


def open_intent(invoice: Invoice, attempt: Attempt, gateway: Gateway, doors: Doors) -> Attempt:
    """
    Create the attempt's PaymentIntent and return the stored attempt with its id.

    The payer's own browser confirms it.
    """
    intent = _create_at_stripe(
        invoice, attempt, lambda: gateway.create_intent(attempt, invoice.number), doors
    )
    return _remember(invoice, attempt, doors, payment_intent=intent.id)


def _create_at_stripe(
    invoice: Invoice, attempt: Attempt, create: Callable[[], T], doors: Doors
) -> T:
    try:
        return create()
    except (StripeRefused, StripeRequestRefused):
        # Stripe refused, so nothing was made and nothing has to be fenced.
        advance(attempt, AttemptStatus.CANCELED, doors=doors)
        raise
    except OutcomeUnknown:
        raise in_progress(invoice, attempt.id) from None


def _remember(invoice: Invoice, attempt: Attempt, doors: Doors, **made: object) -> Attempt:
    """
    Store the id of what was made and return the attempt.

    From now on the attempt ends by its payer, at its expiry or for a newer request.
    """
    opened = attempt.become(
        AttemptStatus.SUBMITTING,
        **made,
        sweep_at=attempt.session_expires_at() + SWEEP_AFTER,
        changed_at=doors.now(),
    )
    try:
        return doors.store.save(opened, attempt)
    except RowChanged:
        raise in_progress(invoice, attempt.id) from None
