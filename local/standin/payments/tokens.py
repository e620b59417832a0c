"""Tokens: a card's details once, as a browser or a test sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.errors import InvalidRequest
from local.standin.engine.messages import Json
from local.standin.engine.routing import route
from local.standin.payments import payment_methods

if TYPE_CHECKING:
    from local.standin.engine.call import Call


@route("POST", "/v1/tokens", "TokenCreateParams", publishable=True)
def create(call: Call) -> Json:
    given = call.params.get("card")
    if not isinstance(given, dict):
        raise InvalidRequest(
            "The stand-in makes tokens of cards: give card[number], card[exp_month] and "
            "card[exp_year].",
            code="parameter_missing", param="card",
        )  # fmt: skip
    dated = {**given, **{name: int(given[name]) for name in DATES if name in given}}
    card = payment_methods.card_of(call, dated)
    details = payment_methods.card_details(card, dated["exp_month"], dated["exp_year"])
    ident = call.new_id("tok")
    token = call.insert({
        "id": ident, "object": "token",
        "card": {
            "id": call.new_id("card"), "object": "card", "address_city": None,
            "address_country": None, "address_line1": None, "address_line1_check": None,
            "address_line2": None, "address_state": None, "address_zip": None,
            "address_zip_check": None, "allow_redisplay": "unspecified",
            "brand": BRANDS.get(card.brand, card.brand), "country": card.country,
            "cvc_check": "unchecked" if given.get("cvc") else None, "dynamic_last4": None,
            "exp_month": dated["exp_month"], "exp_year": dated["exp_year"],
            "fingerprint": details["fingerprint"], "funding": card.funding, "last4": card.last4,
            "metadata": {}, "name": given.get("name"), "networks": {"preferred": None},
            "regulated_status": "unregulated", "tokenization_method": None, "wallet": None,
        },
        "client_ip": None, "created": call.now, "livemode": call.livemode, "type": "card",
        "used": False,
    })  # fmt: skip
    call.hide(ident, behaviour=card.name)
    return token


DATES = ("exp_month", "exp_year")
# A card object names its brand as it is printed.
BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "discover": "Discover",
    "jcb": "JCB",
    "mastercard": "MasterCard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}


@route("GET", "/v1/tokens/{id}", "TokenRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.named("token", "token")
