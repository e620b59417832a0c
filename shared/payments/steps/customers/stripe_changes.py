"""Update our saved cards by what Stripe says: detached, changed, or their owner deleted."""

from payments.doors.doors import Doors
from payments.doors.store import Change, change
from payments.errors import StripeRequestRefused
from payments.facts.customer import CardStatus, Customer, SavedMethod
from payments.facts.reservation import CARD, STRIPE_CUSTOMER
from payments.facts.stripe_objects import Card, PaymentMethod
from payments.steps.attempts.provenance import NotOurs, Slot
from payments.steps.retry import retrying

_CARD = "The saved card kept changing; it is as it was."


def follow_card(payment_method: str, slot: Slot, doors: Doors) -> None:
    """Bring what Stripe has of a saved card into its row."""
    ref = doors.store.holder(slot.tenant, CARD, slot.named(payment_method))
    if not ref:
        raise NotOurs(payment_method)
    found = _at_stripe(payment_method, slot, doors)

    def step() -> None:
        card = doors.store.card(slot.tenant, ref, payment_method)
        if not card:
            return
        if found is None or found.customer != card.stripe_customer:
            # Detached or deleted, or by now another customer's.
            note_detached(slot.tenant, ref, payment_method, doors)
            return
        if not card.is_active:
            return
        updated = card.having(**(found.card or Card()).model_dump())
        if updated != card:
            doors.store.save(updated, card)

    retrying(step, doors, _CARD)


def _at_stripe(payment_method: str, slot: Slot, doors: Doors) -> PaymentMethod | None:
    """Return a card as Stripe has it, or None."""
    try:
        return doors.gateway(slot.tenant, slot.account, slot.mode).payment_method(payment_method)
    except StripeRequestRefused as refusal:
        if refusal.members.get("stripe_code") != "resource_missing":
            raise
    return None


def follow_customer(stripe_customer: str, slot: Slot, doors: Doors) -> None:
    """Forget a customer whom the merchant deleted at Stripe, and the cards that went with them."""
    ref = doors.store.holder(slot.tenant, STRIPE_CUSTOMER, slot.named(stripe_customer))
    if not ref:
        raise NotOurs(stripe_customer)
    gateway = doors.gateway(slot.tenant, slot.account, slot.mode)
    if gateway.customer(stripe_customer).deleted:
        forget_customer(ref, stripe_customer, slot, doors)


def forget_customer(ref: str, stripe_customer: str, slot: Slot, doors: Doors) -> None:
    """Note that Stripe has a customer no more, nor any card of theirs."""
    where = f"{slot.account}:{slot.mode}"
    for card in doors.store.cards(slot.tenant, ref):
        if card.stripe_customer == stripe_customer and card.slot == where:
            note_detached(slot.tenant, ref, card.id, doors)

    def step() -> None:
        customer = doors.store.customer(slot.tenant, ref)
        left = {key: name for key, name in customer.stripe_ids.items() if name != stripe_customer}
        if left != customer.stripe_ids:
            doors.store.save(customer.having(stripe_ids=left), customer)

    retrying(step, doors, "The customer kept changing; they are as they were.")


def note_detached(tenant: str, ref: str, payment_method: str, doors: Doors) -> SavedMethod | None:
    """
    Note that a card is detached at Stripe and return its row, or None for an unknown card.

    If it was the default, another of the customer's cards takes its place.
    """

    def step() -> SavedMethod | None:
        card = doors.store.card(tenant, ref, payment_method)
        if not card or card.status is CardStatus.DETACHED:
            return card
        gone = change(card.having(status=CardStatus.DETACHED, detached_at=doors.now()), card)
        customer = doors.store.customer(tenant, ref)
        doors.store.write(gone, *_other_default(customer, card, doors))
        return gone.new

    return retrying(step, doors, _CARD)


def _other_default(customer: Customer, gone: SavedMethod, doors: Doors) -> list[Change[Customer]]:
    if customer.default_payment_method != gone.id:
        return []
    others = doors.store.cards(customer.tenant, customer.ref)
    left = (card.id for card in others if card.is_active and card.id != gone.id)
    return [change(customer.having(default_payment_method=next(left, None)), customer)]
