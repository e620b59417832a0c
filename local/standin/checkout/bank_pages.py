"""The bank's page, where a payer proves who they are (3-D Secure)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from local.standin.checkout.hosted_pages import back_url, carried_on, declined, show
from local.standin.connect.accounts import display_name
from local.standin.engine.errors import CardDeclined
from local.standin.engine.markup import WEB_URL, filled, message, whole
from local.standin.engine.messages import Answer, Json, html_answer, redirect
from local.standin.engine.pages import field, missing
from local.standin.engine.routing import page
from local.standin.funds.currencies import shown
from local.standin.payments import payment_intents, setup_intents

if TYPE_CHECKING:
    from local.standin.engine.call import Call


def found_intent(call: Call) -> Json | None:
    for kind in ("payment_intent", "setup_intent"):
        scope = call.store.scope_of(kind, call.path["id"])
        if scope is not None:
            call.scope = scope
            return call.get(kind, call.path["id"])
    return None


@page("GET", "/c/authenticate/{id}")
def ask(call: Call) -> Answer:
    intent = found_intent(call)
    if intent is None:
        return missing()
    if intent["status"] != "requires_action":
        return asked_no_more(call, intent)
    card = call.get("payment_method", intent["payment_method"]).get("card") or {}
    paying = "amount" in intent
    content = filled(
        __package__, "authenticate.html",
        merchant=display_name(call), action=f"/c/authenticate/{intent['id']}",
        what="Amount" if paying else "For",
        amount=shown(intent["amount"], intent["currency"]) if paying else "Later payments",
        card=f"{card.get('brand', '')} …{card.get('last4', '')}".capitalize(),
    )  # fmt: skip
    return html_answer(200, whole("Your bank asks | 3-D Secure", content))


def asked_no_more(call: Call, intent: Json) -> Answer:
    """Lead a payer who comes late, from another tab, to where the payment stands."""
    session = session_of(call, intent)
    if session is None and back_url_of(call, intent):
        return back_from(call, intent)
    if session is None:
        return html_answer(410, message("Nothing to confirm", "This was decided before."))
    call.path["id"] = session["id"]
    return redirect(back_url(session)) if session["status"] == "complete" else show(call)


def session_of(call: Call, intent: Json) -> Json | None:
    key = intent["object"]
    found = call.store.select(call.scope, "checkout.session", [(key, "=", intent["id"])], limit=1)
    return found[0] if found else None


@page("POST", "/c/authenticate/{id}")
def decide(call: Call) -> Answer:
    intent = found_intent(call)
    if intent is None:
        return missing()
    if intent["status"] != "requires_action":
        return asked_no_more(call, intent)
    session = session_of(call, intent)
    call.platform = call.hidden((session or intent)["id"]).get("platform")
    passed = (field(call, "outcome") or "pass") == "pass"
    subject = payment_intents if intent["object"] == "payment_intent" else setup_intents
    with suppress(CardDeclined):
        intent = subject.authenticated(call, intent, passed=passed)
    intent = call.get(intent["object"], intent["id"])
    if session is None:
        return back_from(call, intent)
    failure: Json = intent.get("last_payment_error") or intent.get("last_setup_error") or {}
    if failure:
        return declined(call, session, failure["message"])
    return carried_on(call, session, intent)


def back_url_of(call: Call, intent: Json) -> str:
    """Return where the intent's payer is led back to, if that is a page."""
    url = str(call.hidden(intent["id"]).get("return_url") or "")
    return url if WEB_URL.fullmatch(url) else ""


def back_from(call: Call, intent: Json) -> Answer:
    url = back_url_of(call, intent)
    if not url:
        return html_answer(200, message("Thank you", "You can close this page."))
    name = intent["object"]
    failed = intent["status"] in {"requires_payment_method", "canceled"}
    told = urlencode({
        name: intent["id"], f"{name}_client_secret": intent["client_secret"],
        "redirect_status": "failed" if failed else "succeeded",
    })  # fmt: skip
    return redirect(f"{url}{'&' if '?' in url else '?'}{told}")
