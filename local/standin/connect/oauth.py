"""OAuth: the consent page, single-use codes, tokens, deauthorization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from local.standin.connect.accounts import account_object, new_account
from local.standin.connect.connections import connect, disconnect
from local.standin.engine.access import Restriction, shop_of
from local.standin.engine.errors import StandInError
from local.standin.engine.markup import WEB_URL, Html, filled, html, joined, message, whole
from local.standin.engine.messages import Answer, Json, html_answer, redirect
from local.standin.engine.pages import field
from local.standin.engine.routing import page, route

if TYPE_CHECKING:
    from local.standin.engine.call import Call

FIXTURE_CODE = "ac_123"
"""Stripe's documentation uses it, and so do the SDK's samples; it never expires here."""
CODE_LIFE_S = 5 * 60
SCOPES = {
    "read_only": "read your account's data",
    "read_write": "create payments and read your account's data",
}
CARRIED = ("client_id", "redirect_uri", "scope", "state")
SHOWN_MAX = 20
USED_TWICE = (
    "This authorization code has already been used. All tokens issued with this code have been "
    "revoked."
)


class OAuthRefused(StandInError):
    """OAuth has an error shape of its own."""

    def body(self, request_id: str) -> dict[str, Any]:  # noqa: ARG002
        return {"error": self.code, "error_description": self.message}


@page("GET", "/oauth/authorize")
@page("GET", "/oauth/v2/authorize")
def ask(call: Call) -> Answer:
    if refused := incomplete(call):
        return refused
    if field(call, "response_type") != "code":
        return sent_back(
            call, error="unsupported_response_type", error_description="response_type must be code"
        )
    if scope_asked(call) not in SCOPES:
        return sent_back(call, error="invalid_scope", error_description="Invalid scope provided")
    application = application_name(call)
    heading = f"{application} wants to connect with your account"
    wished = call.params.get("stripe_user")
    name = wished.get("business_name") if isinstance(wished, dict) else None
    content = filled(
        __package__, "consent.html",
        application=application, scope=SCOPES[scope_asked(call)], hidden=carried(call),
        accounts=account_choices(call), name=name if isinstance(name, str) else "Rocket Rides",
    )  # fmt: skip
    return html_answer(200, whole(heading, content))


def incomplete(call: Call) -> Answer | None:
    """Refuse what cannot even be sent back."""
    if not field(call, "client_id"):
        text = "It needs the client_id of the application."
    elif not WEB_URL.fullmatch(field(call, "redirect_uri")):
        text = "It needs a redirect_uri that begins with http:// or https://."
    else:
        return None
    return html_answer(400, message("This link is incomplete", text))


def scope_asked(call: Call) -> str:
    return field(call, "scope") or "read_only"


def carried(call: Call) -> Html:
    return joined(
        html('<input type=hidden name=$name value="$value">', name=name, value=call.params[name])
        for name in CARRIED
        if isinstance(call.params.get(name), str)
    )


def application_name(call: Call) -> str:
    """Name the platform: by the account that has used the client id, else by the id itself."""
    client = field(call, "client_id")
    if platform := call.store.hidden("", client).get("platform"):
        return str(account_object(call, platform)["settings"]["dashboard"]["display_name"])
    return shop_of(client.removeprefix("ca_")) or client


def account_choices(call: Call) -> Html:
    known = call.store.select("", "account", limit=SHOWN_MAX)
    platform = call.store.hidden("", field(call, "client_id")).get("platform")
    return joined(
        html(
            "<label class=choice><input type=radio name=account value=$id>"
            "<span>$name</span><span class=number>$id</span></label>",
            id=account["id"], name=account["settings"]["dashboard"]["display_name"],
        )
        for account in known
        if not platform or not reaches(call, platform, account["id"])
    )  # fmt: skip


def reaches(call: Call, platform: str, account: str) -> bool:
    return platform == account or call.world.is_connected(platform, account)


def sent_back(call: Call, **told: str) -> Answer:
    """Answer at the redirect_uri, with the state exactly as it came."""
    back, state = field(call, "redirect_uri"), call.params.get("state")
    if isinstance(state, str) and state:
        told["state"] = state
    return redirect(f"{back}{'&' if '?' in back else '?'}{urlencode(told)}")


@page("POST", "/oauth/authorize")
@page("POST", "/oauth/v2/authorize")
def decide(call: Call) -> Answer:
    if refused := incomplete(call):
        return refused
    if field(call, "outcome") == "deny":
        return sent_back(
            call, error="access_denied", error_description="The user denied your request"
        )
    return sent_back(call, scope=scope_asked(call), code=new_code(call))


def new_code(call: Call) -> str:
    chosen = field(call, "account")
    if call.store.get("", "account", chosen) is None:
        chosen = new_shop(call, field(call, "business_name"))
    code = "ac_" + call.world.ids.token(32)
    call.store.hide(
        "", code,
        account=chosen, client=field(call, "client_id"), granted=scope_asked(call),
        expires_at=call.now + CODE_LIFE_S, spent=False,
    )  # fmt: skip
    return code


def new_shop(call: Call, name: str) -> str:
    ident = call.new_id("acct", 16)
    call.store.insert("", new_account(ident, call.now, ready=True, name=name))
    return ident


@route("POST", "/oauth/token")
def exchange(call: Call) -> Json:
    given = field(call, "grant_type")
    if given == "refresh_token":
        return refreshed(call, field(call, "refresh_token"))
    if given == "authorization_code":
        return grant(call, *spent(call, field(call, "code")))
    if not given:
        raise OAuthRefused("No grant type specified", code="invalid_request")
    raise OAuthRefused(f"Unsupported grant type: {given}", code="unsupported_grant_type")


def spent(call: Call, code: str) -> tuple[str, str]:
    """Give the account and the scope of a code, once."""
    if code == FIXTURE_CODE:
        return new_shop(call, ""), "read_write"
    kept = call.store.hidden("", code)
    if not code.startswith("ac_") or not kept:
        raise OAuthRefused(f"Authorization code does not exist: {code}", code="invalid_grant")
    owner = call.store.hidden("", kept["client"]).setdefault("platform", call.account)
    if owner != call.account:
        raise OAuthRefused("Authorization code does not belong to you", code="invalid_grant")
    if kept["spent"]:
        take_back(call, kept["account"])
        raise OAuthRefused(USED_TWICE, code="invalid_grant")
    if kept["expires_at"] <= call.now:
        raise OAuthRefused(f"Authorization code expired: {code}", code="invalid_grant")
    call.store.hide("", code, spent=True)
    call.store.hide("", kept["client"], platform=call.account)
    return kept["account"], kept["granted"]


def take_back(call: Call, account: str) -> None:
    """Revoke the keys that the platform got for the account; `Stripe-Account` is another matter."""
    for key in call.store.hidden("", f"{call.account}/{account}").get("keys", []):
        call.world.restrictions[key] = Restriction(revoked=True)


def refreshed(call: Call, token: str) -> Json:
    kept = call.store.hidden("", token)
    account = kept.get("account", "")
    mine = kept.get("platform") == call.account and call.world.is_connected(call.account, account)
    if not token.startswith("rt_") or not mine:
        raise OAuthRefused(f"Refresh token does not exist: {token}", code="invalid_grant")
    return grant(call, account, kept["granted"])


def grant(call: Call, account: str, scope: str) -> Json:
    """Give the merchant's account, and keys that act for it."""
    if not call.world.is_connected(call.account, account):
        connect(call, account, made_here=False)
        at_account = call.on(call.scope_for(account))
        at_account.emit("account.application.authorized", application(call))
    # A key says by itself whose it is.
    secret = f"acct{account.removeprefix('acct_')}{call.world.ids.token(24)}"
    mode = "live_standin" if call.livemode else "test_"
    refresh = "rt_" + call.world.ids.token(40)
    call.store.hide("", refresh, account=account, platform=call.account, granted=scope)
    connection = f"{call.account}/{account}"
    keys = call.store.hidden("", connection).get("keys", [])
    call.store.hide("", connection, keys=[*keys, f"sk_{mode}{secret}"])
    return {
        "access_token": f"sk_{mode}{secret}", "livemode": call.livemode, "refresh_token": refresh,
        "scope": scope, "stripe_publishable_key": f"pk_{mode}{secret}",
        "stripe_user_id": account, "token_type": "bearer",
    }  # fmt: skip


def application(call: Call) -> Json:
    name = account_object(call, call.account)["settings"]["dashboard"]["display_name"]
    client = field(call, "client_id") or f"ca_{call.account.removeprefix('acct_')}"
    return {"id": client, "object": "application", "name": name}


@route("POST", "/oauth/deauthorize")
def deauthorize(call: Call) -> Json:
    account = field(call, "stripe_user_id")
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
        at_account.emit("account.application.deauthorized", application(call))
        take_back(call, account)
        disconnect(call, account)
    return {"stripe_user_id": account}
