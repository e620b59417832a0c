"""What Stripe's own Checkout page calls; the official CLI completes sessions this way too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.checkout import sessions
from local.standin.checkout.hosted_pages import tried
from local.standin.engine.errors import Conflict, InvalidRequest
from local.standin.engine.messages import Json
from local.standin.engine.routing import route

if TYPE_CHECKING:
    from local.standin.engine.call import Call


@route("GET", "/v1/payment_pages/{id}", publishable=True)
def retrieve(call: Call) -> Json:
    return call.named("checkout.session", "session")


@route("POST", "/v1/payment_pages/{id}/confirm", publishable=True)
def confirm(call: Call) -> Json:
    session = call.named("checkout.session", "session")
    if session["status"] != "open":
        raise Conflict(f"This Checkout Session has a status of {session['status']}.")
    expected = call.params.get("expected_amount")
    if expected is not None and int(expected) != (session["amount_total"] or 0):
        raise InvalidRequest(
            "The amount of the Checkout Session has changed. Show the new one and try again.",
            code="checkout_amount_mismatch",
            param="expected_amount",
        )
    intent = tried(call, session, call.params.get("payment_method") or "pm_card_visa")
    if intent and intent["status"] == "requires_action":
        return session
    return sessions.complete(call, session, intent)
