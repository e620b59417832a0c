"""A customer's saved cards: choose the default one, and remove one for good."""

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.errors import (
    NotFound,
    PaymentInProgress,
    StripeUnavailable,
    VersionMismatch,
    require_found,
)
from payments.facts.caller import Caller
from payments.facts.customer import CardStatus, Customer, SavedMethod
from payments.facts.outcome import OutcomeUnknown
from payments.steps.customers.stripe_changes import note_detached


def make_default(
    ref: str, payment_method: str, *, caller: Caller, doors: Doors
) -> tuple[SavedMethod, Customer]:
    """Make a card the one that is charged where a request names none; return card and customer."""
    customer = doors.store.customer(caller.tenant, ref)
    card = _card(customer, payment_method, doors)
    if not card.is_active:
        raise NotFound("There is no such saved card.")
    if customer.default_payment_method == payment_method:
        return card, customer
    try:
        changed = customer.having(default_payment_method=payment_method)
        return card, doors.store.save(changed, customer)
    except RowChanged:
        raise VersionMismatch(f"Customer {ref} was changed at the same time.") from None


def detach(ref: str, payment_method: str, *, caller: Caller, doors: Doors) -> SavedMethod:
    """
    Remove a card here and at Stripe, and return it; it cannot be brought back.

    The card is marked first, so that no charge begins with it, and unmarked if a charge is under
    way. The next request, or Stripe's event, finishes a request that was cut short.
    """
    customer = doors.store.customer(caller.tenant, ref)
    card = _card(customer, payment_method, doors)
    if card.status is CardStatus.DETACHED:
        return card
    try:
        marked = _mark(card, CardStatus.DETACHING, doors)
        _require_unused(marked, doors)
    except RowChanged:
        raise VersionMismatch("The saved card was changed at the same time.") from None
    try:
        doors.gateway(card.tenant, card.account, card.mode).detach(card.id)
    except OutcomeUnknown:
        detail = "Stripe did not answer. The card is charged no more; send the request again."
        raise StripeUnavailable(detail) from None
    return note_detached(card.tenant, ref, card.id, doors) or marked


def _card(customer: Customer, payment_method: str, doors: Doors) -> SavedMethod:
    card = doors.store.card(customer.tenant, customer.ref, payment_method)
    return require_found(card, "saved card")


def _mark(card: SavedMethod, status: CardStatus, doors: Doors) -> SavedMethod:
    return card if card.status is status else doors.store.save(card.having(status=status), card)


def _require_unused(card: SavedMethod, doors: Doors) -> None:
    for attempt in doors.store.uses(card.tenant, card.customer, card.id):
        if attempt.is_open:
            _mark(card, CardStatus.ACTIVE, doors)
            raise PaymentInProgress(
                "A payment with this card is in progress; detach it when that has ended.",
                attempt_id=attempt.id,
            )
