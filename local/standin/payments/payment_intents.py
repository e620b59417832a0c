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
from local.standin.funds.currencies import require_amount, require_currency, shown
from local.standin.payments import charging
from local.standin.payments.cards import BY_NAME
from local.standin.payments.payment_methods import USED_UP, made_from, resolved

if TYPE_CHECKING:
    from local.standin.engine.call import Call

# What may be done in which state; everything else is a conflict.
STATES: dict[str, frozenset[str]] = {
    "requires_payment_method": frozenset({"update", "confirm", "cancel"}),
    "requires_confirmation": frozenset({"update", "confirm", "cancel"}),
    "requires_action": frozenset({"update", "confirm", "cancel", "authenticate"}),
    "processing": frozenset(),
    "requires_capture": frozenset({"capture", "cancel"}),
    "succeeded": frozenset(),
    "canceled": frozenset(),
}
SPOKEN = {"cancel": "canceled", "capture": "captured", "confirm": "confirmed", "update": "updated"}
ALWAYS_CHANGEABLE = frozenset({"description", "metadata", "receipt_email", "shipping"})
SETTABLE = (
    "application_fee_amount", "customer", "description", "on_behalf_of", "receipt_email",
    "setup_future_usage", "shipping", "statement_descriptor", "statement_descriptor_suffix",
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


def require_state(intent: Json, operation: str) -> None:
    if operation in STATES[intent["status"]]:
        return
    allowed = ", ".join(state for state, operations in STATES.items() if operation in operations)
    done = SPOKEN[operation]
    sentence = (
        f"You cannot {operation} this PaymentIntent because it has a status of {intent['status']}. "
        f"Only a PaymentIntent with one of the following statuses may be {done}: {allowed}."
    )
    if operation == "confirm" and intent["status"] == "succeeded":
        sentence = (
            "You cannot confirm this PaymentIntent because it has already succeeded after being "
            "previously confirmed."
        )
    raise Conflict(sentence, code="payment_intent_unexpected_state", payment_intent=intent)


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
        "id": ident, "object": "payment_intent", "amount": given["amount"], "amount_capturable": 0,
        "amount_details": {"tip": {}}, "amount_received": 0, "application": None,
        "application_fee_amount": None, "automatic_payment_methods": automatic,
        "canceled_at": None, "cancellation_reason": None,
        "capture_method": given.get("capture_method") or "automatic_async",
        "client_secret": call.secret_for(ident),
        "confirmation_method": given.get("confirmation_method") or "automatic",
        "created": call.now, "currency": currency, "customer": None, "description": None,
        "excluded_payment_method_types": given.get("excluded_payment_method_types"),
        "last_payment_error": None, "latest_charge": None, "livemode": call.livemode,
        "metadata": given.get("metadata") or {}, "next_action": None, "on_behalf_of": None,
        "payment_method": None, "payment_method_configuration_details": None,
        "payment_method_options": {"card": {
            "installments": None, "mandate_options": None, "network": None,
            "request_three_d_secure": "automatic",
        }},
        "payment_method_types": allowed or ["card"], "processing": None, "receipt_email": None,
        "review": None, "setup_future_usage": None, "shipping": None,
        "statement_descriptor": None, "statement_descriptor_suffix": None,
        "status": "requires_payment_method", "transfer_data": None, "transfer_group": None,
    }  # fmt: skip
    if allowed:
        intent["allowed_payment_method_types"] = allowed
    intent.update({name: given[name] for name in SETTABLE if name in given})
    call.insert(intent)
    return intent


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
            f"The provided PaymentMethod {method['id']} belongs to a different Customer than the "
            "one of the PaymentIntent. Include that Customer in the `customer` parameter.",
            param="payment_method",
        )
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
        intent.update(payment_method=method["id"], status="requires_confirmation")
        call.save(intent)
    call.emit("payment_intent.created", intent)
    return confirmed(call, intent, params) if params.get("confirm") else intent


