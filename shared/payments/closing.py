"""Fence, then fail: an attempt ends only when Stripe has said that it can no longer succeed."""

from datetime import timedelta

from payments.applying import advance, apply_intent, apply_session
from payments.attempt import Attempt, AttemptStatus, Channel, Decline
from payments.doors import Doors
from payments.errors import PaymentInProgress
from payments.gateway import Gateway
from payments.stripe_objects import Intent

#: A session lives no longer than its attempt may be replayed; this is past both.
LOOK_BACK = timedelta(hours=25)


def close(attempt: Attempt, doors: Doors) -> Attempt:
    """
    Make sure that no money can come of `attempt` any more, or book what has come.

    Returns the attempt as it then is: ended, or `processing` where Stripe can no longer stop it.
    OutcomeUnknown and StripeUnavailable leave it as it was.
    """
    gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
    if attempt.channel is Channel.LINK:
        return _close_session(attempt, gateway, doors)
    return close_intent(attempt, gateway, doors)


def close_intent(
    attempt: Attempt, gateway: Gateway, doors: Doors, decline: Decline | None = None
) -> Attempt:
    """
    Cancel the attempt's PaymentIntent and end the attempt, unless the money was faster.

    `decline` says why, where the intent itself will not.
    """
    intent_id = attempt.payment_intent or _missing_intent(attempt, gateway, doors)
    if intent_id is None:
        return advance(attempt, AttemptStatus.CANCELED, doors=doors)
    intent = gateway.fence_intent(intent_id, attempt.stripe_key("cancel"))
    if intent.status == "canceled" and decline and not intent.decline:
        return advance(
            attempt, AttemptStatus.FAILED, doors=doors, payment_intent=intent.id, decline=decline
        )
    return _applied(attempt, intent, doors)


def _close_session(attempt: Attempt, gateway: Gateway, doors: Doors) -> Attempt:
    session_id = attempt.session
    if session_id is None:
        if not attempt.may_replay(doors.now()):
            return _look_up(attempt, gateway, doors)
        # The same key finds the session whose answer was lost, or makes one that ends here and now.
        number = doors.store.invoice(attempt.tenant, attempt.invoice).number
        session_id = gateway.create_session(attempt, number).id
    session = gateway.fence_session(session_id, attempt.stripe_key("expire"))
    if session.status == "open":
        raise PaymentInProgress(f"Attempt {attempt.id} is open at Stripe.", attempt_id=attempt.id)
    apply_session(
        session, tenant=attempt.tenant, account=attempt.account, mode=attempt.mode, doors=doors
    )
    return current(attempt, doors)


def _missing_intent(attempt: Attempt, gateway: Gateway, doors: Doors) -> str | None:
    """
    Return the PaymentIntent whose answer was lost.

    None if there cannot be one that moves money.
    """
    if not attempt.may_replay(doors.now()):
        # It was never confirmed, since confirming needs the id, and its key may be forgotten by
        # now.
        return None
    number = doors.store.invoice(attempt.tenant, attempt.invoice).number
    return gateway.create_intent(attempt, number).id


def _look_up(attempt: Attempt, gateway: Gateway, doors: Doors) -> Attempt:
    """
    Find an old session's payment without replaying anything.

    The session itself has expired by now.
    """
    since, cursor = attempt.created_at, None
    while True:
        intents, cursor = gateway.intents(since, since + LOOK_BACK, cursor)
        for intent in intents:
            if intent.metadata.get("attempt") == attempt.id and intent.status in {
                "succeeded",
                "processing",
            }:
                return _applied(attempt, intent, doors)
        if cursor is None:
            return advance(attempt, AttemptStatus.EXPIRED, doors=doors)


def _applied(attempt: Attempt, intent: Intent, doors: Doors) -> Attempt:
    return apply_intent(
        intent, tenant=attempt.tenant, account=attempt.account, mode=attempt.mode, doors=doors
    )


def current(attempt: Attempt, doors: Doors) -> Attempt:
    """Return the attempt as it is stored now."""
    return doors.store.attempt(attempt.tenant, attempt.invoice, attempt.id) or attempt
