"""Make a stored attempt's Checkout Session or PaymentIntent at Stripe."""

from collections.abc import Callable
from typing import TypeVar

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.store import change
from payments.doors.table import RowChanged
from payments.errors import StripeRefused, StripeRequestRefused
from payments.facts.attempt import SWEEP_AFTER, Attempt, AttemptStatus
from payments.facts.invoice import Invoice
from payments.facts.outcome import OutcomeUnknown
from payments.facts.stripe_objects import Intent, Session
from payments.steps.attempts.provenance import Slot, bound
from payments.steps.attempts.transitions import advance
from payments.steps.collecting.claims import in_progress
from payments.steps.customers.card_setup import renewed_customer
from payments.steps.links.link_tokens import way_back

T = TypeVar("T", Session, Intent)


def open_session(invoice: Invoice, attempt: Attempt, gateway: Gateway, doors: Doors) -> Attempt:
    """Create the attempt's Checkout Session and return the stored attempt with its id."""
    back = way_back(attempt, doors)

    def create(asked: Attempt) -> Session:
        return gateway.create_session(asked, invoice.number, back)

    attempt, session = _ask(invoice, attempt, create, gateway, doors)
    return _remember(invoice, attempt, doors, session=session.id, session_url=session.url)


def open_intent(invoice: Invoice, attempt: Attempt, gateway: Gateway, doors: Doors) -> Attempt:
    """Create the attempt's PaymentIntent, which the payer's own browser confirms."""

    def create(asked: Attempt) -> Intent:
        return gateway.create_intent(asked, invoice.number)

    attempt, intent = _ask(invoice, attempt, create, gateway, doors)
    return _remember(invoice, attempt, doors, payment_intent=intent.id)


def _ask(
    invoice: Invoice,
    attempt: Attempt,
    create: Callable[[Attempt], T],
    gateway: Gateway,
    doors: Doors,
) -> tuple[Attempt, T]:
    """Return what was made; where Stripe has the customer no more, they are made anew first."""
    try:
        try:
            return attempt, create(attempt)
        except StripeRequestRefused as refusal:
            if not refusal.misses("customer") or attempt.renewed:
                raise
            attempt = _renewed(attempt, gateway, doors)
            return attempt, create(attempt)
    except (StripeRefused, StripeRequestRefused):
        # Stripe refused, so nothing was made and nothing has to be fenced.
        advance(attempt, AttemptStatus.CANCELED, doors=doors)
        raise
    except (OutcomeUnknown, RowChanged):
        raise in_progress(invoice, attempt.id) from None


def _renewed(attempt: Attempt, gateway: Gateway, doors: Doors) -> Attempt:
    """Return the attempt with another customer at Stripe, stored before Stripe is asked again."""
    slot, gone = Slot.of(attempt), attempt.stripe_customer or ""
    made = renewed_customer(attempt.customer, gone, slot, gateway, doors)
    return doors.store.save(attempt.having(stripe_customer=made, renewed=True), attempt)


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
    saved = change(opened, attempt)
    try:
        doors.store.write(saved, *bound(opened, attempt))
    except RowChanged:
        raise in_progress(invoice, attempt.id) from None
    return saved.new
