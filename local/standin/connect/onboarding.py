"""Connect: accounts that a platform makes, their links with an onboarding page, their sessions."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from local.standin.connect.accounts import (
    CAPABILITIES,
    account_object,
    new_account,
    require_access,
    requirements,
)
from local.standin.engine.errors import InvalidRequest
from local.standin.engine.messages import Answer, Json, html_answer, redirect
from local.standin.engine.pages import message, missing, whole
from local.standin.engine.routing import page, route

if TYPE_CHECKING:
    from local.standin.engine.call import Call

LINK_LIFE_S = 5 * 60
CONTROLLER = {
    "fees": {"payer": "account"}, "is_controller": True, "losses": {"payments": "stripe"},
    "requirement_collection": "stripe", "stripe_dashboard": {"type": "full"}, "type": "application",
}  # fmt: skip
DASHBOARDS = {"full": "standard", "express": "express", "none": "none"}


def connect(call: Call, account: str, *, made_here: bool) -> None:
    """From now on the platform may act for the account with `Stripe-Account`."""
    link: Json = {
        "id": f"{call.account}/{account}", "object": "connection", "platform": call.account,
        "account": account, "made_here": made_here,
    }  # fmt: skip
    if call.store.get("", "connection", link["id"]) is None:
        call.store.insert("", link)
        listed = {"id": account, "object": "account", "created": call.now}
        call.store.insert(f"{call.account}#connections", listed)


def disconnect(call: Call, account: str) -> None:
    call.store.delete("", f"{call.account}/{account}")
    call.store.delete(f"{call.account}#connections", account)


def controller_of(params: Json) -> Json:
    given = params.get("controller") or {}
    merged = {**CONTROLLER, **given}
    kind = params.get("type")
    if kind in {"express", "custom"}:
        dashboard = "express" if kind == "express" else "none"
        merged["stripe_dashboard"] = {"type": dashboard}
    return merged


@route("POST", "/v1/accounts", "AccountCreateParams")
def create(call: Call) -> Json:
    params = call.params
    ident = call.new_id("acct", 16)
    controller = controller_of(params)
    kind = params.get("type") or DASHBOARDS[controller["stripe_dashboard"]["type"]]
    given = {k: params.get(k) for k in ("business_type", "country", "default_currency", "email")}
    profile = params.get("business_profile") or {}
    account = new_account(
        ident, call.now,
        ready=False, type=kind, metadata=params.get("metadata"), name=profile.get("name"), **given,
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
        ready = account["charges_enabled"] and asked["requested"]
        account["capabilities"][name] = "active" if ready else "inactive"
    call.merge_metadata(account)
    return changed(call, account)


def changed(call: Call, account: Json) -> Json:
    """Send the account's own event; platforms hear it at their `connect` endpoints."""
    at_account = call.on(call.scope_for(account["id"]))
    before = call.store.get("", "account", account["id"]) or {}
    call.store.update("", account)
    previous = {key: before.get(key) for key in account if before.get(key) != account[key]}
    if previous:
        at_account.emit("account.updated", account, previous)
    return account


@route("DELETE", "/v1/accounts/{id}", "AccountDeleteParams")
def delete(call: Call) -> Json:
    account = require_access(call, call.path["id"])
    disconnect(call, account["id"])
    return {"id": account["id"], "object": "account", "deleted": True}


@route("GET", "/v1/accounts/{id}/capabilities")
def list_capabilities(call: Call) -> Json:
    account = require_access(call, call.path["id"])
    held = [
        {
            "id": name, "object": "capability", "account": account["id"],
            "future_requirements": requirements([]), "requested": True,
            "requested_at": account["created"], "requirements": requirements([]), "status": state,
        }
        for name, state in account["capabilities"].items()
    ]  # fmt: skip
    return {"object": "list", "data": held, "has_more": False, "url": call.url}


@route("POST", "/v1/account_links", "AccountLinkCreateParams")
def create_link(call: Call) -> Json:
    account = require_access(call, call.params["account"])
    for name in ("refresh_url", "return_url"):
        if not call.params.get(name):
            raise InvalidRequest(
                f"Missing required param: {name}.", code="parameter_missing", param=name
            )
    url = new_link(call, account, call.params["return_url"], call.params["refresh_url"])
    return {
        "object": "account_link", "created": call.now, "expires_at": call.now + LINK_LIFE_S,
        "url": url,
    }  # fmt: skip


def new_link(call: Call, account: Json, return_url: str, refresh_url: str) -> str:
    """Single use and short lived, as at Stripe."""
    token = call.world.ids.token(32)
    call.store.hide(
        "", f"link_{token}",
        account=account["id"], return_url=return_url, refresh_url=refresh_url, home=call.scope,
        expires_at=call.now + LINK_LIFE_S, spent=False,
    )  # fmt: skip
    return f"{call.world.base_url}/c/onboarding/{token}"


@page("GET", "/c/onboarding/{token}")
def show(call: Call) -> Answer:
    link = call.store.hidden("", f"link_{call.path['token']}")
    if not link:
        return missing()
    if link["spent"] or link["expires_at"] <= call.now:
        return redirect(link["refresh_url"])
    call.store.hide("", f"link_{call.path['token']}", spent=True)
    account = account_object(call, link["account"])
    name = escape(account["business_profile"]["name"] or account["id"])
    content = (
        f"<h1>Set up payments for {name}</h1>"
        "<p>Stripe would now ask who owns the business and where to pay out.</p>"
        f'<form method=post action="/c/onboarding/{escape(call.path["token"])}">'
        "<button>Agree and submit</button></form>"
        f'<a class=back href="{escape(link["return_url"])}">Later</a>'
    )
    return html_answer(200, whole("Set up payments", content))


@page("POST", "/c/onboarding/{token}")
def submit(call: Call) -> Answer:
    link = call.store.hidden("", f"link_{call.path['token']}")
    if not link:
        return missing()
    if link.get("done"):
        return html_answer(410, message("This page has expired", "It was already submitted."))
    call.store.hide("", f"link_{call.path['token']}", spent=True, done=True)
    call.scope = link["home"]
    onboarded(call, account_object(call, link["account"]))
    return redirect(link["return_url"])


def onboarded(call: Call, account: Json) -> Json:
    names = account["capabilities"] or CAPABILITIES
    account.update(
        charges_enabled=True, payouts_enabled=True, details_submitted=True,
        requirements=requirements([]), capabilities=dict.fromkeys(names, "active"),
        tos_acceptance={"date": call.now},
    )  # fmt: skip
    return changed(call, account)
