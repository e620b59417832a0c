"""Save a card whose owner has consented, together with the evidence of the consent."""

from dataclasses import dataclass
from datetime import datetime

from payments.doors.doors import Doors
from payments.doors.store import change
from payments.facts.attempt import Attempt
from payments.facts.customer import Customer, SavedMethod
from payments.facts.reservation import CARD, STRIPE_CUSTOMER, Reservation
from payments.facts.stripe_objects import Card, Intent, PaymentMethod, SetupIntent
from payments.steps.attempts.provenance import NotOurs, OtherConnection, Slot, UnknownAttempt
from payments.steps.retry import retrying


def save_card(setup: SetupIntent, metadata: dict[str, str], slot: Slot, doors: Doors) -> None:
    """
    Keep the description of a card that a customer saved, with the evidence of their consent.

    Whose it is, its customer at Stripe says; metadata says only that it was asked for here.
    """
    named, method = metadata.get("customer"), setup.payment_method
    if metadata.get("tenant") != slot.tenant or not named:
        raise NotOurs(setup.id)
    if metadata.get("account", slot.account) != slot.account:
        # A merchant who connected one Stripe account twice gets the event twice.
        raise OtherConnection(setup.id)
    customer = slot.named(setup.customer or "")
    ref = doors.store.holder(slot.tenant, STRIPE_CUSTOMER, customer) or named
    if setup.status != "succeeded" or not isinstance(method, PaymentMethod):
        return

    evidence = Evidence(setup.id, setup.customer, metadata.get("consent_text"))
    where = f"{slot.account}:{slot.mode}"
    _keep_card(method, evidence, tenant=slot.tenant, ref=ref, slot=where, doors=doors)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of a consent: Stripe's record, its customer, and the text that was shown."""

    record: str
    stripe_customer: str | None
    text: str | None


def save_paid_card(attempt: Attempt, intent: Intent, doors: Doors) -> None:
    """Save the card of a payment if its payer wanted that; a repeat changes nothing."""
    charge = intent.charge
    if not charge.payment_method or not charge.card.last4:
        return
    method = PaymentMethod(id=charge.payment_method, card=charge.card)
    evidence = Evidence(intent.id, attempt.stripe_customer, attempt.consent_text)
    slot = f"{attempt.account}:{attempt.mode}"
    _keep_card(
        method, evidence, tenant=attempt.tenant, ref=attempt.customer, slot=slot, doors=doors
    )


def _keep_card(
    method: PaymentMethod, evidence: Evidence, *, tenant: str, ref: str, slot: str, doors: Doors
) -> None:
    def step() -> None:
        customer = doors.store.find_customer(tenant, ref)
        if not customer:
            raise UnknownAttempt(evidence.record)
        if customer.erased_at or doors.store.card(tenant, ref, method.id):
            return
        saved = _saved(method, evidence, customer, slot, doors.now())
        kept = Reservation(tenant=tenant, kind=CARD, value=f"{slot}:{method.id}", holder=ref)
        default = customer.default_payment_method or saved.id
        changed = customer.having(default_payment_method=default)
        doors.store.write(change(saved), change(changed, customer), change(kept))

    retrying(step, doors, "The customer kept changing; the card is not saved yet.")


def _saved(
    method: PaymentMethod, evidence: Evidence, customer: Customer, slot: str, at: datetime
) -> SavedMethod:
    account, _, mode = slot.partition(":")
    card = method.card or Card()
    return SavedMethod(
        id=method.id,
        tenant=customer.tenant,
        customer=customer.ref,
        account=account,
        mode=mode,
        stripe_customer=evidence.stripe_customer or customer.stripe_ids[slot],
        setup_intent=evidence.record,
        consented_at=at,
        consent_text=evidence.text,
        **card.model_dump(include=set(Card.model_fields)),
    )
