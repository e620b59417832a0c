"""Checkout Sessions: made, read, expired, completed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.checkout import asking, line_items
from local.standin.connect.accounts import account_object
from local.standin.engine.errors import InvalidRequest
from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import job, route
from local.standin.engine.states import Machine, Refusal, declared
from local.standin.funds.currencies import require_currency
from local.standin.payments import charging, payment_intents, setup_intents
from local.standin.payments.customers import new_customer
from local.standin.payments.debits import CURRENCIES
from local.standin.payments.states import INTENT, SETUP

if TYPE_CHECKING:
    from local.standin.engine.call import Call

RECOVERY_LIFE_S = 30 * 24 * 3600
ECHOED = (
    "adaptive_pricing", "after_expiration", "allow_promotion_codes", "cancel_url",
    "client_reference_id", "consent_collection", "customer_email", "invoice_creation", "locale",
    "origin_context", "shipping_address_collection", "submit_type", "success_url",
)  # fmt: skip
ECHOED_WHEN_GIVEN = (
    "allowed_payment_method_types", "branding_settings", "excluded_payment_method_types",
    "return_url",
)  # fmt: skip
NO_TEXT = dict.fromkeys(
    ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
)
METHOD_OPTIONS: Json = {"card": {"request_three_d_secure": "automatic"}}
EMAIL_ONLY: Json = {
    "address": None, "business_name": None, "individual_name": None, "name": None, "phone": None,
    "tax_exempt": "none", "tax_ids": [],
}  # fmt: skip

SESSION = declared(Machine(
    "checkout.session",
    initial=("open",),
    table={
        "open": {"complete": ("complete",), "expire": ("expired",)}, "complete": {}, "expired": {},
    },
    refusals={
        "expire": Refusal(
            'Only Checkout Sessions with a status in ["{allowed}"] can be expired. This Checkout '
            "Session has a status of `{status}`."
        ),
    },
))  # fmt: skip


def currency_of(params: Json, items: list[Json]) -> str | None:
    if items:
        return str(items[0]["currency"])
    return require_currency(params["currency"]) if params.get("currency") else None


@route("POST", "/v1/checkout/sessions", "checkout.SessionCreateParams")
def create(call: Call) -> Json:
    mode = call.params.get("mode") or "payment"
    asking.check(call, mode)
    items = line_items.new_items(call, call.params.get("line_items") or [])
    session = new_session(call, mode, items)
    if mode == "setup":
        attach_setup_intent(call, session)
    return opened(call, session, items)


def opened(call: Call, session: Json, items: list[Json]) -> Json:
    # The page is opened without a key; what it shows of the account is known from now on.
    account_object(call, call.account)
    call.insert(session)
    call.hide(
        session["id"], line_items=items, platform=call.platform,
        payment_intent_data=call.params.get("payment_intent_data") or {}, asked=call.params,
    )  # fmt: skip
    call.later(session["expires_at"] - call.now, "expire_session", session["id"])
    return session


def new_session(call: Call, mode: str, items: list[Json]) -> Json:
    params = call.params
    total, currency = total_of(items), currency_of(params, items)
    asking.check_once(items)
    asking.check_total(total, currency or "usd")
    ui_mode = params.get("ui_mode") or "hosted_page"
    ident = call.new_id("cs_live" if call.livemode else "cs_test", 58)
    email = email_of(call, params)
    session: Json = {
        "id": ident, "object": "checkout.session",
        "amount_subtotal": total if items else None, "amount_total": total if items else None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": params.get("billing_address_collection"),
        "client_secret": None, "collected_information": None, "consent": None,
        "created": call.now, "currency": currency, "currency_conversion": None,
        "custom_fields": [], "custom_text": {**NO_TEXT, **(params.get("custom_text") or {})},
        "customer": params.get("customer"), "customer_account": None,
        "customer_creation": customer_creation(params, mode),
        "customer_details": {**EMAIL_ONLY, "email": email} if email else None,
        "discounts": [], "expires_at": asking.expiry(call), "invoice": None,
        "livemode": call.livemode,
        "metadata": params.get("metadata") or {}, "mode": mode, "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "always" if mode == "setup" else "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": {
            **METHOD_OPTIONS, **(params.get("payment_method_options") or {}),
        },
        "payment_method_types": params.get("allowed_payment_method_types") or ["card"],
        "payment_status": "no_payment_required" if mode == "setup" or not total else "unpaid",
        "permissions": None,
        "phone_number_collection": params.get("phone_number_collection") or {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": saved_options(params, mode),
        "setup_intent": None, "shipping_cost": None, "shipping_options": [], "status": "open",
        "subscription": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}
        if items else None,
        "ui_mode": ui_mode, "url": None, "wallet_options": None,
    }  # fmt: skip
    session.update({name: params.get(name) for name in ECHOED})
    session.update({name: params[name] for name in ECHOED_WHEN_GIVEN if name in params})
    add_way_in(call, session)
    return session


def customer_creation(params: Json, mode: str) -> str | None:
    if params.get("customer"):
        return None
    usual = "if_required" if mode == "payment" else None
    return params.get("customer_creation") or usual


def saved_options(params: Json, mode: str) -> Json | None:
    if mode != "payment" or not params.get("customer"):
        return None
    usual = {
        "allow_redisplay_filters": ["always"], "payment_method_remove": "disabled",
        "payment_method_save": None,
    }  # fmt: skip
    return {**usual, **(params.get("saved_payment_method_options") or {})}


def add_way_in(call: Call, session: Json) -> None:
    """Give a hosted page its address, an embedded one a secret for the browser."""
    if session["ui_mode"] == "hosted_page":
        session["url"] = f"{call.world.base_url}/c/pay/{session['id']}"
    else:
        session["client_secret"] = call.secret_for(session["id"])
        session["redirect_on_completion"] = call.params.get("redirect_on_completion") or "always"


def kinds_of(session: Json) -> list[str]:
    """Give the payment method types that the page offers."""
    debit = [kind for kind, currency in CURRENCIES.items() if currency == session["currency"]]
    usual = ["card", *debit] if session["mode"] == "payment" else ["card"]
    excluded = session.get("excluded_payment_method_types") or []
    allowed: list[str] = session.get("allowed_payment_method_types") or usual
    return [kind for kind in allowed if kind not in excluded]


def require_kind(session: Json, kind: str) -> None:
    allowed = session.get("allowed_payment_method_types")
    excluded = session.get("excluded_payment_method_types") or []
    if kind in excluded or (allowed and kind not in allowed):
        raise InvalidRequest(f"This page does not take the payment method type {kind}.", param="pm")


def total_of(items: list[Json]) -> int:
    return sum(item["amount_total"] for item in items)


def email_of(call: Call, params: Json) -> str | None:
    known = call.find("customer", params.get("customer") or "")
    email: str | None = known["email"] if known else params.get("customer_email")
    return email


def attach_setup_intent(call: Call, session: Json) -> None:
    given = call.params.get("setup_intent_data") or {}
    intent = setup_intents.new_intent(call, {
        **given, "customer": session["customer"], "usage": "off_session",
        "allowed_payment_method_types": call.params.get("allowed_payment_method_types"),
    })  # fmt: skip
    call.emit("setup_intent.created", intent)
    session["setup_intent"] = intent["id"]


@route("GET", "/v1/checkout/sessions", "checkout.SessionListParams")
def list_sessions(call: Call) -> Json:
    conditions = []
    if email := (call.params.get("customer_details") or {}).get("email"):
        conditions.append(("customer_details.email", "=", email))
    return answer_list(call, "checkout.session", "customer", "payment_intent", "payment_link",
                       "status", conditions=conditions)  # fmt: skip


@route("GET", "/v1/checkout/sessions/{id}", "checkout.SessionRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.named("checkout.session", "session")


@route("POST", "/v1/checkout/sessions/{id}", "checkout.SessionUpdateParams")
def update(call: Call) -> Json:
    session = call.named("checkout.session", "session")
    if unknown := call.params.keys() - {"metadata"}:
        raise InvalidRequest(
            "The stand-in changes nothing but a session's metadata.", param=min(unknown)
        )
    call.merge_metadata(session)
    call.save(session)
    return session


@route("GET", "/v1/checkout/sessions/{id}/line_items", "checkout.SessionLineItemListParams")
def list_line_items(call: Call) -> Json:
    session = call.named("checkout.session", "session")
    return line_items.page_of(call, call.hidden(session["id"])["line_items"])


@route("POST", "/v1/checkout/sessions/{id}/expire", "checkout.SessionExpireParams")
def expire(call: Call) -> Json:
    session = call.named("checkout.session", "session")
    SESSION.require(session, "expire")
    return expired(call, session)


@job("expire_session")
def expire_when_due(call: Call, ident: str) -> None:
    session = call.get("checkout.session", ident)
    if SESSION.allows(session, "expire"):
        expired(call, session)


def expired(call: Call, session: Json) -> Json:
    """End the session, so that what it began can no longer be paid."""
    SESSION.move(session, "expire", "expired", url=None)
    if (session["after_expiration"] or {}).get("recovery", {}).get("enabled"):
        session["after_expiration"]["recovery"].update(
            expires_at=call.now + RECOVERY_LIFE_S,
            url=f"{call.world.base_url}/c/recover/{session['id']}",
        )
    call.save(session)
    intent = call.find("payment_intent", session["payment_intent"] or "")
    if intent is not None and INTENT.allows(intent, "cancel"):
        payment_intents.canceled(call, intent, "abandoned")
    setup = call.find("setup_intent", session["setup_intent"] or "")
    if setup is not None and SETUP.allows(setup, "cancel"):
        setup_intents.canceled(call, setup, "abandoned")
    call.emit("checkout.session.expired", session)
    return session


def again(call: Call, lost: Json) -> Json:
    """Open a copy of an expired session, for a payer who comes back."""
    hidden = call.hidden(lost["id"])
    call.params = {**hidden["asked"], "expires_at": None}
    session = new_session(call, lost["mode"], hidden["line_items"])
    session["recovered_from"] = lost["id"]
    return opened(call, session, hidden["line_items"])


def intent_for(call: Call, session: Json) -> Json:
    """Make the session's PaymentIntent when the payer first presses Pay."""
    if session["payment_intent"]:
        return call.get("payment_intent", session["payment_intent"])
    given = dict(call.hidden(session["id"])["payment_intent_data"])
    given.update(
        amount=session["amount_total"], currency=session["currency"],
        customer=session["customer"], automatic_payment_methods={"enabled": True},
    )  # fmt: skip
    if session["payment_method_types"] != ["card"]:
        given["allowed_payment_method_types"] = session["payment_method_types"]
    intent = payment_intents.new_intent(call, given)
    call.emit("payment_intent.created", intent)
    call.hide(intent["id"], session=session["id"])
    session["payment_intent"] = intent["id"]
    call.save(session)
    return intent


