"""Charges: read, described, and captured the old way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.errors import InvalidRequest
from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import route
from local.standin.engine.search import answer_search
from local.standin.payments import payment_intents
from local.standin.payments.addresses import parcel
from local.standin.payments.cards import by_handle
from local.standin.payments.payment_methods import card_of, new_card_method, spent
from local.standin.payments.states import CHARGE, HOLD

if TYPE_CHECKING:
    from local.standin.engine.call import Call


@route("GET", "/v1/charges/search", "ChargeSearchParams")
def search(call: Call) -> Json:
    return answer_search(call, "charge")


@route("GET", "/v1/charges", "ChargeListParams")
def list_charges(call: Call) -> Json:
    return answer_list(call, "charge", "customer", "payment_intent", "transfer_group")


@route("GET", "/v1/charges/{id}", "ChargeRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.named("charge")


@route("POST", "/v1/charges", "ChargeCreateParams")
def create(call: Call) -> Json:
    """Charge a token at once, as the older API did; underneath is an intent."""
    params = call.params
    for name in ("amount", "currency"):
        if name not in params:
            raise InvalidRequest(
                f"Missing required param: {name}.", code="parameter_missing", param=name
            )
    source = params.get("source") or ""
    card = by_handle(source)
    if card is None and source.startswith("tok_"):
        card, _ = card_of(call, {"token": source}), spent(call, source)
    if card is None:
        raise InvalidRequest(
            "Must provide source or customer.", code="parameter_missing", param="source"
        )
    method = new_card_method(call, card, {})
    given: Json = {
        name: params[name] for name in ("amount", "currency", "metadata") if name in params
    }
    intent = payment_intents.new_intent(call, {
        **given, "capture_method": "automatic" if params.get("capture", True) else "manual",
        "description": params.get("description"), "customer": params.get("customer"),
    })  # fmt: skip
    intent["payment_method"] = method["id"]
    payment_intents.confirmed(call, intent, {"off_session": True})
    call.hide(intent["latest_charge"], by_itself=True)
    return call.get("charge", intent["latest_charge"])


@route("POST", "/v1/charges/{id}", "ChargeUpdateParams")
def update(call: Call) -> Json:
    charge = call.named("charge")
    for name in ("customer", "description", "receipt_email", "transfer_group"):
        if name in call.params:
            charge[name] = call.params[name]
    if "shipping" in call.params:
        charge["shipping"] = parcel(call.params["shipping"])
    if fraud := call.params.get("fraud_details"):
        charge["fraud_details"].update(fraud)
    call.merge_metadata(charge)
    return call.change(charge, "charge.updated")


@route("POST", "/v1/charges/{id}/capture", "ChargeCaptureParams")
def capture(call: Call) -> Json:
    charge = call.named("charge", "charge")
    CHARGE.require(charge, "capture")
    intent = call.get("payment_intent", charge["payment_intent"])
    if not call.hidden(charge["id"]).get("by_itself"):
        raise InvalidRequest(
            f"This uncaptured Charge was created by a PaymentIntent ({intent['id']}). You must "
            f"capture the PaymentIntent instead. For more information, see {HOLD}"
        )
    amount = int(call.params.get("amount", str(charge["amount"])))
    payment_intents.require_capturable(intent, amount)
    payment_intents.captured(call, intent, amount)
    return call.get("charge", charge["id"])
