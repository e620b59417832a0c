"""`expand[]`: ids replaced by the objects they name, down to `data.latest_charge.refunds`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from local.standin.engine.errors import InvalidRequest
from local.standin.engine.messages import Json

if TYPE_CHECKING:
    from local.standin.engine.call import Call

DEPTH_MAX = 4
EXPANDABLE: dict[str, frozenset[str]] = {
    kind: frozenset(fields.split())
    for kind, fields in {
        "account": "business_profile",
        "application_fee": "account application balance_transaction charge originating_transaction",
        "balance_transaction": "source",
        "capability": "account",
        "charge": "application application_fee balance_transaction customer dispute"
        " failure_balance_transaction on_behalf_of payment_intent refunds review source_transfer"
        " transfer",
        "checkout.session": "customer invoice line_items payment_intent payment_link setup_intent"
        " subscription",
        "customer": "default_source cash_balance sources subscriptions tax tax_ids"
        " invoice_credit_balance test_clock",
        "dispute": "charge payment_intent",
        "event": "",
        "fee_refund": "balance_transaction fee",
        "item": "discounts",
        "mandate": "payment_method",
        "payment_intent": "application customer latest_charge on_behalf_of payment_method review",
        "payment_link": "application line_items on_behalf_of",
        "payment_method": "customer",
        "payout": "balance_transaction destination failure_balance_transaction original_payout"
        " reversed_by",
        "price": "product currency_options tiers",
        "product": "default_price",
        "radar.early_fraud_warning": "charge payment_intent",
        "review": "charge payment_intent",
        "refund": "balance_transaction charge customer failure_balance_transaction payment_intent"
        " source_transfer_reversal transfer_reversal",
        "setup_attempt": "application customer on_behalf_of payment_method setup_intent",
        "setup_intent": "application customer latest_attempt mandate on_behalf_of payment_method"
        " single_use_mandate",
        "transfer": "balance_transaction destination destination_payment source_transaction",
        "transfer_reversal": "balance_transaction source_refund transfer",
    }.items()
}


def expand(call: Call, content: Json, paths: list[str]) -> Json:
    for path in paths:
        steps = path.split(".")
        if steps[0] == "data" and "data" in content:
            if len(steps) == 1:
                raise impossible(path)
            for element in content["data"]:
                expand_in(call, element, steps[1:], path)
        else:
            expand_in(call, content, steps, path)
    return content


def impossible(path: str) -> InvalidRequest:
    return InvalidRequest(
        f"This property cannot be expanded ({path}). You may want to try expanding another "
        "property.",
        param="expand",
    )


def expand_in(call: Call, obj: Json, steps: list[str], path: str) -> None:
    if len(steps) > DEPTH_MAX:
        raise InvalidRequest(
            f"You cannot expand more than {DEPTH_MAX} levels of a property ({path}).",
            param="expand",
        )
    field, rest = steps[0], steps[1:]
    if "object" in obj and field not in EXPANDABLE.get(obj["object"], frozenset()):
        if isinstance(obj.get(field), dict) and rest:
            expand_in(call, obj[field], rest, path)
            return
        raise impossible(path)
    obj[field] = looked_up(call, obj, field)
    below: Any = obj[field]
    if rest and isinstance(below, dict):
        if below.get("object") == "list" and rest[0] == "data" and len(rest) > 1:
            for element in below["data"]:
                expand_in(call, element, rest[1:], path)
        else:
            expand_in(call, below, rest, path)


def looked_up(call: Call, obj: Json, field: str) -> Any:
    """Use a maker for what hangs below an object without its id in it (line items, refunds)."""
    if maker := INCLUDED.get((obj.get("object", ""), field)):
        return maker(call, obj)
    value = obj.get(field)
    if isinstance(value, str):
        # A direct charge's fee is an object of its platform, which asks.
        scope = call.platform if field == "application_fee" and call.platform else call.scope
        return call.store.get_any(scope, value) or value
    return value


def refunds_of(call: Call, charge: Json) -> Json:
    found = call.store.select(call.scope, "refund", [("charge", "=", charge["id"])])
    url = f"/v1/charges/{charge['id']}/refunds"
    return {"object": "list", "data": found, "has_more": False, "url": url}


def line_items_of(call: Call, owner: Json) -> Json:
    items = call.hidden(owner["id"]).get("line_items", [])
    folder = "checkout/sessions" if owner["object"] == "checkout.session" else "payment_links"
    url = f"/v1/{folder}/{owner['id']}/line_items"
    return {"object": "list", "data": items, "has_more": False, "url": url}


def none_of(folder: str) -> Callable[[Call, Json], Json]:
    """Give the empty list of what a customer may have at Stripe and never has here."""

    def listed(_call: Call, customer: Json) -> Json:
        url = f"/v1/customers/{customer['id']}/{folder}"
        return {"object": "list", "data": [], "has_more": False, "url": url}

    return listed


def tax_of(_call: Call, _customer: Json) -> Json:
    return {
        "automatic_tax": "unrecognized_location", "ip_address": None, "location": None,
        "provider": "stripe",
    }  # fmt: skip


def cash_of(call: Call, customer: Json) -> Json:
    return {
        "object": "cash_balance", "available": None, "customer": customer["id"],
        "customer_account": None, "livemode": call.livemode,
        "settings": {"reconciliation_mode": "automatic", "using_merchant_default": True},
    }  # fmt: skip


def credit_of(_call: Call, _customer: Json) -> Json:
    return {}


INCLUDED = {
    ("customer", "cash_balance"): cash_of,
    ("customer", "invoice_credit_balance"): credit_of,
    ("customer", "sources"): none_of("sources"),
    ("customer", "subscriptions"): none_of("subscriptions"),
    ("customer", "tax"): tax_of,
    ("customer", "tax_ids"): none_of("tax_ids"),
    ("charge", "refunds"): refunds_of,
    ("checkout.session", "line_items"): line_items_of,
    ("payment_link", "line_items"): line_items_of,
}