def ensure_customer(call: Call, session: Json, email: str | None) -> None:
    data = call.hidden(session["id"])["payment_intent_data"]
    wanted = session["customer_creation"] == "always" or data.get("setup_future_usage")
    if session["customer"] is not None or not wanted:
        return
    email = (session["customer_details"] or {}).get("email") or email
    session["customer"] = new_customer(call, {"email": email} if email else {})["id"]
    call.save(session)
    if setup := call.find("setup_intent", session["setup_intent"] or ""):
        setup["customer"] = session["customer"]
        call.save(setup)


def complete(call: Call, session: Json, intent: Json | None) -> Json:
    """Complete the session: its intent, if it costs anything, is as far as the payer can get it."""
    if session["mode"] == "payment" and intent is not None:
        session["payment_status"] = "paid" if intent["status"] == "succeeded" else "unpaid"
    email = call.hidden(session["id"]).get("email") or None
    details = session["customer_details"] or {**EMAIL_ONLY, "email": email}
    SESSION.move(session, "complete", "complete", url=None, customer_details=details)
    call.save(session)
    count_for_link(call, session)
    call.emit("checkout.session.completed", session)
    return session


def count_for_link(call: Call, session: Json) -> None:
    link = call.find("payment_link", session["payment_link"] or "")
    if link is not None and link["restrictions"]:
        link["restrictions"]["completed_sessions"]["count"] += 1
        call.save(link)


def after_clearing(call: Call, intent: Json) -> None:
    """Tell of the end of a delayed payment through the session that began it."""
    found = call.store.select(
        call.scope, "checkout.session", [("payment_intent", "=", intent["id"])], limit=1
    )
    for session in found:
        succeeded = intent["status"] == "succeeded"
        session["payment_status"] = "paid" if succeeded else "unpaid"
        call.save(session)
        verdict = "succeeded" if succeeded else "failed"
        call.emit(f"checkout.session.async_payment_{verdict}", session)


charging.AFTER_CLEARING.append(after_clearing)
