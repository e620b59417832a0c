"""A kept event is a hint: fetch what it speaks of, and bring that into the books."""

from collections.abc import Iterable
from typing import Literal

from payments.doors.doors import Doors
from payments.doors.platform import ABOUT_ACCOUNTS, CONNECT_EVENTS
from payments.doors.stripe_api.refusals import ACCESS_LOST
from payments.doors.table import RowChanged
from payments.errors import PaymentsError, StripeAccountError, StripeRequestRefused
from payments.facts.attempt import Attempt
from payments.facts.event import InboxEvent
from payments.facts.stripe_objects import Charge, Intent, StripeRefund
from payments.steps.accounts.stripe_status import refresh
from payments.steps.attempts.provenance import Mismatch, NotOurs
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
    Apply the kept event at `address` and return how it ended.

    Raises whatever keeps it from being applied, so that the queue delivers it again.
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
    """Note how the event ended, unless another worker was first: the same facts count once."""

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
    if event.type not in CONNECT_EVENTS:
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
    """Say what an event comes to about whose object Stripe tells nothing, or raise for a retry."""
    code = refusal.members.get("stripe_code")
    if code == "resource_missing":
        # The object is not in this account: a forged or misdirected event that carried a good
        # signature.
        return "quarantined"
    if code != ACCESS_LOST:
        raise refusal
    # The merchant has disconnected it: what this tells of is reconciled once it is back.
    refresh(event.tenant, event.account, event.mode, doors)
    return "orphan"


#: What is asked for by its id alone, whoever made it.
_BY_ID = {
    "charge.dispute": apply_dispute,
    "payment_method": follow_card,
    "customer": follow_customer,
}


def _fetch_and_apply(event: InboxEvent, doors: Doors) -> None:
    kind = event.type.rpartition(".")[0]
    books = {"tenant": event.tenant, "account": event.account, "mode": event.mode}
    if event.type in ABOUT_ACCOUNTS:
        # Whatever it tells: what Stripe says now is what counts.
        refresh(event.tenant, event.account, event.mode, doors)
    elif kind in _BY_ID:
        _BY_ID[kind](event.object_id, **books, doors=doors)
    else:
        _apply_object(kind, event, books, doors)


def _apply_object(kind: str, event: InboxEvent, books: dict[str, str], doors: Doors) -> None:
    gateway = doors.gateway(event.tenant, event.account, event.mode)
    if kind == "checkout.session":
        return apply_session(gateway.session(event.object_id), **books, doors=doors)
    if kind == "setup_intent":
        setup = gateway.setup_intent(event.object_id)
        return save_card(setup, setup.metadata, **books, doors=doors)
    if kind in {"refund", "charge.refund"}:
        return _apply_refunds([gateway.refund(event.object_id)], event, doors)
    if event.type == "charge.refunded":
        return _apply_refunds(gateway.refunds_of(event.object_id), event, doors)
    intent_id = (
        gateway.charge(event.object_id).payment_intent if kind == "charge" else event.object_id
    )
    if not intent_id:
        raise NotOurs(event.object_id)
    intent = gateway.intent(intent_id)
    attempt = apply_intent(intent, **books, doors=doors)
    if event.type == "payment_intent.payment_failed":
        _note_decline(event, attempt, intent, doors)
    return None


def _note_decline(event: InboxEvent, attempt: Attempt, intent: Intent, doors: Doors) -> None:
    """
    Count a decline in a payer's page; where there were too many, close the page.

    It is counted by its event: when that is fetched, the page may have seen another card already.
    What was charged without a payer is counted by the charge itself.
    """
    charge = intent.latest_charge
    if not attempt.channel.has_payer or not isinstance(charge, Charge):
        return
    more = note_decline(event.id, attempt, charge.card.fingerprint, doors=doors)
    if not more and attempt.is_open:
        close(attempt, doors)


def _apply_refunds(told: Iterable[StripeRefund], event: InboxEvent, doors: Doors) -> None:
    for refund in told:
        apply_refund(
            refund, tenant=event.tenant, account=event.account, mode=event.mode, doors=doors
        )
