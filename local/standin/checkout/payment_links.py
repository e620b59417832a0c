"""Payment links: each visit opens a Checkout Session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.checkout import asking, line_items, sessions
from local.standin.engine.lists import answer_list
from local.standin.engine.markup import message, require_web_url
from local.standin.engine.messages import Answer, Json, html_answer, redirect
from local.standin.engine.pages import field, missing
from local.standin.engine.routing import page, route

if TYPE_CHECKING:
    from local.standin.engine.call import Call

ITEMS_MAX = 20
CHANGEABLE = (
    "active", "after_completion", "allow_promotion_codes", "billing_address_collection",
    "customer_creation", "inactive_message", "submit_type",
)  # fmt: skip
CONFIRMATION = {"hosted_confirmation": {"custom_message": None}, "type": "hosted_confirmation"}


@route("POST", "/v1/payment_links", "PaymentLinkCreateParams")
def create(call: Call) -> Json:
    params = call.params
    items = line_items.new_items(call, params["line_items"], ITEMS_MAX)
    asking.check_total(sessions.total_of(items), items[0]["currency"])
    check_completion(params)
    ident = call.new_id("plink")
    link = {
        "id": ident, "object": "payment_link", "active": True,
        "after_completion": params.get("after_completion") or CONFIRMATION,
        "allow_promotion_codes": bool(params.get("allow_promotion_codes")), "application": None,
        "application_fee_amount": params.get("application_fee_amount"),
        "application_fee_percent": params.get("application_fee_percent"),
        "automatic_tax": {"enabled": False, "liability": None},
        "billing_address_collection": params.get("billing_address_collection") or "auto",
        "consent_collection": None, "currency": items[0]["currency"], "custom_fields": [],
        "custom_text": {**sessions.NO_TEXT, **(params.get("custom_text") or {})},
        "customer_creation": params.get("customer_creation") or "if_required",
        "inactive_message": params.get("inactive_message"), "invoice_creation": None,
        "livemode": call.livemode, "metadata": params.get("metadata") or {},
        "on_behalf_of": params.get("on_behalf_of"), "payment_intent_data": None,
        "payment_method_collection": params.get("payment_method_collection") or "always",
        "payment_method_types": params.get("allowed_payment_method_types"),
        "phone_number_collection": {"enabled": False},
        "restrictions": counted(params.get("restrictions")),
        "shipping_address_collection": None, "shipping_options": [],
        "submit_type": params.get("submit_type") or "auto", "subscription_data": None,
        "tax_id_collection": {"enabled": False, "required": "never"},
        "transfer_data": params.get("transfer_data"),
        "url": f"{call.world.base_url}/c/link/{ident}",
    }  # fmt: skip
    call.insert(link)
    call.hide(
        ident, line_items=items, platform=call.platform,
        payment_intent_data=params.get("payment_intent_data") or {},
    )  # fmt: skip
    call.emit("payment_link.created", link)
    return link


@route("GET", "/v1/payment_links", "PaymentLinkListParams")
def list_links(call: Call) -> Json:
    return answer_list(call, "payment_link", "active")


@route("GET", "/v1/payment_links/{id}", "PaymentLinkRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.named("payment_link", "payment_link")


def check_completion(params: Json) -> None:
    if redirect_to := (params.get("after_completion") or {}).get("redirect"):
        require_web_url(redirect_to["url"], "after_completion[redirect][url]")


@route("POST", "/v1/payment_links/{id}", "PaymentLinkUpdateParams")
def update(call: Call) -> Json:
    link = call.named("payment_link", "payment_link")
    check_completion(call.params)
    link.update({name: call.params[name] for name in CHANGEABLE if name in call.params})
    if "restrictions" in call.params:
        link["restrictions"] = counted(call.params["restrictions"])
    call.merge_metadata(link)
    return call.change(link, "payment_link.updated")


@route("GET", "/v1/payment_links/{id}/line_items", "PaymentLinkLineItemListParams")
def list_line_items(call: Call) -> Json:
    link = call.named("payment_link", "payment_link")
    return line_items.page_of(call, call.hidden(link["id"])["line_items"])


@page("GET", "/c/link/{id}")
def visit(call: Call) -> Answer:
    scope = call.store.scope_of("payment_link", call.path["id"])
    if scope is None:
        return missing()
    call.scope = scope
    link = call.get("payment_link", call.path["id"])
    if not link["active"] or used_up(link):
        text = link["inactive_message"] or "The link is no longer active."
        return html_answer(410, message("This link is closed", text))
    return redirect(opened_for(call, link, visitor(call))["url"])


def used_up(link: Json) -> bool:
    allowed = link["restrictions"]["completed_sessions"] if link["restrictions"] else None
    return allowed is not None and allowed["count"] >= allowed["limit"]


def counted(given: Json | None) -> Json | None:
    return {"completed_sessions": {"count": 0, **given["completed_sessions"]}} if given else None


def visitor(call: Call) -> Json:
    """Read what a seller may say of the payer in the link's own address."""
    said = {
        "client_reference_id": field(call, "client_reference_id"),
        "customer_email": field(call, "locked_prefilled_email"),
    }
    return {name: value for name, value in said.items() if value}


def opened_for(call: Call, link: Json, said: Json) -> Json:
    prefilled = field(call, "prefilled_email")
    hidden = call.hidden(link["id"])
    call.platform = hidden["platform"]
    after = link["after_completion"].get("redirect") or {}
    items = hidden["line_items"]
    shares = {
        name: link[name] for name in ("application_fee_amount", "transfer_data") if link[name]
    }
    call.params = {
        "success_url": after.get("url"), "metadata": link["metadata"],
        "customer_creation": link["customer_creation"], "custom_text": link["custom_text"],
        "submit_type": link["submit_type"],
        "payment_intent_data": {**hidden["payment_intent_data"], **shares}, **said,
    }  # fmt: skip
    if link["payment_method_types"]:
        call.params["allowed_payment_method_types"] = link["payment_method_types"]
    session = sessions.new_session(call, "payment", items)
    session["payment_link"] = link["id"]
    sessions.opened(call, session, items)
    confirmation = link["after_completion"].get("hosted_confirmation") or {}
    call.hide(session["id"], email=prefilled, thanks=confirmation.get("custom_message"))
    return session
