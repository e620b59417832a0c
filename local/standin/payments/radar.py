"""What Radar and the networks say of a payment: reviews, and early fraud warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.errors import Conflict
from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import route

if TYPE_CHECKING:
    from local.standin.engine.call import Call

WARNINGS = "/v1/radar/early_fraud_warnings"


def open_review(call: Call, charge: Json, intent: Json) -> None:
    """Ask the merchant to look at a payment that has succeeded: a rule holds it for risky."""
    review: Json = {
        "id": call.new_id("prv"), "object": "review", "billing_zip": None, "charge": charge["id"],
        "closed_reason": None, "created": call.now, "ip_address": None,
        "ip_address_location": None, "livemode": call.livemode, "open": True,
        "opened_reason": "rule", "payment_intent": intent["id"], "reason": "rule", "session": None,
    }  # fmt: skip
    call.insert(review)
    intent["review"] = charge["review"] = review["id"]
    call.save(charge)
    call.emit("review.opened", review)


def warn(call: Call, charge: Json) -> None:
    """Tell that the card's network takes a payment for fraud, before anybody disputes it."""
    warning: Json = {
        "id": call.new_id("issfr"), "object": "radar.early_fraud_warning", "actionable": True,
        "charge": charge["id"], "created": call.now, "fraud_type": "unauthorized_use_of_card",
        "livemode": call.livemode, "payment_intent": charge["payment_intent"],
    }  # fmt: skip
    call.insert(warning)
    call.emit("radar.early_fraud_warning.created", warning)


def end_doubts(call: Call, charge: Json, reason: str) -> None:
    """End what was doubted of a payment once it is disputed, or refunded as a whole."""
    of_charge = [("charge", "=", charge["id"])]
    for warning in call.store.select(call.scope, "radar.early_fraud_warning", of_charge):
        if warning["actionable"]:
            warning["actionable"] = False
            call.change(warning, "radar.early_fraud_warning.updated")
    for review in call.store.select(call.scope, "review", of_charge):
        if review["open"]:
            close(call, review, reason)
            charge["review"] = None


def close(call: Call, review: Json, reason: str) -> Json:
    review.update(open=False, closed_reason=reason, reason=reason)
    for kind in ("charge", "payment_intent"):
        doubted = call.get(kind, review[kind])
        doubted["review"] = None
        call.save(doubted)
    return call.change(review, "review.closed")


@route("GET", "/v1/reviews", "ReviewListParams")
def list_reviews(call: Call) -> Json:
    """List the open ones only, as Stripe does."""
    return answer_list(call, "review", conditions=[("open", "=", True)])


@route("GET", "/v1/reviews/{id}", "ReviewRetrieveParams")
def retrieve_review(call: Call) -> Json:
    return call.named("review", "review")


@route("POST", "/v1/reviews/{id}/approve", "ReviewApproveParams")
def approve(call: Call) -> Json:
    review = call.named("review", "review")
    if not review["open"]:
        raise Conflict("This review is already closed.")
    return close(call, review, "approved")


@route("GET", WARNINGS, "radar.EarlyFraudWarningListParams")
def list_warnings(call: Call) -> Json:
    return answer_list(call, "radar.early_fraud_warning", "charge", "payment_intent")


@route("GET", WARNINGS + "/{id}", "radar.EarlyFraudWarningRetrieveParams")
def retrieve_warning(call: Call) -> Json:
    return call.named("radar.early_fraud_warning", "early_fraud_warning")
