"""Customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import route
from local.standin.engine.search import answer_search
from local.standin.payments.addresses import whole_address, whole_shipping

if TYPE_CHECKING:
    from local.standin.engine.call import Call

PLAIN = ("description", "email", "name", "phone")


def put(customer: Json, given: Json) -> None:
    customer.update({name: given[name] for name in PLAIN if name in given})
    if "address" in given:
        customer["address"] = whole_address(given["address"])
    if "shipping" in given:
        customer["shipping"] = whole_shipping(given["shipping"])


def new_customer(call: Call, given: Json) -> Json:
    ident = call.new_id("cus", 14)
    customer = {
        "id": ident, "object": "customer", "address": None, "balance": given.get("balance", 0),
        "created": call.now, "currency": None, "customer_account": None,
        "default_source": None, "delinquent": False,
        "description": None, "discount": None, "email": None,
        "invoice_prefix": call.world.ids.token(8).upper(),
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None,
            "rendering_options": None,
        },
        "livemode": call.livemode, "metadata": given.get("metadata") or {}, "name": None,
        "next_invoice_sequence": 1, "phone": None,
        "preferred_locales": given.get("preferred_locales") or [], "shipping": None,
        "tax_exempt": given.get("tax_exempt") or "none", "test_clock": None,
    }  # fmt: skip
    put(customer, given)
    call.insert(customer)
    call.emit("customer.created", customer)
    return customer


@route("POST", "/v1/customers", "CustomerCreateParams")
def create(call: Call) -> Json:
    customer = new_customer(call, call.params)
    if handle := call.params.get("payment_method"):
        from local.standin.payments.payment_methods import attach_to, resolved  # noqa: PLC0415 - a cycle

        attach_to(call, resolved(call, handle), customer["id"])
    default = (call.params.get("invoice_settings") or {}).get("default_payment_method")
    if default:
        customer["invoice_settings"]["default_payment_method"] = default
        call.save(customer)
    return customer


@route("GET", "/v1/customers/search", "CustomerSearchParams")
def search(call: Call) -> Json:
    return answer_search(call, "customer")


@route("GET", "/v1/customers", "CustomerListParams")
def list_customers(call: Call) -> Json:
    return answer_list(call, "customer", "email", conditions=[("deleted", "IS", None)])


@route("GET", "/v1/customers/{id}", "CustomerRetrieveParams")
def retrieve(call: Call) -> Json:
    found = call.find("customer", call.path["id"])
    return found if found is not None else call.named("customer")


@route("POST", "/v1/customers/{id}", "CustomerUpdateParams")
def update(call: Call) -> Json:
    customer = call.named("customer")
    put(customer, call.params)
    for name in ("balance", "preferred_locales", "tax_exempt", "invoice_prefix"):
        if name in call.params:
            customer[name] = call.params[name]
    default = (call.params.get("invoice_settings") or {}).get("default_payment_method")
    if default:
        call.get("payment_method", default, param="invoice_settings[default_payment_method]")
        customer["invoice_settings"]["default_payment_method"] = default
    call.merge_metadata(customer)
    return call.change(customer, "customer.updated")


@route("DELETE", "/v1/customers/{id}", "CustomerDeleteParams")
def delete(call: Call) -> Json:
    customer = call.named("customer")
    call.emit("customer.deleted", customer)
    for method in call.store.select(
        call.scope, "payment_method", [("customer", "=", customer["id"])]
    ):
        method["customer"] = None
        call.save(method)
    gone = {"id": customer["id"], "object": "customer", "deleted": True}
    call.save(gone)
    return gone
