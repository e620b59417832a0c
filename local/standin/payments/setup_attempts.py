"""SetupAttempts: each try to save a payment method, as its intent's `latest_attempt` names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import route

if TYPE_CHECKING:
    from local.standin.engine.call import Call


def begin(call: Call, intent: Json, method: Json) -> None:
    """Note a new attempt; what becomes of it is what becomes of the intent."""
    kind = method["type"]
    details: Json = {}
    if kind == "card":
        shown = method["card"]
        details = {
            "brand": shown["brand"], "checks": shown["checks"], "country": shown["country"],
            "exp_month": shown["exp_month"], "exp_year": shown["exp_year"],
            "fingerprint": shown["fingerprint"], "funding": shown["funding"],
            "last4": shown["last4"], "network": shown["brand"], "three_d_secure": None,
            "wallet": None,
        }  # fmt: skip
    attempt = call.insert({
        "id": call.new_id("setatt"), "object": "setup_attempt", "application": None,
        "created": call.now, "customer": intent["customer"], "customer_account": None,
        "flow_directions": None, "livemode": call.livemode,
        "on_behalf_of": intent["on_behalf_of"], "payment_method": method["id"],
        "payment_method_details": {kind: details, "type": kind}, "setup_error": None,
        "setup_intent": intent["id"], "status": "processing", "usage": intent["usage"],
    })  # fmt: skip
    intent["latest_attempt"] = attempt["id"]


def follow(call: Call, intent: Json) -> None:
    """Let the latest attempt end, or wait, as its intent does."""
    attempt = call.find("setup_attempt", intent["latest_attempt"] or "")
    if attempt is None:
        return
    failed = "abandoned" if intent["status"] == "canceled" else "failed"
    attempt["status"] = {
        "succeeded": "succeeded", "requires_action": "requires_action",
    }.get(intent["status"], failed)  # fmt: skip
    attempt["setup_error"] = intent["last_setup_error"]
    call.save(attempt)


@route("GET", "/v1/setup_attempts", "SetupAttemptListParams")
def list_attempts(call: Call) -> Json:
    call.get("setup_intent", call.params["setup_intent"], param="setup_intent")
    wanted = [("setup_intent", "=", call.params["setup_intent"])]
    return answer_list(call, "setup_attempt", conditions=wanted)
