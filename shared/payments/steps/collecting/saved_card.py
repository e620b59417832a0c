"""Charge a saved card without its owner: create the intent, store its id, confirm it, apply it."""

from contextlib import suppress

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.store import change
from payments.doors.table import RowChanged
from payments.errors import (
    NotFound,
    PaymentsError,
    StripeRefused,
    StripeRequestRefused,
    StripeUnavailable,
)
from payments.facts.attempt import SWEEP_AFTER, Attempt, AttemptStatus, Decline
from payments.facts.customer import SavedMethod
from payments.facts.outcome import CardRefused, OutcomeUnknown
from payments.facts.stripe_objects import Intent
from payments.steps.attempts.provenance import Slot, bound
from payments.steps.attempts.transitions import advance, await_payer, latest, others_of
from payments.steps.collecting.close_attempt import close_intent
from payments.steps.customers.stripe_changes import follow_card
from payments.steps.payments.apply_payment import apply_own_intent

_S = AttemptStatus


def charge(attempt: Attempt, doors: Doors) -> Attempt:
    """
    Take an open attempt as far as Stripe allows, and return it.

    What stays unclear is left to the sweep.
    """
    gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
    try:
        if attempt.status is _S.CREATED:
            attempt = _create(attempt, gateway, doors)
            return _confirm(attempt, gateway, doors)
        return _resume(attempt, gateway, doors)
    except CardRefused as refusal:
        return _refused(attempt, refusal.decline, gateway, doors)
    except OutcomeUnknown:
        return _unknown(attempt, doors)
    except RowChanged:
        # The sweep, a webhook or another request was faster, and its result stands.
        return latest(attempt, doors)


def _create(attempt: Attempt, gateway: Gateway, doors: Doors) -> Attempt:
    card, invoice = doors.store.card_and_invoice(attempt)
    _require_active(card, attempt, doors)
    others = [each.number for each in others_of(attempt, doors)]
    try:
        intent = gateway.create_intent(attempt, invoice.number, *others)
    except (StripeRefused, StripeRequestRefused):
        # Stripe refused, so nothing was made and nothing has to be fenced.
        advance(attempt, _S.CANCELED, doors=doors)
        _require_still_there(attempt, doors)
        raise
    sweep_at = doors.now() + SWEEP_AFTER
    changes = {"payment_intent": intent.id, "sweep_at": sweep_at, "changed_at": doors.now()}
    saved = change(attempt.become(_S.SUBMITTING, **changes), attempt)
    doors.store.write(saved, *bound(saved.new, attempt))
    return saved.new


def _require_still_there(attempt: Attempt, doors: Doors) -> None:
    """Say so where Stripe has the card no more, and take it out of its customer's list."""
    with suppress(PaymentsError):
        follow_card(attempt.payment_method or "", Slot.of(attempt), doors)
    card = doors.store.card(attempt.tenant, attempt.customer, attempt.payment_method or "")
    if card and not card.is_active:
        raise NotFound("Stripe has this card no more: it was taken out of the customer's list.")


def _require_active(card: SavedMethod | None, attempt: Attempt, doors: Doors) -> None:
    """
    Refuse a card that is being detached.

    A detaching request marks the card and then looks for attempts. A charge stores its attempt and
    then looks at the card. So one of the two always sees the other.
    """
    if not card or not card.is_active:
        advance(attempt, _S.CANCELED, doors=doors)
        raise NotFound("There is no such saved card.")


def _confirm(attempt: Attempt, gateway: Gateway, doors: Doors) -> Attempt:
    if not doors.may_write:
        return _unknown(attempt, doors)
    try:
        intent = gateway.confirm_intent(attempt)
    except StripeUnavailable:
        # Stripe refuses now, but the SDK may have sent the request before and lost the answer.
        raise OutcomeUnknown(attempt.payment_intent) from None
    except StripeRequestRefused:
        # The sweep canceled it, or it was confirmed before; its status says which.
        intent = gateway.intent(attempt.payment_intent or "")
    return _apply_or_refuse(attempt, intent, gateway, doors)


def _resume(attempt: Attempt, gateway: Gateway, doors: Doors) -> Attempt:
    """Go on with an interrupted attempt by what Stripe has, not by what we remember."""
    if not attempt.payment_intent:
        return close_intent(attempt, gateway, doors)
    intent = gateway.intent(attempt.payment_intent)
    if intent.status == "requires_confirmation" and attempt.may_replay(doors.now()):
        return _confirm(attempt, gateway, doors)
    return _apply_or_refuse(attempt, intent, gateway, doors)


def _apply_or_refuse(attempt: Attempt, intent: Intent, gateway: Gateway, doors: Doors) -> Attempt:
    if intent.status == "requires_action":
        return _refused(attempt, Decline(code="authentication_required"), gateway, doors)
    if intent.status == "requires_payment_method":
        return _refused(attempt, intent.decline or Decline(code="card_declined"), gateway, doors)
    return apply_own_intent(attempt, intent, doors)


def _refused(attempt: Attempt, decline: Decline, gateway: Gateway, doors: Doors) -> Attempt:
    """End the attempt, or keep it open for the card's owner if the bank only asks for that."""
    if attempt.asks_payer and decline.asks_payer:
        return await_payer(attempt, decline, doors)
    return _fail(attempt, decline, gateway, doors)


def _fail(attempt: Attempt, decline: Decline, gateway: Gateway, doors: Doors) -> Attempt:
    try:
        return close_intent(attempt, gateway, doors, decline)
    except OutcomeUnknown:
        return _unknown(attempt, doors)


def _unknown(attempt: Attempt, doors: Doors) -> Attempt:
    """Leave the attempt to the sweep; one that a bank or a payer still works on is unchanged."""
    found = latest(attempt, doors)
    if found.status is _S.PROCESSING or found.waits:
        return found
    return advance(found, _S.UNKNOWN, doors=doors, sweep_at=doors.now() + SWEEP_AFTER)
