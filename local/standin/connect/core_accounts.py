"""Accounts v2: `/v2/core/accounts` and their links, JSON in and out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.standin.connect.accounts import account_object, new_account, require_access
from local.standin.connect.connections import connect, require_may_make
from local.standin.connect.core_rendering import rendered
from local.standin.connect.onboarding import LINK_LIFE_S, new_link
from local.standin.connect.standing import changed
from local.standin.engine import parameters
from local.standin.engine.errors import InvalidRequest
from local.standin.engine.messages import Json
from local.standin.engine.routing import route

if TYPE_CHECKING:
    from local.standin.engine.call import Call

PAGE_DEFAULT, PAGE_MAX = 20, 100
OWN = ("configuration", "contact_phone", "dashboard", "defaults", "display_name", "identity")
"""What only v2 knows of an account."""


def rfc3339(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def shown(call: Call, ident: str) -> Json:
    kept = call.store.hidden("", ident).get("v2", {})
    account = account_object(call, ident)
    return {
        **rendered(account, kept, call.params.get("include") or []),
        "created": rfc3339(account["created"]), "livemode": call.livemode,
    }  # fmt: skip


def merged(before: Json, given: Json) -> Json:
    """Change what is named, however deep, and leave the rest."""
    whole = dict(before)
    for name, value in given.items():
        old = whole.get(name)
        whole[name] = (
            merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return whole


def requested(kept: Json) -> set[str]:
    """Give the capabilities by the names that v1 has for them."""
    configuration = kept.get("configuration") or {}
    merchant = (configuration.get("merchant") or {}).get("capabilities") or {}
    recipient = (configuration.get("recipient") or {}).get("capabilities") or {}
    balance = recipient.get("stripe_balance") or {}
    asked = {**merchant, "transfers": balance.get("stripe_transfers")}
    return {name for name, of in asked.items() if (of or {}).get("requested")}


def controller_of(kept: Json) -> Json:
    responsible = (kept.get("defaults") or {}).get("responsibilities") or {}
    fees = responsible.get("fees_collector") or "stripe"
    losses = responsible.get("losses_collector") or "stripe"
    dashboard = kept.get("dashboard") or "none"
    # Only where the account has no dashboard of Stripe's own can the platform be who asks.
    collects = "application" if dashboard == "none" and losses == "application" else "stripe"
    return {
        "fees": {"payer": "account" if fees == "stripe" else fees}, "is_controller": True,
        "losses": {"payments": losses}, "requirement_collection": collects,
        "stripe_dashboard": {"type": dashboard}, "type": "application",
    }  # fmt: skip


@route("POST", "/v2/core/accounts", "v2.core.AccountCreateParams")
def create(call: Call) -> Json:
    require_may_make(call, "v2")
    params = call.params
    kept = {name: params[name] for name in OWN if name in params}
    ident = call.new_id("acct", 16)
    country = (params.get("identity") or {}).get("country")
    account = new_account(
        ident, call.now,
        ready=False, email=params.get("contact_email"), metadata=params.get("metadata"),
        name=params.get("display_name"), country=(country or "US").upper(), type="none",
    )  # fmt: skip
    account["controller"] = controller_of(kept)
    account["capabilities"] = dict.fromkeys(sorted(requested(kept)), "inactive")
    call.store.insert("", account)
    connect(call, ident, made_here=True)
    call.store.hide("", ident, v2=kept)
    return shown(call, ident)


@route("GET", "/v2/core/accounts")
def list_accounts(call: Call) -> Json:
    """Give a page; the address of the next one says where it begins."""
    begin = int(call.params.pop("page", 0))
    given = parameters.check("v2.core.AccountListParams", call.params)
    limit = min(int(given.get("limit") or PAGE_DEFAULT), PAGE_MAX)
    connected = call.store.select(f"{call.account}#connections", "account")
    accounts = [shown(call, each["id"]) for each in connected]
    wanted = set(given.get("applied_configurations") or [])
    found = [each for each in accounts if wanted <= set(each["applied_configurations"])]
    more = begin + limit < len(found)
    return {
        "data": found[begin : begin + limit], "previous_page_url": None,
        "next_page_url": f"{call.url}?limit={limit}&page={begin + limit}" if more else None,
    }  # fmt: skip


@route("GET", "/v2/core/accounts/{id}", "v2.core.AccountRetrieveParams")
def retrieve(call: Call) -> Json:
    require_access(call, call.path["id"])
    return shown(call, call.path["id"])


@route("POST", "/v2/core/accounts/{id}", "v2.core.AccountUpdateParams")
def update(call: Call) -> Json:
    account = require_access(call, call.path["id"])
    given = {name: call.params[name] for name in OWN if name in call.params}
    kept = merged(call.store.hidden("", account["id"]).get("v2", {}), given)
    call.store.hide("", account["id"], v2=kept)
    if "contact_email" in call.params:
        account["email"] = call.params["contact_email"]
    account["controller"] = controller_of(kept)
    status = "active" if account["charges_enabled"] else "inactive"
    account["capabilities"] = {
        name: account["capabilities"].get(name, status) for name in sorted(requested(kept))
    }
    call.merge_metadata(account)
    changed(call, account)
    return shown(call, account["id"])


@route("POST", "/v2/core/account_links", "v2.core.AccountLinkCreateParams")
def create_link(call: Call) -> Json:
    require_may_make(call, "v2")
    account = require_access(call, call.params["account"])
    use_case = call.params["use_case"]
    details = use_case.get(use_case["type"])
    if not details:
        name = f"use_case[{use_case['type']}]"
        raise InvalidRequest(
            f"Missing required param: {name}.", code="parameter_missing", param=name
        )
    # Without a return_url the payer comes back to where a new link would be made.
    given = {"return_url": details["refresh_url"], **details}
    return {
        "object": "v2.core.account_link", "account": account["id"], "created": rfc3339(call.now),
        "expires_at": rfc3339(call.now + LINK_LIFE_S), "livemode": call.livemode,
        "url": new_link(call, account, use_case["type"], given), "use_case": use_case,
    }  # fmt: skip
