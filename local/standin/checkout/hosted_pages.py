"""The hosted page of Checkout: pay, or save a card."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from local.standin.checkout import sessions
from local.standin.checkout.picker import picker
from local.standin.connect.accounts import display_name
from local.standin.engine.errors import CardDeclined, InvalidRequest
from local.standin.engine.markup import (
    NOTHING,
    Html,
    filled,
    html,
    joined,
    link,
    message,
    whole,
)
from local.standin.engine.messages import Answer, Json, html_answer, redirect
from local.standin.engine.pages import field, missing
from local.standin.engine.routing import page
from local.standin.funds.currencies import shown
from local.standin.payments import payment_intents, setup_intents
from local.standin.payments.payment_methods import resolved

if TYPE_CHECKING:
    from local.standin.engine.call import Call

PLACEHOLDER = "{CHECKOUT_SESSION_ID}"
VERBS = {"book": "Book", "donate": "Donate", "subscribe": "Subscribe"}
"""What the button says for a `submit_type` other than pay."""


def found_session(call: Call) -> Json | None:
    """Take the session's id as the payer's proof, and act for its account from here on."""
    scope = call.store.scope_of("checkout.session", call.path["id"])
    if scope is None:
        return None
    call.scope = scope
    call.platform = call.hidden(call.path["id"]).get("platform")
    return call.get("checkout.session", call.path["id"])


def item_rows(items: Iterable[Json]) -> Html:
    rows = joined(
        html(
            "<li><span>$name</span><span>$amount</span></li>",
            name=f"{item['description']}{times(item['quantity'])}",
            amount=shown(item["amount_total"], item["currency"]),
        )
        for item in items
    )
    return html("<ul class=rows>$rows</ul>", rows=rows) if rows else NOTHING


def times(quantity: int) -> str:
    return f" \N{MULTIPLICATION SIGN} {quantity}" if quantity > 1 else ""


def email_field(call: Call, session: Json) -> Html:
    """Ask for the address, unless the seller has said it: then it is not the payer's to change."""
    known = (session["customer_details"] or {}).get("email")
    if known:
        return html("<dl class=rows><div><dt>Email</dt><dd>$known</dd></div></dl>", known=known)
    return html(
        '<label class=field>Email<input type=email name=email value="$typed" '
        'placeholder="you@example.com" autocomplete=email></label>',
        typed=field(call, "email") or call.hidden(session["id"]).get("email") or "",
    )


def form_page(call: Call, session: Json, *, error: str | None = None) -> str:
    merchant = display_name(call)
    saving = session["mode"] == "setup"
    verb = VERBS.get(session["submit_type"] or "", "Pay")
    amount = "" if saving else shown(session["amount_total"], session["currency"])
    heading = f"Save a card with {merchant}" if saving else f"{verb} {merchant}"
    note = (session["custom_text"]["submit"] or {}).get("message")
    chosen = call.hidden(session["id"]).get("chosen") or ""
    free = not saving and session["payment_status"] == "no_payment_required"
    content = filled(
        __package__, "pay.html",
        heading=heading, action=f"/c/pay/{session['id']}/complete",
        amount=html("<p class=amount>$amount</p>", amount=amount) if amount else NOTHING,
        items=item_rows(call.hidden(session["id"])["line_items"]),
        email=email_field(call, session),
        picker=NOTHING if free else picker(sessions.kinds_of(session), chosen, error),
        note=html("<p class=quiet>$note</p>", note=note) if note else NOTHING,
        button="Save card" if saving else "Complete order" if free else f"{verb} {amount}",
        back=link(session["cancel_url"], f"Back to {merchant}"),
    )  # fmt: skip
    return whole(f"{'Declined | ' if error else ''}{heading}", content)


@page("GET", "/c/pay/{id}")
@page("GET", "/c/pay/{id}/complete")
def show(call: Call) -> Answer:
    session = found_session(call)
    if session is None:
        return missing()
    merchant = display_name(call)
    if session["status"] == "complete":
        return thanks(call, session)
    if session["status"] == "expired":
        recovery = (session["after_expiration"] or {}).get("recovery") or {}
        return html_answer(410, message(
            "This page has expired", f"Nothing was paid. Ask {merchant} for a new link.",
            link(recovery.get("url"), "Begin again")
            or link(session["cancel_url"], f"Back to {merchant}"),
        ))  # fmt: skip
    return html_answer(200, form_page(call, session))


def thanks(call: Call, session: Json) -> Answer:
    merchant = display_name(call)
    text = f"The card is saved with {merchant}."
    if session["mode"] == "payment":
        amount = shown(session["amount_total"], session["currency"])
        text = f"{merchant} has received {amount}."
        if session["payment_status"] == "unpaid":
            text = f"{amount} is on its way to {merchant}. A bank debit takes some days."
    said = call.hidden(session["id"]).get("thanks")
    more = link(back_url(session), f"Back to {merchant}")
    return html_answer(200, message("Thank you. All done here", said or text, more))


@page("POST", "/c/pay/{id}/complete")
def submit(call: Call) -> Answer:
    session = found_session(call)
    if session is None:
        return missing()
    if session["status"] == "complete" and back_url(session):
        return redirect(back_url(session))
    if session["status"] != "open":
        return show(call)
    email = field(call, "email")
    call.hide(session["id"], chosen=field(call, "pm"), email=email)
    sessions.ensure_customer(call, session, email)
    try:
        intent = tried(call, session, field(call, "pm") or "pm_card_visa")
    except (CardDeclined, InvalidRequest) as error:
        return declined(call, session, error.message)
    return carried_on(call, session, intent)


def declined(call: Call, session: Json, reason: str) -> Answer:
    session = call.get("checkout.session", session["id"])
    return html_answer(402, form_page(call, session, error=reason))


def tried(call: Call, session: Json, chosen: str) -> Json | None:
    if session["payment_status"] == "no_payment_required" and session["mode"] == "payment":
        return None
    method = resolved(call, chosen, "pm")
    sessions.require_kind(session, method["type"])
    if session["mode"] == "setup":
        setup = call.get("setup_intent", session["setup_intent"])
        setup["payment_method"] = method["id"]
        return setup_intents.attempt(call, setup)
    intent = sessions.intent_for(call, session)
    intent["payment_method"] = method["id"]
    return payment_intents.confirmed(call, intent, {"off_session": False, "hosted": True})


def carried_on(call: Call, session: Json, intent: Json | None) -> Answer:
    if intent and intent["status"] == "requires_action":
        return redirect(f"{call.world.base_url}/c/authenticate/{intent['id']}")
    session = sessions.complete(call, session, intent)
    target = back_url(session)
    return redirect(target) if target else thanks(call, session)


def back_url(session: Json) -> str:
    url = session["success_url"] or session.get("return_url") or ""
    return str(url).replace(PLACEHOLDER, session["id"])


@page("GET", "/c/recover/{id}")
def recover(call: Call) -> Answer:
    session = found_session(call)
    recovery = ((session or {}).get("after_expiration") or {}).get("recovery") or {}
    if session is None or not recovery.get("url") or recovery["expires_at"] <= call.now:
        return missing()
    return redirect(sessions.again(call, session)["url"])
