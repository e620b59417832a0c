"""Onboarding: account links and the page behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.connect.accounts import account_object, require_access
from local.standin.connect.standing import MISMATCH, moved
from local.standin.engine.errors import InvalidRequest
from local.standin.engine.markup import (
    Html,
    filled,
    html,
    joined,
    link,
    message,
    require_web_url,
    whole,
)
from local.standin.engine.messages import Answer, Json, html_answer, redirect
from local.standin.engine.pages import field, missing
from local.standin.engine.routing import page, route

if TYPE_CHECKING:
    from local.standin.engine.call import Call

LINK_LIFE_S = 5 * 60
TYPES = {"company": "Company", "individual": "Individual", "non_profit": "Non-profit"}


@route("POST", "/v1/account_links", "AccountLinkCreateParams")
def create_link(call: Call) -> Json:
    account = require_access(call, call.params["account"])
    return {
        "object": "account_link", "created": call.now, "expires_at": call.now + LINK_LIFE_S,
        "url": new_link(call, account, call.params["type"], call.params),
    }  # fmt: skip


def new_link(call: Call, account: Json, kind: str, given: Json) -> str:
    """Single use and short lived, as at Stripe."""
    if kind == "account_update" and collects(account) != "application":
        raise InvalidRequest(
            "You cannot create `account_update` type Account Links for this account. Valid types "
            'for this account are ["account_onboarding"].'
        )
    for name in ("refresh_url", "return_url"):
        if not given.get(name):
            raise InvalidRequest(
                f"Missing required param: {name}.", code="parameter_missing", param=name
            )
        require_web_url(given[name], name)
    token = call.world.ids.token(32)
    call.store.hide(
        "", f"link_{token}",
        account=account["id"], return_url=given["return_url"], refresh_url=given["refresh_url"],
        home=call.scope, kind=kind, expires_at=call.now + LINK_LIFE_S, spent=False,
    )  # fmt: skip
    return f"{call.world.base_url}/c/onboarding/{token}"


def collects(account: Json) -> str:
    """Say who asks the account for what it has to prove."""
    return str(account["controller"].get("requirement_collection", "stripe"))


@page("GET", "/c/onboarding/{token}")
def show(call: Call) -> Answer:
    key = f"link_{call.path['token']}"
    found = call.store.hidden("", key)
    if not found:
        return missing()
    if found["spent"] or found["expires_at"] <= call.now:
        return redirect(found["refresh_url"])
    call.store.hide("", key, spent=True)
    account = account_object(call, found["account"])
    name = account["business_profile"]["name"] or account["id"]
    updating = found["kind"] == "account_update"
    heading = f"{'Update the details of' if updating else 'Set up payments for'} {name}"
    content = filled(
        __package__, "onboarding.html",
        heading=heading, action=f"/c/onboarding/{call.path['token']}", name=name,
        country=account["country"], types=type_options(account["business_type"]),
        later=link(found["return_url"], "Later"),
    )  # fmt: skip
    return html_answer(200, whole(heading, content))


def type_options(chosen: str | None) -> Html:
    return joined(
        html(
            "<option value=$value$mark>$text</option>",
            value=value, text=text, mark=Html(" selected" if value == chosen else ""),
        )
        for value, text in TYPES.items()
    )  # fmt: skip


@page("POST", "/c/onboarding/{token}")
def submit(call: Call) -> Answer:
    key = f"link_{call.path['token']}"
    found = call.store.hidden("", key)
    if not found:
        return missing()
    if found.get("done"):
        return html_answer(410, message("This page has expired", "It was already submitted."))
    call.store.hide("", key, spent=True, done=True)
    call.scope = found["home"]
    account = account_object(call, found["account"])
    if name := field(call, "business_name"):
        account["business_profile"]["name"] = name
        account["settings"]["dashboard"]["display_name"] = name
    if field(call, "business_type") in TYPES:
        account["business_type"] = field(call, "business_type")
    moved(call, account, "restricted" if field(call, "id_number") == MISMATCH else "active")
    return redirect(found["return_url"])
