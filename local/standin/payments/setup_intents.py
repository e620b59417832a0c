"""SetupIntents: a method saved for later, without money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.errors import Conflict, InvalidRequest
from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import route
from local.standin.payments import setup_attempts
from local.standin.payments.cards import NOT_AUTHENTICATED, Decline
from local.standin.payments.mandates import mandate_of
from local.standin.payments.payment_intents import NEEDS_RETURN_URL, automatic_methods, for_this_key
from local.standin.payments.payment_methods import (
    attach_to,
    card_behaviour,
    declined_error,
    made_from,
    resolved,
    someone_elses,
)
from local.standin.payments.states import SETUP

if TYPE_CHECKING:
    from local.standin.engine.call import Call

ALWAYS_CHANGEABLE = frozenset({"customer", "description", "metadata"})


def require_state(intent: Json, operation: str) -> None:
    SETUP.require(intent, operation, about={"setup_intent": intent})


def new_intent(call: Call, given: Json) -> Json:
    ident = call.new_id("seti")
    allowed = given.get("allowed_payment_method_types") or given.get("payment_method_types")
    intent = {
        "id": ident, "object": "setup_intent", "application": None,
        "automatic_payment_methods": None if allowed else automatic_methods(given),
        "cancellation_reason": None, "client_secret": call.secret_for(ident), "created": call.now,
        "customer": given.get("customer"), "description": given.get("description"),
        "excluded_payment_method_types": given.get("excluded_payment_method_types"),
        "flow_directions": None, "last_setup_error": None, "latest_attempt": None,
        "livemode": call.livemode, "mandate": None, "metadata": given.get("metadata") or {},
        "next_action": None, "on_behalf_of": given.get("on_behalf_of"), "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {
            "mandate_options": None, "network": None, "request_three_d_secure": "automatic",
        }},
        "payment_method_types": allowed or ["card"], "single_use_mandate": None,
        "status": "requires_payment_method", "usage": given.get("usage") or "off_session",
    }  # fmt: skip
    call.insert(intent)
    return intent


def put_method(call: Call, intent: Json, params: Json) -> bool:
    """Find the payment method that these parameters bring, if they bring one."""
    if params.get("payment_method"):
        method = resolved(call, params["payment_method"])
    elif params.get("payment_method_data"):
        method = made_from(call, params["payment_method_data"])
    else:
        return False
    if method["customer"] not in {None, intent["customer"]}:
        raise InvalidRequest(
            someone_elses(method, intent, "SetupIntent"), param="payment_method",
            setup_intent=intent,
        )  # fmt: skip
    intent["payment_method"] = method["id"]
    return True


@route("POST", "/v1/setup_intents", "SetupIntentCreateParams")
def create(call: Call) -> Json:
    params = call.params
    if params.get("customer"):
        call.get("customer", params["customer"], param="customer")
    intent = new_intent(call, params)
    if params.get("return_url"):
        call.hide(intent["id"], return_url=params["return_url"])
    if put_method(call, intent, params):
        SETUP.move(intent, "update", "requires_confirmation")
        call.save(intent)
    call.emit("setup_intent.created", intent)
    return confirmed(call, intent) if params.get("confirm") else intent


def confirmed(call: Call, intent: Json) -> Json:
    if intent["payment_method"] is None:
        raise Conflict(
            "You cannot confirm this SetupIntent because it's missing a payment method. You can "
            "either update the SetupIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
            code="setup_intent_unexpected_state",
            setup_intent=intent,
        )
    automatic = intent["automatic_payment_methods"]
    may_redirect = automatic is not None and automatic["allow_redirects"] != "never"
    if may_redirect and not call.hidden(intent["id"]).get("return_url"):
        raise InvalidRequest(NEEDS_RETURN_URL)
    return attempt(call, intent)


def attempt(call: Call, intent: Json, operation: str = "confirm") -> Json:
    method = call.get("payment_method", intent["payment_method"], param="payment_method")
    if operation == "confirm":
        setup_attempts.begin(call, intent, method)
    if method["type"] == "card":
        card = card_behaviour(call, method)
        if card.authentication in {"required", "until_set_up"} and operation == "confirm":
            return require_action(call, intent)
        # A card that fails only later still saves; a card that the bank refuses does not.
        if card.decline is not None and not card.attaches:
            return refuse(call, intent, method, card.decline, operation)
    return succeed(call, intent, method, operation)


def ended(call: Call, intent: Json) -> None:
    call.save(intent)
    setup_attempts.follow(call, intent)


def require_action(call: Call, intent: Json) -> Json:
    url = f"{call.world.base_url}/c/authenticate/{intent['id']}"
    back = call.hidden(intent["id"]).get("return_url")
    step = {"type": "redirect_to_url", "redirect_to_url": {"return_url": back, "url": url}}
    SETUP.move(intent, "confirm", "requires_action", next_action=step, last_setup_error=None)
    ended(call, intent)
    call.emit("setup_intent.requires_action", intent)
    return intent


def refuse(call: Call, intent: Json, method: Json, declined: Decline, operation: str) -> Json:
    SETUP.move(
        intent, operation, "requires_payment_method",
        payment_method=None, next_action=None,
        last_setup_error={
            "code": declined.code, "decline_code": declined.decline_code,
            "message": declined.message, "payment_method": method, "type": "card_error",
        },
    )  # fmt: skip
    ended(call, intent)
    call.emit("setup_intent.setup_failed", intent)
    raise declined_error(declined, setup_intent=intent, payment_method=method)


def succeed(call: Call, intent: Json, method: Json, operation: str) -> Json:
    if intent["customer"]:
        attach_to(call, method, intent["customer"])
    call.hide(method["id"], set_up=True)
    if method["type"] != "card":
        intent["mandate"] = mandate_of(call, method)
    SETUP.move(intent, operation, "succeeded", next_action=None, last_setup_error=None)
    ended(call, intent)
    call.emit("setup_intent.succeeded", intent)
    return intent


def authenticated(call: Call, intent: Json, *, passed: bool) -> Json:
    if passed:
        return attempt(call, intent, "authenticate")
    method = call.get("payment_method", intent["payment_method"])
    SETUP.move(
        intent, "authenticate", "requires_payment_method",
        payment_method=None, next_action=None,
        last_setup_error={
            "code": "setup_intent_authentication_failure", "message": NOT_AUTHENTICATED,
            "payment_method": method, "type": "invalid_request_error",
        },
    )  # fmt: skip
    ended(call, intent)
    call.emit("setup_intent.setup_failed", intent)
    return intent


@route("GET", "/v1/setup_intents", "SetupIntentListParams")
def list_intents(call: Call) -> Json:
    return answer_list(call, "setup_intent", "customer", "payment_method")


@route("GET", "/v1/setup_intents/{id}", "SetupIntentRetrieveParams", publishable=True)
def retrieve(call: Call) -> Json:
    return for_this_key(call, call.named("setup_intent", "intent"))


@route("POST", "/v1/setup_intents/{id}", "SetupIntentUpdateParams")
def update(call: Call) -> Json:
    intent = call.named("setup_intent", "intent")
    if not call.params.keys() <= ALWAYS_CHANGEABLE:
        require_state(intent, "update")
    for name in ("customer", "description"):
        if name in call.params:
            intent[name] = call.params[name]
    if put_method(call, intent, call.params):
        SETUP.move(intent, "update", "requires_confirmation", next_action=None)
    elif SETUP.allows(intent, "update"):
        SETUP.move(intent, "update", intent["status"])
    call.merge_metadata(intent)
    call.save(intent)
    return intent


@route("POST", "/v1/setup_intents/{id}/confirm", "SetupIntentConfirmParams", publishable=True)
def confirm(call: Call) -> Json:
    intent = call.named("setup_intent", "intent")
    for_this_key(call, intent)
    if call.params.get("return_url"):
        call.hide(intent["id"], return_url=call.params["return_url"])
    if intent["payment_method"] or SETUP.allows(intent, "confirm"):
        require_state(intent, "confirm")
        put_method(call, intent, call.params)
    return confirmed(call, intent)


@route("POST", "/v1/setup_intents/{id}/cancel", "SetupIntentCancelParams")
def cancel(call: Call) -> Json:
    intent = call.named("setup_intent", "intent")
    require_state(intent, "cancel")
    return canceled(call, intent, call.params.get("cancellation_reason"))


def canceled(call: Call, intent: Json, reason: str | None) -> Json:
    SETUP.move(intent, "cancel", "canceled", cancellation_reason=reason, next_action=None)
    ended(call, intent)
    call.emit("setup_intent.canceled", intent)
    return intent
