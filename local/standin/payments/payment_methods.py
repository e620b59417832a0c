"""Payment methods: cards by handle, token or number, and bank debits."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.standin.engine.errors import CardDeclined, Conflict, InvalidRequest
from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import route
from local.standin.payments import cards, debits
from local.standin.payments.addresses import NO_ADDRESS
from local.standin.payments.cards import Card, Decline
from local.standin.payments.debits import Debit

if TYPE_CHECKING:
    from local.standin.engine.call import Call

NO_DETAILS = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}
USED_UP = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
    "attachment, shared with a connected account without Customer attachment, or was detached from "
    "a Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach "
    "it to a Customer first."
)


def card_details(card: Card, exp_month: int, exp_year: int) -> Json:
    fingerprint = hashlib.sha256(card.number.encode()).hexdigest()[:16]
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None, "address_postal_code_check": None,
            "cvc_check": "unchecked",
        },
        "country": card.country, "display_brand": card.brand, "exp_month": exp_month,
        "exp_year": exp_year, "fingerprint": fingerprint, "funding": card.funding,
        "generated_from": None, "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True}, "wallet": None,
    }  # fmt: skip


def new_method(call: Call, kind: str, details: Json, given: Json) -> Json:
    billing = {**NO_DETAILS, **(given.get("billing_details") or {})}
    billing["address"] = {**NO_ADDRESS, **(billing["address"] or {})}
    return call.insert({
        "id": call.new_id("pm"), "object": "payment_method",
        "allow_redisplay": given.get("allow_redisplay") or "unspecified",
        "billing_details": billing, kind: details, "created": call.now, "customer": None,
        "customer_account": None,
        "livemode": call.livemode, "metadata": given.get("metadata") or {}, "type": kind,
    })  # fmt: skip


def new_card_method(call: Call, card: Card, given: Json) -> Json:
    year = datetime.fromtimestamp(call.now, UTC).year
    wanted = given.get("card") or {}
    details = card_details(card, wanted.get("exp_month", 12), wanted.get("exp_year", year + 1))
    method = new_method(call, "card", details, given)
    call.hide(method["id"], behaviour=card.name)
    return method


def new_debit_method(call: Call, debit: Debit, given: Json) -> Json:
    method = new_method(call, debit.kind, debits.details_of(debit), given)
    call.hide(method["id"], behaviour=debit.name)
    return method


def debit_from_details(call: Call, kind: str, given: Json) -> Json:
    details = given.get(kind) or {}
    number = str(details.get("account_number") or details.get("iban") or "")
    fallback = debits.BY_NAME["sepaDebit" if kind == "sepa_debit" else "usBankAccount"]
    return new_debit_method(call, debits.BY_NUMBER.get(number, fallback), given)


def has_expired(call: Call, method: Json) -> bool:
    today = datetime.fromtimestamp(call.now, UTC)
    card = method["card"]
    return (card["exp_year"], card["exp_month"]) < (today.year, today.month)


def someone_elses(method: Json, intent: Json, spoken: str) -> str:
    """Say that a method belongs to another customer than the intent does."""
    if intent["customer"]:
        return (
            f"The PaymentMethod {method['id']} does not belong to the Customer you supplied "
            f"{intent['customer']}. Please use this PaymentMethod with the Customer that it "
            "belongs to instead."
        )
    return (
        f"The payment method supplied ({method['id']}) belongs to the Customer "
        f"{method['customer']}. Please include the Customer in the `customer` parameter on the "
        f"{spoken}."
    )


def debit_behaviour(call: Call, method: Json) -> Debit:
    return debits.BY_NAME[call.hidden(method["id"])["behaviour"]]


def card_behaviour(call: Call, method: Json) -> Card:
    return cards.BY_NAME[call.hidden(method["id"])["behaviour"]]


def resolved(call: Call, handle: str, param: str = "payment_method") -> Json:
    """Find the payment method of an id; a test handle makes a new one, as at Stripe."""
    if card := cards.by_handle(handle):
        return new_card_method(call, card, {})
    if debit := debits.by_handle(handle):
        return new_debit_method(call, debit, {})
    return call.get("payment_method", handle, param=param)


def card_of(call: Call, given: Json) -> Card:
    if token := given.get("token"):
        if card := cards.by_handle(token):
            return card
        call.get("token", token, param="card[token]")
        return cards.BY_NAME[call.hidden(token)["behaviour"]]
    number = "".join(str(given.get("number", "")).split())
    if not number:
        raise InvalidRequest(
            "Missing required param: card[number].", code="parameter_missing", param="card[number]"
        )
    if card := cards.BY_NUMBER.get(number):
        require_unexpired(call, given)
        return card
    raise CardDeclined("Your card number is incorrect.", code="incorrect_number", param="number")


def spent(call: Call, ident: str) -> Json:
    """Take what a token stands for, once; give when its card expires."""
    token = call.get("token", ident, param="card[token]")
    if token["used"]:
        raise InvalidRequest(
            f"You cannot use a Stripe token more than once: {ident}.",
            code="token_already_used", param="card[token]",
        )  # fmt: skip
    token["used"] = True
    call.save(token)
    return {name: token["card"][name] for name in ("exp_month", "exp_year")}


def require_unexpired(call: Call, given: Json) -> None:
    today = datetime.fromtimestamp(call.now, UTC)
    month, year = given.get("exp_month", 12), given.get("exp_year", today.year + 1)
    if not 1 <= month <= 12:
        raise CardDeclined(
            "Your card's expiration month is invalid.", code="invalid_expiry_month",
            param="exp_month",
        )  # fmt: skip
    if (year, month) < (today.year, today.month):
        raise CardDeclined(
            "Your card's expiration year is invalid.", code="invalid_expiry_year", param="exp_year"
        )


def made_from(call: Call, given: Json) -> Json:
    """Make a payment method from `payment_method_data` or the parameters of create."""
    kind = given.get("type") or "card"
    if kind == "card":
        wanted = given.get("card") or {}
        card = card_of(call, wanted)
        if (token := wanted.get("token")) and cards.by_handle(token) is None:
            given = {**given, "card": spent(call, token)}
        return new_card_method(call, card, given)
    if kind in debits.KINDS:
        return debit_from_details(call, kind, given)
    raise InvalidRequest(
        f"The stand-in has cards and bank debits; the payment method type '{kind}' is not among "
        "them.",
        param="type",
    )


@route("POST", "/v1/payment_methods", "PaymentMethodCreateParams", publishable=True)
def create(call: Call) -> Json:
    if "type" not in call.params and "payment_method" not in call.params:
        raise InvalidRequest(
            "Missing required param: type.", code="parameter_missing", param="type"
        )
    return made_from(call, call.params)


@route("GET", "/v1/payment_methods", "PaymentMethodListParams")
def list_methods(call: Call) -> Json:
    if "customer" in call.params:
        call.get("customer", call.params["customer"], param="customer")
    # Without a customer Stripe lists what belongs to none of them (Treasury); never the loose ones.
    return answer_list(call, "payment_method", "customer", "type",
                       conditions=[("customer", "IS NOT", None)])  # fmt: skip


@route("GET", "/v1/customers/{id}/payment_methods", "CustomerPaymentMethodListParams")
def list_of_customer(call: Call) -> Json:
    customer = call.named("customer", "customer")
    conditions = [("customer", "=", customer["id"])]
    return answer_list(call, "payment_method", "type", conditions=conditions)


@route("GET", "/v1/customers/{id}/payment_methods/{method}", "CustomerPaymentMethodRetrieveParams")
def retrieve_of_customer(call: Call) -> Json:
    method = call.get("payment_method", call.path["method"], in_path=True, param="payment_method")
    if method["customer"] != call.path["id"]:
        call.get("payment_method", "", in_path=True, param="payment_method")
    return method


@route("GET", "/v1/payment_methods/{id}", "PaymentMethodRetrieveParams")
def retrieve(call: Call) -> Json:
    if card := cards.by_handle(call.path["id"]):
        return new_card_method(call, card, {})
    if debit := debits.by_handle(call.path["id"]):
        return new_debit_method(call, debit, {})
    return call.named("payment_method", "payment_method")


@route("POST", "/v1/payment_methods/{id}", "PaymentMethodUpdateParams")
def update(call: Call) -> Json:
    method = call.named("payment_method", "payment_method")
    if billing := call.params.get("billing_details"):
        method["billing_details"] = {**method["billing_details"], **billing}
    for name in ("exp_month", "exp_year"):
        if name in (call.params.get("card") or {}):
            method["card"][name] = call.params["card"][name]
    if "allow_redisplay" in call.params:
        method["allow_redisplay"] = call.params["allow_redisplay"]
    call.merge_metadata(method)
    return call.change(method, "payment_method.updated")


def declined_error(decline: Decline, **about: Any) -> CardDeclined:
    return CardDeclined(
        decline.message,
        code=decline.code,
        decline_code=decline.decline_code,
        advice_code=decline.advice,
        network_advice_code=decline.network_advice,
        network_decline_code=decline.network_code,
        param=decline.param,
        **about,
    )


def asked(method: Json) -> None:
    """Note what the bank has said of a card's code by now."""
    if method["type"] == "card":
        method["card"]["checks"]["cvc_check"] = "pass"


