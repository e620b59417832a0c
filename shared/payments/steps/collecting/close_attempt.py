"""Fence an attempt before it ends: Stripe must say first that it can no longer succeed."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from payments.doors.doors import Doors
from payments.errors import PaymentInProgress, StripeRequestRefused
from payments.facts.attempt import SWEEP_AFTER, Attempt, AttemptStatus, Decline
from payments.facts.outcome import FailedAtStripe
from payments.facts.stripe_objects import Intent, Session
from payments.steps.attempts.provenance import is_anothers
from payments.steps.attempts.transitions import advance, latest
from payments.steps.links.link_tokens import way_back
from payments.steps.payments.apply_payment import apply_own_intent, apply_own_session
from payments.steps.retry import retrying

if TYPE_CHECKING:
    # Not at run time: an invoice is created without loading Stripe's SDK.
    from payments.doors.gateway import Gateway

#: Later than any session expires and than an attempt may be replayed.
LOOK_BACK = timedelta(hours=25)
#: By how much Stripe's clock may be behind ours.
SKEW = timedelta(minutes=5)

T = TypeVar("T", Intent, Session)


def close(attempt: Attempt, doors: Doors) -> Attempt:
    """
    Make sure that `attempt` can bring no more money, and return it; money that came is booked.

    The attempt has then ended, or is `processing` where Stripe can no longer stop it. Raise
    OutcomeUnknown or StripeUnavailable where Stripe does not say; the sweep then closes it.
    """
    attempt = _hastened(attempt, doors)
    if not attempt.is_open:
        return attempt
    gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
    if attempt.channel.has_session:
        return _close_session(attempt, gateway, doors)
    return close_intent(attempt, gateway, doors)


def _hastened(attempt: Attempt, doors: Doors) -> Attempt:
    """
    Return the attempt, due for the sweep soon.

    The request that closes it may die before it has closed it.
    """
    soon = doors.now() + SWEEP_AFTER

    def step() -> Attempt:
        found = latest(attempt, doors)
        if not found.is_open or found.is_hastened(soon):
            return found
        return doors.store.save(found.having(sweep_at=soon), found)

    if attempt.is_hastened(soon):
        return attempt
    return retrying(step, doors, "The attempt kept changing; it was not closed.")


def close_intent(
    attempt: Attempt, gateway: "Gateway", doors: Doors, decline: Decline | None = None
) -> Attempt:
    """
    Cancel the attempt's PaymentIntent, end the attempt and return it; money that came is booked.

    `decline` says why, where the intent itself does not.
    """
    intent_id = attempt.payment_intent or _missing_intent(attempt, gateway, doors)
    if intent_id is None:
        return advance(attempt, AttemptStatus.CANCELED, doors=doors)
    intent = gateway.fence_intent(intent_id)
    if intent.status == "canceled" and decline and not intent.decline:
        return advance(
            attempt, AttemptStatus.FAILED, doors=doors, payment_intent=intent.id, decline=decline
        )
    return apply_own_intent(attempt, intent, doors)


def _close_session(attempt: Attempt, gateway: "Gateway", doors: Doors) -> Attempt:
    session_id = attempt.session or _missing_session(attempt, gateway, doors)
    if session_id is None:
        return _look_up(attempt, gateway, doors)
    session = gateway.fence_session(session_id)
    if session.status == "open":
        raise PaymentInProgress(f"Attempt {attempt.id} is open at Stripe.", attempt_id=attempt.id)
    apply_own_session(attempt, session, doors)
    return latest(attempt, doors)


def _missing_session(attempt: Attempt, gateway: "Gateway", doors: Doors) -> str | None:
    """
    Return the Checkout Session whose answer was lost, or None if none can be paid.

    A request without an answer may still make a session, and no list shows it yet. So the same key
    is sent again, and a session made that way ends at once.
    """
    if not attempt.may_replay(doors.now()):
        return None
    number = doors.store.invoice(attempt.tenant, attempt.invoice).number
    try:
        return gateway.create_session(attempt, number, way_back(attempt, doors)).id
    except (FailedAtStripe, StripeRequestRefused):
        # Stripe repeats a failure for as long as it keeps the key; a refused request made nothing.
        return next((found.id for found in _made_for(attempt, gateway.sessions)), None)


def _missing_intent(attempt: Attempt, gateway: "Gateway", doors: Doors) -> str | None:
    """
    Return the PaymentIntent whose answer was lost, or None if none can move money.

    An intent moves money only when it is confirmed, and that needs the id, which was never known.
    """
    if not attempt.may_replay(doors.now()):
        return None
    names = (each.invoice for each in attempt.shares)
    numbers = [each.number for each in doors.store.invoices(attempt.tenant, *names)]
    try:
        return gateway.create_intent(attempt, *numbers).id
    except (FailedAtStripe, StripeRequestRefused):
        made = _made_for(attempt, gateway.intents)
        return next((each.id for each in made if not is_anothers(each, attempt, doors)), None)


def _look_up(attempt: Attempt, gateway: "Gateway", doors: Doors) -> Attempt:
    """Find the payment of an attempt whose session has expired by now or was never made."""
    for intent in _made_for(attempt, gateway.intents):
        taken = intent.status in {"succeeded", "processing"}
        if taken and not is_anothers(intent, attempt, doors):
            return apply_own_intent(attempt, intent, doors)
    return advance(attempt, AttemptStatus.EXPIRED, doors=doors)


def _made_for(
    attempt: Attempt, pages: Callable[[datetime, datetime, str | None], tuple[list[T], str | None]]
) -> Iterator[T]:
    """Yield what Stripe lists for the attempt; unlike a replayed key, a list repeats no failure."""
    since, cursor = attempt.created_at - SKEW, None
    while True:
        found, cursor = pages(since, since + LOOK_BACK, cursor)
        yield from (entry for entry in found if entry.metadata.get("attempt") == attempt.id)
        if cursor is None:
            return
