"""Update our saved cards by what Stripe says: detached, changed, or their owner deleted."""

from payments.doors.doors import Doors
from payments.doors.store import Change, change
from payments.facts.customer import CardStatus, Customer, SavedMethod
from payments.facts.stripe_objects import Card
from payments.steps.attempts.provenance import NotOurs
from payments.steps.retry import retrying

_CARD = "The saved card kept changing; it is as it was."


def follow_card(payment_method: str, *, tenant: str, account: str, mode: str, doors: Doors) -> None:
    """Write what Stripe says of a saved card into its row."""
    ref = doors.store.holder(tenant, "PM", f"{account}:{mode}:{payment_method}")
    if not ref:
        raise NotOurs(payment_method)
    found = doors.gateway(tenant, account, mode).payment_method(payment_method)
    if found.customer is None:
        note_detached(tenant, ref, payment_method, doors)
        return

    def step() -> None:
        card = doors.store.card(tenant, ref, payment_method)
        if not card or not card.is_active:
            return
        updated = card.having(**(found.card or Card()).model_dump())
        if updated != card:
            doors.store.save(updated, card)

    retrying(step, doors, _CARD)


def follow_customer(
    stripe_customer: str, *, tenant: str, account: str, mode: str, doors: Doors
) -> None:
    """Note that the merchant deleted a customer at Stripe, together with the customer's cards."""
    ref = doors.store.holder(tenant, "SCU", f"{account}:{mode}:{stripe_customer}")
    if not ref:
        raise NotOurs(stripe_customer)
    if not doors.gateway(tenant, account, mode).customer(stripe_customer).deleted:
        return
    for card in doors.store.cards(tenant, ref):
        if card.stripe_customer == stripe_customer and card.slot == f"{account}:{mode}":
            note_detached(tenant, ref, card.id, doors)

    def step() -> None:
        customer = doors.store.customer(tenant, ref)
        left = {slot: name for slot, name in customer.stripe_ids.items() if name != stripe_customer}
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
