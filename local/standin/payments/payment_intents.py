"""PaymentIntents: the state machine, as data, and its operations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from local.standin.engine.errors import Conflict, InvalidRequest
from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import route
from local.standin.engine.search import answer_search
from local.standin.funds import shares
from local.standin.funds.currencies import require_amount, require_currency, require_step
from local.standin.payments import charging, takings
from local.standin.payments.addresses import parcel
from local.standin.payments.cards import BY_NAME
from local.standin.payments.payment_methods import (
    USED_UP,
    made_from,
    resolved,
    someone_elses,
)
from local.standin.payments.states import CHARGE, INTENT

if TYPE_CHECKING:
    from local.standin.engine.call import Call

ALWAYS_CHANGEABLE = frozenset({
    "description", "metadata", "receipt_email", "shipping", "transfer_group",
})  # fmt: skip
# A change of these has to be confirmed again: the payer has agreed to something else.
REDONE_AFTER = frozenset({"amount", "currency", "payment_method", "payment_method_data"})
SETTABLE = (
    "application_fee_amount", "customer", "description", "on_behalf_of", "receipt_email",
    "setup_future_usage", "statement_descriptor", "statement_descriptor_suffix",
    "transfer_data", "transfer_group",
)  # fmt: skip
SUFFIX_LENGTH_MAX = 22
FORBIDDEN_IN_STATEMENT = re.compile(r"[<>\\'\"*]")
NEEDS_RETURN_URL = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because "
    "some of these payment methods might redirect your customer off of your page, you must provide "
    "a `return_url`. If you don't want to accept redirect-based payment methods, set "
    "`automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
    "Payment Intents."
)


OPENED_BY_CHECKOUT = "You cannot perform this action on PaymentIntents created by Checkout."
EXPIRE_INSTEAD = " Try expiring the Checkout Session instead."


def require_state(intent: Json, operation: str, **words: Any) -> None:
    INTENT.require(intent, operation, about={"payment_intent": intent}, **words)


def require_own(call: Call, intent: Json, hint: str = "") -> None:
    """Leave the intent of an open Checkout Session to the session."""
    session = call.find("checkout.session", call.hidden(intent["id"]).get("session", ""))
    if session is not None and session["status"] == "open":
        raise InvalidRequest(OPENED_BY_CHECKOUT + hint)


def check_statement(params: Json) -> None:
    for name in ("statement_descriptor", "statement_descriptor_suffix"):
        text = params.get(name)
        if not text:
            continue
        if len(text) > SUFFIX_LENGTH_MAX:
            raise InvalidRequest(
                f"The statement descriptor must be at most {SUFFIX_LENGTH_MAX} characters.",
                param=name,
            )
        if FORBIDDEN_IN_STATEMENT.search(text):
            raise InvalidRequest(
                "The statement descriptor must not contain any of the following characters: "
                "< > \\ ' \" *.",
                param=name,
            )
        if not re.search(r"[A-Za-z]", text):
            raise InvalidRequest(
                "The statement descriptor must contain at least one alphabetic character.",
                param=name,
            )


def check_references(call: Call, params: Json) -> None:
    if params.get("customer"):
        call.get("customer", params["customer"], param="customer")
    destination = (params.get("transfer_data") or {}).get("destination")
    if destination:
        shares.require_destination(call, destination)
    fee = params.get("application_fee_amount")
    if fee and not destination and call.platform is None:
        raise InvalidRequest(
            "Can only apply an application_fee_amount when the PaymentIntent is attempting a "
            "direct payment (using an OAuth key or Stripe-Account header) or destination "
            "payment (using `transfer_data[destination]`).",
            param="application_fee_amount",
        )


def new_intent(call: Call, given: Json) -> Json:
    currency = require_currency(given["currency"])
    require_amount(given["amount"], currency)
    check_statement(given)
    check_references(call, given)
    ident = call.new_id("pi")
    allowed = given.get("allowed_payment_method_types") or given.get("payment_method_types")
    automatic = None if allowed else automatic_methods(given)
    intent: Json = {
        "id": ident, "object": "payment_intent", "allowed_payment_method_types": allowed,
        "amount": given["amount"], "amount_capturable": 0,
        "amount_details": {"tip": {}}, "amount_received": 0, "application": None,
        "application_fee_amount": None, "automatic_payment_methods": automatic,
        "canceled_at": None, "cancellation_reason": None,
        "capture_method": given.get("capture_method") or "automatic_async",
        "client_secret": call.secret_for(ident),
        "confirmation_method": given.get("confirmation_method") or "automatic",
        "created": call.now, "currency": currency, "customer": None,
        "customer_account": None, "description": None,
        "excluded_payment_method_types": given.get("excluded_payment_method_types"),
        "last_payment_error": None, "latest_charge": None, "livemode": call.livemode,
        "managed_payments": {"enabled": False},
        "metadata": given.get("metadata") or {}, "next_action": None, "on_behalf_of": None,
        "payment_method": None, "payment_method_configuration_details": None,
        "payment_method_options": {"card": {
            "installments": None, "mandate_options": None, "network": None,
            "request_three_d_secure": "automatic",
        }},
        "payment_method_types": allowed or ["card"], "processing": None, "receipt_email": None,
        "review": None, "setup_future_usage": None,
        "shared_payment_granted_token": None, "shipping": None, "source": None,
        "statement_descriptor": None, "statement_descriptor_suffix": None,
        "status": "requires_payment_method", "transfer_data": None, "transfer_group": None,
    }  # fmt: skip
    put(intent, given)
    call.insert(intent)
    return intent


def put(intent: Json, given: Json) -> None:
    intent.update({name: given[name] for name in SETTABLE if name in given})
    if "shipping" in given:
        intent["shipping"] = parcel(given["shipping"])


def automatic_methods(given: Json) -> Json:
    wanted = given.get("automatic_payment_methods") or {}
    return {"allow_redirects": wanted.get("allow_redirects", "always"), "enabled": True}


def method_given(call: Call, intent: Json, params: Json) -> Json | None:
    """Find the payment method that these parameters bring, whichever way."""
    if params.get("payment_method"):
        method = resolved(call, params["payment_method"])
    elif params.get("payment_method_data"):
        method = made_from(call, params["payment_method_data"])
    else:
        return None
    if method["customer"] not in {None, intent["customer"]}:
        raise InvalidRequest(
            someone_elses(method, intent, "PaymentIntent"), param="payment_method",
            payment_intent=intent,
        )  # fmt: skip
    if method["customer"] is None and call.hidden(method["id"]).get("used_up"):
        raise InvalidRequest(USED_UP, param="payment_method")
    return method


@route("POST", "/v1/payment_intents", "PaymentIntentCreateParams")
def create(call: Call) -> Json:
    params = call.params
    if params.get("off_session") and not params.get("confirm"):
        raise InvalidRequest(
            "`off_session` can only be specified when `confirm` is `true`.", param="off_session"
        )
    intent = new_intent(call, params)
    if params.get("return_url"):
        call.hide(intent["id"], return_url=params["return_url"])
    if method := method_given(call, intent, params):
        INTENT.move(intent, "update", "requires_confirmation", payment_method=method["id"])
        call.save(intent)
    call.emit("payment_intent.created", intent)
    return confirmed(call, intent, params) if params.get("confirm") else intent


def confirmed(call: Call, intent: Json, params: Json) -> Json:
    if intent["payment_method"] is None:
        raise Conflict(
            missing_method(intent), code="payment_intent_unexpected_state", payment_intent=intent
        )
    off_session = bool(params.get("off_session"))
    # On the hosted page Stripe itself is where a redirect comes back to.
    if not off_session and not params.get("hosted"):
        require_return_url(call, intent)
    method = call.get("payment_method", intent["payment_method"], param="payment_method")
    if params.get("error_on_requires_action") and call_would_ask(call, method):
        off_session = True
    return charging.attempt(call, intent, method, off_session=off_session)


def missing_method(intent: Json) -> str:
    sentence = "You cannot confirm this PaymentIntent because it's missing a payment method. "
    if customer := intent["customer"]:
        return sentence + (
            f"To confirm the PaymentIntent with {customer}, specify a payment method attached to "
            "this customer along with the customer ID."
        )
    return sentence + (
        "You can either update the PaymentIntent with a payment method and then confirm it again, "
        "or confirm it again directly with a payment method or ConfirmationToken."
    )


def call_would_ask(call: Call, method: Json) -> bool:
    if method["type"] != "card":
        return False
    card = BY_NAME[call.hidden(method["id"])["behaviour"]]
    return charging.asks_payer(call, card, method, off_session=False)


def require_return_url(call: Call, intent: Json) -> None:
    automatic = intent["automatic_payment_methods"]
    may_redirect = automatic is not None and automatic["allow_redirects"] != "never"
    if may_redirect and not call.hidden(intent["id"]).get("return_url"):
        raise InvalidRequest(NEEDS_RETURN_URL)


@route("GET", "/v1/payment_intents/search", "PaymentIntentSearchParams")
def search(call: Call) -> Json:
    return answer_search(call, "payment_intent")


@route("GET", "/v1/payment_intents", "PaymentIntentListParams")
def list_intents(call: Call) -> Json:
    return answer_list(call, "payment_intent", "customer")


@route("GET", "/v1/payment_intents/{id}", "PaymentIntentRetrieveParams", publishable=True)
def retrieve(call: Call) -> Json:
    return for_this_key(call, call.named("payment_intent", "intent"))


def for_this_key(call: Call, intent: Json) -> Json:
    """Show a publishable key an intent only with its client secret, and less of it."""
    if call.credentials is None or not call.credentials.is_publishable:
        return intent
    if call.params.get("client_secret") != intent["client_secret"]:
        raise InvalidRequest(
            "The client_secret provided does not match the client_secret associated with this "
            f"{'PaymentIntent' if intent['object'] == 'payment_intent' else 'SetupIntent'}.",
            param="client_secret",
        )
    hidden = {"customer", "metadata", "on_behalf_of", "application_fee_amount", "transfer_data"}
    return {name: value for name, value in intent.items() if name not in hidden}


@route("POST", "/v1/payment_intents/{id}", "PaymentIntentUpdateParams")
def update(call: Call) -> Json:
    intent = call.named("payment_intent", "intent")
    require_changeable(intent, call.params)
    apply_changes(call, intent, call.params)
    call.merge_metadata(intent)
    if intent["payment_method"] and call.params.keys() & REDONE_AFTER:
        INTENT.move(intent, "update", "requires_confirmation", next_action=None)
    elif INTENT.allows(intent, "update"):
        INTENT.move(intent, "update", intent["status"])
    intent["last_payment_error"] = None
    call.save(intent)
    return intent


def require_changeable(intent: Json, params: Json) -> None:
    fixed = [name for name in params if name not in ALWAYS_CHANGEABLE]
    if fixed:
        require_state(intent, "update", param=fixed[0])


def apply_changes(call: Call, intent: Json, params: Json) -> None:
    check_statement(params)
    check_references(call, params)
    if params.get("currency"):
        intent["currency"] = require_currency(params["currency"])
    if "amount" in params:
        require_amount(params["amount"], intent["currency"])
        intent["amount"] = params["amount"]
    if "capture_method" in params:
        intent["capture_method"] = params["capture_method"]
    put(intent, params)
    if params.get("return_url"):
        call.hide(intent["id"], return_url=params["return_url"])
    if method := method_given(call, intent, params):
        intent["payment_method"] = method["id"]


@route("POST", "/v1/payment_intents/{id}/confirm", "PaymentIntentConfirmParams", publishable=True)
def confirm(call: Call) -> Json:
    intent = call.named("payment_intent", "intent")
    for_this_key(call, intent)
    require_own(call, intent)
    if intent["status"] != "succeeded" and "payment_method" in call.params:
        require_state(intent, "update", param="payment_method")
    require_state(intent, "confirm")
    apply_changes(call, intent, call.params)
    return confirmed(call, intent, call.params)


@route("POST", "/v1/payment_intents/{id}/cancel", "PaymentIntentCancelParams")
def cancel(call: Call) -> Json:
    intent = call.named("payment_intent", "intent")
    require_own(call, intent, EXPIRE_INSTEAD)
    require_state(intent, "cancel")
    return canceled(call, intent, call.params.get("cancellation_reason"))


def canceled(call: Call, intent: Json, reason: str | None) -> Json:
    if intent["status"] == "requires_capture":
        release(call, intent)
    INTENT.move(
        intent, "cancel", "canceled",
        canceled_at=call.now, cancellation_reason=reason, next_action=None, amount_capturable=0,
    )  # fmt: skip
    call.save(intent)
    call.emit("payment_intent.canceled", intent)
    return intent


def release(call: Call, intent: Json) -> None:
    """Give an authorization back: the charge shows as refunded without having been taken."""
    charge = call.get("charge", intent["latest_charge"])
    CHARGE.move(charge, "release", "released", refunded=True, amount_refunded=charge["amount"])
    call.change(charge, "charge.refunded")


@route("POST", "/v1/payment_intents/{id}/capture", "PaymentIntentCaptureParams")
def capture(call: Call) -> Json:
    intent = call.named("payment_intent", "intent")
    require_state(intent, "capture")
    amount = int(call.params.get("amount_to_capture", str(intent["amount_capturable"])))
    require_capturable(intent, amount)
    if "application_fee_amount" in call.params:
        intent["application_fee_amount"] = call.params["application_fee_amount"]
    call.merge_metadata(intent)
    return captured(call, intent, amount)


def require_capturable(intent: Json, amount: int) -> None:
    if amount < 0:
        raise InvalidRequest(
            "Invalid non-negative integer", param="amount_to_capture", payment_intent=intent
        )
    if amount == 0:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer", param="amount", payment_intent=intent,
        )  # fmt: skip
    if amount > intent["amount_capturable"]:
        raise InvalidRequest(
            "The payment could not be captured because the requested capture amount is greater "
            "than the amount you can capture for this charge.",
            code="amount_too_large", param="amount_to_capture", payment_intent=intent,
        )  # fmt: skip
    require_step(amount, intent["currency"], "amount_to_capture")


def captured(call: Call, intent: Json, amount: int) -> Json:
    """Take a part or all of what is held; Stripe releases the rest."""
    charge = call.get("charge", intent["latest_charge"])
    card = BY_NAME[call.hidden(charge["id"])["behaviour"]]
    at_once = card.settles_at_once
    takings.collect(call, intent, charge, "capture", amount, at_once=at_once)
    charging.finish(call, intent, charge, "capture")
    return intent


def authenticated(call: Call, intent: Json, *, passed: bool) -> Json:
    """Go on after the bank's page, where the payer confirmed or gave up."""
    if not passed:
        charging.fail_authentication(call, intent)
        return intent
    method = call.get("payment_method", intent["payment_method"])
    return charging.attempt(call, intent, method, "authenticate")