def confirmed(call: Call, intent: Json, params: Json) -> Json:
    if intent["payment_method"] is None:
        raise Conflict(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            payment_intent=intent,
        )
    off_session = bool(params.get("off_session"))
    # On the hosted page Stripe itself is where a redirect comes back to.
    if not off_session and not params.get("hosted"):
        require_return_url(call, intent)
    method = call.get("payment_method", intent["payment_method"], param="payment_method")
    if params.get("error_on_requires_action") and call_would_ask(call, method):
        off_session = True
    return charging.attempt(call, intent, method, off_session=off_session)


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
    params = call.params
    if not params.keys() <= ALWAYS_CHANGEABLE:
        require_state(intent, "update")
    apply_changes(call, intent, params)
    call.merge_metadata(intent)
    call.save(intent)
    return intent


def apply_changes(call: Call, intent: Json, params: Json) -> None:
    check_statement(params)
    check_references(call, params)
    if params.get("currency"):
        intent["currency"] = require_currency(params["currency"])
    if "amount" in params:
        require_amount(params["amount"], intent["currency"])
        intent["amount"] = params["amount"]
    for name in ("capture_method", *SETTABLE):
        if name in params:
            intent[name] = params[name]
    if params.get("return_url"):
        call.hide(intent["id"], return_url=params["return_url"])
    if method := method_given(call, intent, params):
        intent.update(payment_method=method["id"], status="requires_confirmation")


@route("POST", "/v1/payment_intents/{id}/confirm", "PaymentIntentConfirmParams", publishable=True)
def confirm(call: Call) -> Json:
    intent = call.named("payment_intent", "intent")
    for_this_key(call, intent)
    require_state(intent, "confirm")
    apply_changes(call, intent, call.params)
    call.save(intent)
    return confirmed(call, intent, call.params)


@route("POST", "/v1/payment_intents/{id}/cancel", "PaymentIntentCancelParams")
def cancel(call: Call) -> Json:
    intent = call.named("payment_intent", "intent")
    require_state(intent, "cancel")
    return canceled(call, intent, call.params.get("cancellation_reason"))


def canceled(call: Call, intent: Json, reason: str | None) -> Json:
    if intent["status"] == "requires_capture":
        release(call, intent)
    intent.update(
        status="canceled", canceled_at=call.now, cancellation_reason=reason, next_action=None,
        amount_capturable=0,
    )  # fmt: skip
    call.save(intent)
    call.emit("payment_intent.canceled", intent)
    return intent


def release(call: Call, intent: Json) -> None:
    """Give an authorization back: the charge shows as refunded without having been taken."""
    charge = call.get("charge", intent["latest_charge"])
    charge.update(refunded=True, amount_refunded=charge["amount"])
    call.change(charge, "charge.refunded")


@route("POST", "/v1/payment_intents/{id}/capture", "PaymentIntentCaptureParams")
def capture(call: Call) -> Json:
    intent = call.named("payment_intent", "intent")
    require_state(intent, "capture")
    amount = int(call.params.get("amount_to_capture") or intent["amount_capturable"])
    if not 1 <= amount <= intent["amount_capturable"]:
        most = shown(intent["amount_capturable"], intent["currency"])
        raise InvalidRequest(
            f"The amount to capture must be positive and not above what is capturable ({most}).",
            code="amount_too_large" if amount > 0 else "parameter_invalid_integer",
            param="amount_to_capture",
        )
    if "application_fee_amount" in call.params:
        intent["application_fee_amount"] = call.params["application_fee_amount"]
    call.merge_metadata(intent)
    return captured(call, intent, amount)


def captured(call: Call, intent: Json, amount: int) -> Json:
    charge = call.get("charge", intent["latest_charge"])
    before = {"captured": False, "amount_captured": 0, "balance_transaction": None}
    card: Any = BY_NAME[call.hidden(charge["id"])["behaviour"]]
    if amount < charge["amount"]:
        charge["amount_refunded"] = charge["amount"] - amount
    charging.collect(call, intent, charge, amount, at_once=card.settles_at_once)
    intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
    call.save(intent)
    call.emit("charge.captured", charge, before)
    call.emit("payment_intent.succeeded", intent)
    return intent


def authenticated(call: Call, intent: Json, *, passed: bool) -> Json:
    """Go on after the bank's page, where the payer confirmed or gave up."""
    if not passed:
        charging.fail_authentication(call, intent)
        return intent
    method = call.get("payment_method", intent["payment_method"])
    return charging.attempt(call, intent, method, authenticated=True)
