"""The accounts that a platform makes and manages itself, API v1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.connect.accounts import new_account, require_access
from local.standin.connect.connections import connect, disconnect, require_may_make
from local.standin.connect.standing import MISMATCH, capability, changed, moved
from local.standin.engine.errors import Conflict, Missing
from local.standin.engine.messages import Json
from local.standin.engine.routing import route

if TYPE_CHECKING:
    from local.standin.engine.call import Call

# What the older `type` means in properties of the controller: who pays Stripe's fees, who is liable
# for losses, who collects requirements, which dashboard the account has.
PROPERTIES = {
    "standard": ("account", "stripe", "stripe", "full"),
    "express": ("application_express", "application", "stripe", "express"),
    "custom": ("application_custom", "application", "application", "none"),
}
REASONS = {"other": "other", "terms_of_service": "terms_of_service", "credit": "other"}
"""Why a platform rejects; all the others are kinds of fraud."""


def controller_of(params: Json) -> Json:
    payer, liable, collects, dashboard = PROPERTIES[params.get("type") or "standard"]
    return {
        "fees": {"payer": payer}, "is_controller": True, "losses": {"payments": liable},
        "requirement_collection": collects, "stripe_dashboard": {"type": dashboard},
        "type": "application", **(params.get("controller") or {}),
    }  # fmt: skip


def type_of(controller: Json) -> str:
    properties = (
        controller["fees"]["payer"], controller["losses"]["payments"],
        controller["requirement_collection"], controller["stripe_dashboard"]["type"],
    )  # fmt: skip
    return next((kind for kind, known in PROPERTIES.items() if known == properties), "none")


@route("POST", "/v1/accounts", "AccountCreateParams")
def create(call: Call) -> Json:
    require_may_make(call, "v1")
    params = call.params
    ident = call.new_id("acct", 16)
    controller = controller_of(params)
    given = {k: params.get(k) for k in ("business_type", "country", "default_currency", "email")}
    profile = params.get("business_profile") or {}
    account = new_account(
        ident, call.now,
        ready=False, type=type_of(controller), metadata=params.get("metadata"),
        name=profile.get("name"), **given,
    )  # fmt: skip
    account["controller"] = controller
    account["business_profile"].update(profile)
    asked = params.get("capabilities") or {}
    account["capabilities"] = {name: "inactive" for name, of in asked.items() if of["requested"]}
    call.store.insert("", account)
    connect(call, ident, made_here=True)
    return account


@route("POST", "/v1/accounts/{id}", "AccountUpdateParams")
def update(call: Call) -> Json:
    account = require_access(call, call.path["id"])
    for name in ("business_type", "default_currency", "email"):
        if name in call.params:
            account[name] = call.params[name]
    account["business_profile"].update(call.params.get("business_profile") or {})
    for name, asked in (call.params.get("capabilities") or {}).items():
        request_capability(account, name, wanted=bool(asked["requested"]))
    call.merge_metadata(account)
    if (call.params.get("individual") or {}).get("id_number") == MISMATCH:
        return moved(call, account, "restricted")
    return changed(call, account)


def request_capability(account: Json, name: str, *, wanted: bool) -> None:
    ready = account["charges_enabled"] and wanted
    account["capabilities"][name] = "active" if ready else "inactive"


@route("DELETE", "/v1/accounts/{id}", "AccountDeleteParams")
def delete(call: Call) -> Json:
    account = require_access(call, call.path["id"])
    disconnect(call, account["id"])
    return {"id": account["id"], "object": "account", "deleted": True}


@route("POST", "/v1/accounts/{id}/reject", "AccountRejectParams")
def reject(call: Call) -> Json:
    account = require_access(call, call.path["id"])
    require_liable(account)
    moved(call, account, f"rejected.platform_{REASONS.get(call.params['reason'], 'fraud')}")
    if call.params.get("payouts_action") == "none":
        account["payouts_enabled"] = True
        changed(call, account)
    return account


def require_liable(account: Json) -> None:
    if account["controller"].get("losses", {}).get("payments") != "application":
        raise Conflict(
            "Only accounts where your platform is liable for negative account balances can be "
            "rejected."
        )


@route("GET", "/v1/accounts/{id}/capabilities", "AccountCapabilityListParams")
def list_capabilities(call: Call) -> Json:
    account = require_access(call, call.path["id"])
    held = [capability(account, name) for name in account["capabilities"]]
    return {"object": "list", "data": held, "has_more": False, "url": call.url}


@route("GET", "/v1/accounts/{id}/capabilities/{name}", "AccountCapabilityRetrieveParams")
def retrieve_capability(call: Call) -> Json:
    account = require_access(call, call.path["id"])
    return named_capability(call, account)


@route("POST", "/v1/accounts/{id}/capabilities/{name}", "AccountCapabilityUpdateParams")
def update_capability(call: Call) -> Json:
    account = require_access(call, call.path["id"])
    name = call.path["name"]
    if "requested" in call.params:
        request_capability(account, name, wanted=call.params["requested"])
        changed(call, account)
    return named_capability(call, account)


def named_capability(call: Call, account: Json) -> Json:
    name = call.path["name"]
    if name not in account["capabilities"]:
        raise Missing("capability", name, param="capability", in_path=True)
    return capability(account, name)