def attach_to(call: Call, method: Json, customer: str) -> Json:
    """Ask the bank before saving: a card that it refuses cannot be saved."""
    if call.hidden(method["id"]).get("used_up"):
        raise InvalidRequest(USED_UP)
    if method["customer"] not in {None, customer}:
        raise Conflict(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    card = card_behaviour(call, method) if method["type"] == "card" else None
    if card and card.decline and not card.attaches:
        raise declined_error(card.decline, payment_method=method)
    previous = {"customer": method["customer"]}
    if method["customer"] != customer:
        method["customer"] = customer
        asked(method)
        call.save(method)
        call.emit("payment_method.attached", method, previous)
    return method


@route("POST", "/v1/payment_methods/{id}/attach", "PaymentMethodAttachParams")
def attach(call: Call) -> Json:
    if "customer" not in call.params:
        raise InvalidRequest(
            "Missing required param: customer.", code="parameter_missing", param="customer"
        )
    customer = call.get("customer", call.params["customer"], param="customer")
    handle = call.path["id"]
    known = cards.by_handle(handle) or debits.by_handle(handle)
    method = resolved(call, handle) if known else call.named("payment_method", "payment_method")
    return attach_to(call, method, customer["id"])


@route("POST", "/v1/payment_methods/{id}/detach", "PaymentMethodDetachParams")
def detach(call: Call) -> Json:
    method = call.named("payment_method", "payment_method")
    if method["customer"] is None:
        raise Conflict(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible.",
            code="payment_method_unexpected_state",
        )
    previous = {"customer": method["customer"]}
    method["customer"] = None
    call.save(method)
    call.hide(method["id"], used_up=True)
    call.emit("payment_method.detached", method, previous)
    return method
