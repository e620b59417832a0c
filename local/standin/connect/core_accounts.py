"""Accounts v2 and event destinations: `/v2/core`, JSON in and out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.standin.connect.accounts import account_object, new_account, require_access
from local.standin.connect.connections import connect
from local.standin.connect.onboarding import LINK_LIFE_S, new_link
from local.standin.connect.standing import changed
from local.standin.engine.messages import Json
from local.standin.engine.routing import route

if TYPE_CHECKING:
    from local.standin.engine.call import Call

OPTIONAL = ("configuration", "defaults", "identity", "requirements")
"""What an answer has only when `include` asks for it."""


def rfc3339(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def rendered(call: Call, ident: str) -> Json:
    account = account_object(call, ident)
    kept = call.store.hidden("", ident).get("v2", {})
    wanted = call.params.get("include") or []
    answer: Json = {
        "id": ident, "object": "v2.core.account",
        "applied_configurations": sorted(kept.get("configuration") or {}), "closed": False,
        "configuration": None, "contact_email": account["email"],
        "contact_phone": kept.get("contact_phone"), "created": rfc3339(account["created"]),
        "dashboard": kept.get("dashboard") or "none", "defaults": None,
        "display_name": kept.get("display_name"), "future_requirements": None, "identity": None,
        "livemode": call.livemode, "metadata": account["metadata"], "requirements": None,
    }  # fmt: skip
    for name in OPTIONAL:
        if any(each.split(".")[0] == name for each in wanted):
            answer[name] = kept.get(name) or {}
    return answer


@route("POST", "/v2/core/accounts", "v2.core.AccountCreateParams")
def create(call: Call) -> Json:
    params = call.params
    ident = call.new_id("acct", 16)
    country = (params.get("identity") or {}).get("country")
    account = new_account(
        ident, call.now,
        ready=False, email=params.get("contact_email"), metadata=params.get("metadata"),
        name=params.get("display_name"), country=(country or "US").upper(), type="none",
    )  # fmt: skip
    account["controller"] = {"type": "application", "is_controller": True}
    call.store.insert("", account)
    connect(call, ident, made_here=True)
    call.store.hide("", ident, v2={k: v for k, v in params.items() if k != "include"})
    return rendered(call, ident)


@route("GET", "/v2/core/accounts", "v2.core.AccountListParams")
def list_accounts(call: Call) -> Json:
    connected = call.store.select(f"{call.account}#connections", "account", limit=20)
    found = [rendered(call, each["id"]) for each in connected]
    return {"data": found, "next_page_url": None, "previous_page_url": None}


@route("GET", "/v2/core/accounts/{id}", "v2.core.AccountRetrieveParams")
def retrieve(call: Call) -> Json:
    require_access(call, call.path["id"])
    return rendered(call, call.path["id"])


@route("POST", "/v2/core/accounts/{id}", "v2.core.AccountUpdateParams")
def update(call: Call) -> Json:
    account = require_access(call, call.path["id"])
    kept = call.store.hidden("", account["id"]).get("v2", {})
    call.store.hide("", account["id"], v2={**kept, **call.params})
    if "contact_email" in call.params:
        account["email"] = call.params["contact_email"]
    call.merge_metadata(account)
    changed(call, account)
    return rendered(call, account["id"])


@route("POST", "/v2/core/account_links", "v2.core.AccountLinkCreateParams")
def create_link(call: Call) -> Json:
    account = require_access(call, call.params["account"])
    use_case = call.params["use_case"]
    details = use_case.get(use_case["type"]) or {}
    given = {**details, "return_url": details.get("return_url") or details.get("refresh_url")}
    return {
        "object": "v2.core.account_link", "account": account["id"], "created": rfc3339(call.now),
        "expires_at": rfc3339(call.now + LINK_LIFE_S), "livemode": call.livemode,
        "url": new_link(call, account, given), "use_case": use_case,
    }  # fmt: skip


@route("GET", "/v2/core/event_destinations", "v2.core.EventDestinationListParams")
def list_destinations(call: Call) -> Json:
    """Deliveries go to webhook endpoints here; there are no other destinations."""
    del call
    return {"data": [], "next_page_url": None, "previous_page_url": None}
