"""What a session may be asked for: the rules that its parameters have among each other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.standin.engine.errors import InvalidRequest
from local.standin.engine.markup import require_web_url
from local.standin.engine.messages import Json
from local.standin.funds.currencies import MINIMUM, require_amount, shown
from local.standin.payments import payment_intents

if TYPE_CHECKING:
    from local.standin.engine.call import Call

LIFE_MIN_S = 30 * 60
LIFE_MAX_S = 24 * 3600
EMBEDDED = frozenset({"elements", "embedded_page", "form"})
ONLY_IN = {
    "payment_intent_data": "payment", "saved_payment_method_options": "payment",
    "submit_type": "payment", "setup_intent_data": "setup",
    "payment_method_collection": "subscription", "subscription_data": "subscription",
}  # fmt: skip
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def check(call: Call, mode: str) -> None:
    params = call.params
    check_absent(params)
    check_mode(params, mode)
    check_urls(params)
    check_customer(call, params)
    payment = params.get("payment_intent_data") or {}
    payment_intents.check_statement(payment)
    payment_intents.check_references(call, payment)


def missing(name: str) -> InvalidRequest:
    return InvalidRequest(f"Missing required param: {name}.", code="parameter_missing", param=name)


def check_absent(params: Json) -> None:
    """Refuse what would change the amount: the total here must be the total at Stripe."""
    for name in ("discounts", "shipping_options"):
        if params.get(name):
            raise InvalidRequest(f"The stand-in has no {name.replace('_', ' ')}.", param=name)
    if (params.get("automatic_tax") or {}).get("enabled"):
        raise InvalidRequest("The stand-in computes no taxes.", param="automatic_tax[enabled]")


def check_mode(params: Json, mode: str) -> None:
    if mode == "subscription":
        raise InvalidRequest(
            "The stand-in has no subscriptions; `mode` is payment or setup.", param="mode"
        )
    for name, only in ONLY_IN.items():
        if name in params and mode != only:
            raise InvalidRequest(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    if mode == "payment" and not params.get("line_items"):
        raise missing("line_items")
    if mode == "setup":
        if params.get("line_items"):
            raise InvalidRequest("You can not pass `line_items` in `setup` mode.")
        if not params.get("currency") and not params.get("allowed_payment_method_types"):
            raise missing("currency")


def check_urls(params: Json) -> None:
    ui_mode = params.get("ui_mode") or "hosted_page"
    if ui_mode == "hosted_page" and not params.get("success_url"):
        raise missing("success_url")
    if ui_mode in EMBEDDED:
        for name in ("success_url", "cancel_url"):
            if params.get(name):
                raise InvalidRequest(
                    f"The `{name}` parameter is not allowed when `ui_mode` is `{ui_mode}`.",
                    param=name,
                )
        never = params.get("redirect_on_completion") == "never"
        if ui_mode != "elements" and not never and not params.get("return_url"):
            raise missing("return_url")
    for name in ("success_url", "cancel_url", "return_url"):
        if params.get(name):
            require_web_url(params[name], name)


def check_customer(call: Call, params: Json) -> None:
    email = params.get("customer_email")
    if params.get("customer"):
        call.get("customer", params["customer"], param="customer")
        if email:
            raise InvalidRequest(
                "You may only specify one of these parameters: customer, customer_email."
            )
    if email and not EMAIL.fullmatch(email):
        raise InvalidRequest(
            f"Invalid email address: {email}", code="email_invalid", param="customer_email"
        )


def check_once(items: list[Json]) -> None:
    for index, item in enumerate(items):
        if item["price"]["type"] == "recurring":
            raise InvalidRequest(
                "You specified `payment` mode but passed a recurring price. Either switch to "
                "`subscription` mode or use only one-time prices.",
                param=f"line_items[{index}]",
            )


def check_total(total: int, currency: str) -> None:
    """Let a session cost nothing, or as much as can be charged."""
    if 0 < total < MINIMUM.get(currency, 1):
        least = shown(MINIMUM[currency], currency)
        raise InvalidRequest(
            f"The Checkout Session's total amount due must add up to at least {least} {currency}",
            code="amount_too_small",
        )
    if total:
        require_amount(total, currency, "line_items")


def expiry(call: Call) -> int:
    expires_at = call.params.get("expires_at")
    if expires_at is None:
        return call.now + LIFE_MAX_S
    life_s = int(expires_at) - call.now
    if life_s < LIFE_MIN_S:
        raise InvalidRequest(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session "
            "creation.",
            param="expires_at",
        )
    if life_s >= LIFE_MAX_S:
        raise InvalidRequest(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    return int(expires_at)
