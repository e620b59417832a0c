"""OAuth: the consent page, single-use codes, tokens, deauthorization."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from local.standin.connect.accounts import account_object
from local.standin.connect.onboarding import connect, disconnect
from local.standin.engine.access import account_of
from local.standin.engine.errors import StandInError
from local.standin.engine.messages import Answer, Json, html_answer, redirect
from local.standin.engine.pages import message, whole
from local.standin.engine.routing import page, route

if TYPE_CHECKING:
    from local.standin.engine.call import Call

FIXTURE_CODE = "ac_123"
"""Stripe's documentation uses it, and so do the SDK's samples; it never expires here."""
CODE_LIFE_S = 5 * 60


class OAuthRefused(StandInError):
    """OAuth has an error shape of its own."""

    def body(self, request_id: str) -> dict[str, Any]:  # noqa: ARG002
        return {"error": self.code, "error_description": self.message}


@page("GET", "/oauth/authorize")
@page("GET", "/oauth/v2/authorize")
def ask(call: Call) -> Answer:
    given = call.params
    if not given.get("client_id") or given.get("response_type") != "code":
        text = "The link needs client_id and response_type=code."
        return html_answer(400, message("This link is incomplete", text))
    fields = "".join(
        f'<input type=hidden name={name} value="{escape(str(given[name]))}">'
        for name in ("client_id", "redirect_uri", "scope", "state") if name in given
    )  # fmt: skip
    content = (
        "<h1>Connect your account</h1>"
        f"<p>The application <b>{escape(given['client_id'])}</b> asks to create payments and to "
        "read your account's data.</p>"
        f"<form method=post action=/oauth/authorize>{fields}"
        "<button name=outcome value=connect>Connect</button>"
        "<button class=plain name=outcome value=deny>Deny</button></form>"
    )
    return html_answer(200, whole("Connect your account", content))


@page("POST", "/oauth/authorize")
def decide(call: Call) -> Answer:
    given = call.params
    back = given.get("redirect_uri")
    if not back:
        return html_answer(400, message("This link is incomplete", "There is no redirect_uri."))
    state = {"state": given["state"]} if given.get("state") else {}
    if given.get("outcome") == "deny":
        answer = {"error": "access_denied", "error_description": "The user denied your request"}
    else:
        answer = {"scope": given.get("scope") or "read_only", "code": new_code(call)}
    joint = "&" if "?" in back else "?"
    return redirect(back + joint + urlencode({**answer, **state}))


def new_code(call: Call) -> str:
    code = "ac_" + call.world.ids.token(32)
    client = call.params.get("client_id")
    call.store.hide("", code, client_id=client, expires_at=call.now + CODE_LIFE_S, spent=False)
    return code


@route("POST", "/oauth/token")
def exchange(call: Call) -> Json:
    given = call.params
    if given.get("grant_type") == "refresh_token":
        secret = call.store.hidden("", given.get("refresh_token") or "").get("secret")
        if not secret:
            raise OAuthRefused("Refresh token does not exist.", code="invalid_grant")
        return grant(call, secret)
    if given.get("grant_type") != "authorization_code":
        raise OAuthRefused(
            f"Unsupported grant type: {given.get('grant_type')}", code="unsupported_grant_type"
        )
    spend(call, given.get("code") or "")
    return grant(call, call.world.ids.token(40))


def spend(call: Call, code: str) -> None:
    if code == FIXTURE_CODE:
        return
    kept = call.store.hidden("", code)
    if not kept or kept["spent"] or kept["expires_at"] <= call.now:
        raise OAuthRefused(f"Authorization code does not exist: {code}", code="invalid_grant")
    call.store.hide("", code, spent=True)


def grant(call: Call, secret: str) -> Json:
    """Give the merchant's account, and keys that act for it."""
    account = account_of(secret)
    account_object(call, account)
    connect(call, account, made_here=False)
    refresh = "rt_" + call.world.ids.token(40)
    call.store.hide("", refresh, secret=secret)
    mode = "live_standin" if call.livemode else "test_"
    return {
        "access_token": f"sk_{mode}{secret}", "livemode": call.livemode, "refresh_token": refresh,
        "scope": "read_write", "stripe_publishable_key": f"pk_{mode}{secret}",
        "stripe_user_id": account, "token_type": "bearer",
    }  # fmt: skip


@route("POST", "/oauth/deauthorize")
def deauthorize(call: Call) -> Json:
    account = call.params.get("stripe_user_id") or ""
    link = call.store.get("", "connection", f"{call.account}/{account}")
    if link is None:
        raise OAuthRefused(
            f"This application is not connected to stripe account {account}, or that account does "
            "not exist.",
            code="invalid_client",
        )
    # An account that the platform made has no grant to take back: it stays the platform's.
    if not link["made_here"]:
        at_account = call.on(call.scope_for(account))
        application = {"id": call.params.get("client_id"), "object": "application", "name": None}
        at_account.emit("account.application.deauthorized", application)
        disconnect(call, account)
    return {"stripe_user_id": account}
