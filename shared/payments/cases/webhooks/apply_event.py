"""Apply a stored event: it is only a hint, so what it speaks of is fetched and then booked."""

from collections.abc import Callable
from typing import Literal

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.stripe_api.refusals import ACCESS_LOST
from payments.doors.table import RowChanged
from payments.errors import PaymentsError, StripeAccountError, StripeRequestRefused
from payments.facts.attempt import Attempt
from payments.facts.event import APPLIED, Fetched, InboxEvent
from payments.facts.stripe_objects import Charge, Intent
from payments.steps.accounts.stripe_status import refresh
from payments.steps.attempts.provenance import Mismatch, NotOurs, Slot
from payments.steps.collecting.close_attempt import close
from payments.steps.customers.card_consent import save_card
from payments.steps.customers.stripe_changes import follow_card, follow_customer
from payments.steps.disputes.apply_dispute import apply_dispute
from payments.steps.modules.velocity_limits import note_decline
from payments.steps.payments.apply_payment import apply_intent, apply_session
from payments.steps.refunds.apply_refund import apply_refund
from payments.steps.retry import retrying

End = Literal["applied", "ignored", "quarantined", "orphan"]


def apply_event(address: dict[str, str], doors: Doors) -> str:
    """
    Apply the stored event at `address` and return how it ended.

    Raise whatever prevents that, so that the queue delivers the message again.
    """
    event = doors.store.event(
        address["tenant"], address["account"], address["mode"], address["event"]
    )
    if not event:
        msg = f"Event {address['event']} was queued before it was kept."
        raise LookupError(msg)
    if event.status != "pending":
        return event.status
    return _mark(event, _apply(event, doors), doors)


def _mark(event: InboxEvent, end: End, doors: Doors) -> str:
    """Note how the event ended and return that, unless another worker was first."""

    def step() -> str:
        found = doors.store.event(event.tenant, event.account, event.mode, event.id) or event
        if found.status != "pending":
            return found.status
        # It may be pending in another version: the sweep has queued it again meanwhile.
        doors.store.save(found.done(end), found)
        return end

    try:
        doors.store.save(event.done(end), event)
    except RowChanged:
        return retrying(step, doors, "The event kept changing; what it told is applied.")
    return end


def _apply(event: InboxEvent, doors: Doors) -> End:
    if event.livemode is not (event.mode == "live"):
        return "quarantined"
    if event.type not in APPLIED:
        return "ignored"
    try:
        _fetch_and_apply(event, doors)
    except NotOurs:
        return "ignored"
    except Mismatch:
        return "quarantined"
    except (StripeRequestRefused, StripeAccountError) as refusal:
        return _refused(event, refusal, doors)
    return "applied"


def _refused(event: InboxEvent, refusal: PaymentsError, doors: Doors) -> End:
    """Return how an event ends whose object Stripe does not show, or raise for another try."""
    code = refusal.members.get("stripe_code")
    if code == "resource_missing":
        # The object is not in this account: a forged or misdirected event with a valid signature.
        return "quarantined"
    if code != ACCESS_LOST:
        raise refusal
    # The merchant has disconnected it: reconciliation finds the rest once it is connected again.
    refresh(event.tenant, event.account, event.mode, doors)
    return "orphan"


def _fetch_and_apply(event: InboxEvent, doors: Doors) -> None:
    """Fetch what the event speaks of and apply that, since only Stripe's present answer counts."""
    fetched = APPLIED[event.type]
    if not event.object_id and fetched is not Fetched.ACCOUNT:
        raise NotOurs(event.id)
    _APPLY[fetched](event, doors)


def _slot(event: InboxEvent) -> Slot:
    return Slot(event.tenant, event.account, event.mode)


def _apply_intent(event: InboxEvent, doors: Doors) -> None:
    intent = _gateway(event, doors).intent(event.object_id)
    apply_intent(intent, _slot(event), doors)


def _apply_declined_intent(event: InboxEvent, doors: Doors) -> None:
    intent = _gateway(event, doors).intent(event.object_id)
    attempt = apply_intent(intent, _slot(event), doors)
    _note_decline(event, attempt, intent, doors)


def _apply_charges_intent(event: InboxEvent, doors: Doors) -> None:
    gateway = _gateway(event, doors)
    intent_id = gateway.charge(event.object_id).payment_intent
    if not intent_id:
        raise NotOurs(event.object_id)
    apply_intent(gateway.intent(intent_id), _slot(event), doors)


def _apply_refund(event: InboxEvent, doors: Doors) -> None:
    apply_refund(_gateway(event, doors).refund(event.object_id), _slot(event), doors)


def _apply_refunds(event: InboxEvent, doors: Doors) -> None:
    for refund in _gateway(event, doors).refunds_of(event.object_id):
        apply_refund(refund, _slot(event), doors)


def _apply_session(event: InboxEvent, doors: Doors) -> None:
    apply_session(_gateway(event, doors).session(event.object_id), _slot(event), doors)


def _apply_setup(event: InboxEvent, doors: Doors) -> None:
    setup = _gateway(event, doors).setup_intent(event.object_id)
    save_card(setup, setup.metadata, _slot(event), doors)


def _apply_account(event: InboxEvent, doors: Doors) -> None:
    refresh(event.tenant, event.account, event.mode, doors)


def _gateway(event: InboxEvent, doors: Doors) -> Gateway:
    return doors.gateway(event.tenant, event.account, event.mode)


_APPLY: dict[Fetched, Callable[[InboxEvent, Doors], object]] = {
    Fetched.INTENT: _apply_intent,
    Fetched.DECLINED_INTENT: _apply_declined_intent,
    Fetched.CHARGES_INTENT: _apply_charges_intent,
    Fetched.REFUND: _apply_refund,
    Fetched.REFUNDS: _apply_refunds,
    Fetched.DISPUTE: lambda event, doors: apply_dispute(event.object_id, _slot(event), doors),
    Fetched.SESSION: _apply_session,
    Fetched.SETUP: _apply_setup,
    Fetched.CARD: lambda event, doors: follow_card(event.object_id, _slot(event), doors),
    Fetched.CUSTOMER: lambda event, doors: follow_customer(event.object_id, _slot(event), doors),
    Fetched.ACCOUNT: _apply_account,
}


def _note_decline(event: InboxEvent, attempt: Attempt, intent: Intent, doors: Doors) -> None:
    """
    Count a decline in a payer's page; after too many, close the page.

    It is counted by its event, since the page may have seen another card before the event is
    fetched. A charge without a payer is counted by the charge itself.
    """
    charge = intent.latest_charge
    if not attempt.channel.has_payer or not isinstance(charge, Charge):
        return
    more = note_decline(event.id, attempt, charge.card.fingerprint, doors=doors)
    if not more and attempt.is_open:
        close(attempt, doors)
