"""The hosted pages of Checkout: pay, save a card, prove who you are, the receipt."""

from __future__ import annotations

from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING

from local.standin.checkout import sessions
from local.standin.connect.accounts import display_name
from local.standin.engine.call import Call
from local.standin.engine.errors import CardDeclined, InvalidRequest
from local.standin.engine.messages import Answer, Json, html_answer, redirect
from local.standin.engine.pages import error_box, message, missing, whole
from local.standin.engine.routing import page
from local.standin.funds.currencies import shown
from local.standin.payments import payment_intents, setup_intents
from local.standin.payments.cards import CARDS
from local.standin.payments.payment_methods import resolved

if TYPE_CHECKING:
    from collections.abc import Iterable

PLACEHOLDER = "{CHECKOUT_SESSION_ID}"
WORDS = {
    "visa": "Visa 4242: succeeds", "mastercard": "Mastercard 4444: succeeds",
    "amex": "American Express 0005: succeeds", "visa_chargeDeclined": "Declined",
    "visa_chargeDeclinedInsufficientFunds": "Declined: insufficient funds",
    "visa_chargeDeclinedLostCard": "Declined: lost card",
    "visa_chargeDeclinedStolenCard": "Declined: stolen card",
    "chargeDeclinedExpiredCard": "Declined: expired card",
    "chargeDeclinedIncorrectCvc": "Declined: wrong security code",
    "chargeDeclinedProcessingError": "Declined: processing error",
    "visa_chargeDeclinedVelocityLimitExceeded": "Declined: too many attempts",
    "threeDSecure2Required": "Asks the payer to confirm (3D Secure)",
    "authenticationRequiredOnSetup": "Asks once, when saved (3D Secure)",
    "chargeCustomerFail": "Saves, then declines later charges",
    "createDispute": "Succeeds, then is disputed",
    "radarBlock": "Blocked as too risky", "refundFail": "Succeeds, its refund fails later",
}  # fmt: skip
DEBITS = {
    "pm_usBankAccount": "US bank debit: processing, then succeeds",
    "pm_usBankAccount_noAccount": "US bank debit: processing, then fails",
}


def found_session(call: Call) -> Json | None:
    """Take the session's id as the payer's proof, and act for its account from here on."""
    scope = call.store.scope_of("checkout.session", call.path["id"])
    if scope is None:
        return None
    call.scope = scope
    call.platform = call.hidden(call.path["id"]).get("platform")
    return call.get("checkout.session", call.path["id"])


def options(session: Json, chosen: str) -> str:
    cards = [(f"pm_card_{c.name}", f"{WORDS[c.name]}") for c in CARDS if c.name in WORDS]
    debits = list(DEBITS.items()) if session["mode"] == "payment" else []
    return "".join(option(value, text, chosen) for value, text in [*cards, *debits])


def option(value: str, text: str, chosen: str) -> str:
    selected = " selected" if value == chosen else ""
    return f'<option value="{value}"{selected}>{escape(text)}</option>'


def times(quantity: int) -> str:
    return f" &times; {quantity}" if quantity > 1 else ""


def item_rows(items: Iterable[Json]) -> str:
    rows = [
        f"<li><span>{escape(item['description'])}"
        f"{times(item['quantity'])}</span>"
        f"<span>{shown(item['amount_total'], item['currency'])}</span></li>"
        for item in items
    ]
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def email_field(email: str) -> str:
    return (
        f'<label>Email<input type=email name=email value="{escape(email)}" '
        'placeholder="you@example.com" autocomplete=email></label>'
    )


def form_page(call: Call, session: Json, *, error: str | None = None, chosen: str = "") -> str:
    merchant = escape(display_name(call))
    saving = session["mode"] == "setup"
    amount = "" if saving else shown(session["amount_total"], session["currency"])
    head = f"<h1>Save a card with {merchant}</h1>" if saving else f"<h1>Pay {merchant}</h1>"
    email = (session["customer_details"] or {}).get("email") or ""
    back = session["cancel_url"]
    content = [
        head, f"<p class=amount>{amount}</p>" if amount else "<p></p>",
        item_rows(call.hidden(session["id"])["line_items"]), error_box(error),
        f'<form method=post action="/c/pay/{session["id"]}/complete">',
        email_field(email),
        f"<label>Test card<select name=pm>{options(session, chosen)}</select></label>",
        f"<button>{'Save card' if saving else 'Pay ' + amount}</button></form>",
        f'<a class=back href="{escape(back)}">Back to {merchant}</a>' if back else "",
    ]  # fmt: skip
    return whole(f"{'Save a card' if saving else 'Pay'} | {display_name(call)}", "".join(content))


@page("GET", "/c/pay/{id}")
def show(call: Call) -> Answer:
    session = found_session(call)
    if session is None:
        return missing()
    if session["status"] == "complete":
        return html_answer(
            200, message("All done here", "This payment page was already completed.")
        )
    if session["status"] == "expired":
        return html_answer(410, message("This page has expired", "Ask the seller for a new link."))
    return html_answer(200, form_page(call, session))


@page("POST", "/c/pay/{id}/complete")
def submit(call: Call) -> Answer:
    session = found_session(call)
    if session is None:
        return missing()
    if session["status"] == "complete" and back_url(session):
        return redirect(back_url(session))
    if session["status"] != "open":
        return show(call)
    chosen = call.params.get("pm") or "pm_card_visa"
    sessions.ensure_customer(call, session, call.params.get("email"))
    try:
        intent = tried(call, session, chosen)
    except (CardDeclined, InvalidRequest) as error:
        session = call.get("checkout.session", session["id"])
        return html_answer(402, form_page(call, session, error=error.message, chosen=chosen))
    return carried_on(call, session, intent)


def tried(call: Call, session: Json, chosen: str) -> Json:
    method = resolved(call, chosen, "pm")
    call.hide(session["id"], email=call.params.get("email"))
    if session["mode"] == "setup":
        setup = call.get("setup_intent", session["setup_intent"])
        setup["payment_method"] = method["id"]
        return setup_intents.attempt(call, setup)
    intent = sessions.intent_for(call, session)
    intent["payment_method"] = method["id"]
    return payment_intents.confirmed(call, intent, {"off_session": False, "hosted": True})


def carried_on(call: Call, session: Json, intent: Json) -> Answer:
    if intent["status"] == "requires_action":
        return redirect(f"{call.world.base_url}/c/authenticate/{intent['id']}")
    call.params.setdefault("email", call.hidden(session["id"]).get("email"))
    session = sessions.complete(call, session, intent)
    target = back_url(session)
    return redirect(target) if target else html_answer(200, message("Thank you", "All done."))


def back_url(session: Json) -> str:
    url = session["success_url"] or session.get("return_url") or ""
    return str(url).replace(PLACEHOLDER, session["id"])


def found_intent(call: Call) -> Json | None:
    for kind in ("payment_intent", "setup_intent"):
        scope = call.store.scope_of(kind, call.path["id"])
        if scope is not None:
            call.scope = scope
            intent = call.get(kind, call.path["id"])
            return intent if intent["status"] == "requires_action" else None
    return None


@page("GET", "/c/authenticate/{id}")
def ask(call: Call) -> Answer:
    intent = found_intent(call)
    if intent is None:
        return missing()
    amount = shown(intent["amount"], intent["currency"]) if "amount" in intent else "the card"
    content = (
        "<h1>Your bank asks</h1>"
        f"<p>Do you confirm {amount} for {escape(display_name(call))}?</p>"
        f'<form method=post action="/c/authenticate/{intent["id"]}">'
        "<button name=outcome value=pass>Confirm</button>"
        "<button class=plain name=outcome value=fail>Refuse</button></form>"
    )
    return html_answer(200, whole("Confirm it is you", content))


def session_of(call: Call, intent: Json) -> Json | None:
    key = intent["object"]
    found = call.store.select(call.scope, "checkout.session", [(key, "=", intent["id"])], limit=1)
    return found[0] if found else None


@page("POST", "/c/authenticate/{id}")
def decide(call: Call) -> Answer:
    intent = found_intent(call)
    if intent is None:
        return missing()
    session = session_of(call, intent)
    if session is not None:
        call.platform = call.hidden(session["id"]).get("platform")
    passed = call.params.get("outcome", "pass") == "pass"
    subject = payment_intents if intent["object"] == "payment_intent" else setup_intents
    with suppress(CardDeclined):
        intent = subject.authenticated(call, intent, passed=passed)
    intent = call.get(intent["object"], intent["id"])
    if session is None:
        return back_from(call, intent)
    failure: Json = intent.get("last_payment_error") or intent.get("last_setup_error") or {}
    if failure:
        return html_answer(402, form_page(call, session, error=failure["message"]))
    return carried_on(call, session, intent)


def back_from(call: Call, intent: Json) -> Answer:
    url = call.hidden(intent["id"]).get("return_url")
    if not url:
        return html_answer(200, message("Thank you", "You can close this page."))
    joint = "&" if "?" in url else "?"
    name = intent["object"]
    return redirect(
        f"{url}{joint}{name}={intent['id']}&{name}_client_secret={intent['client_secret']}"
        f"&redirect_status={'succeeded' if intent['status'] == 'succeeded' else 'failed'}"
    )


@page("GET", "/c/receipt/{id}")
def receipt(call: Call) -> Answer:
    scope = call.store.scope_of("charge", call.path["id"])
    if scope is None:
        return missing()
    call.scope = scope
    charge = call.get("charge", call.path["id"])
    details = charge["payment_method_details"]
    paid_with = details.get("card") or {"brand": details["type"], "last4": ""}
    content = (
        f"<h1>Receipt from {escape(display_name(call))}</h1>"
        f"<p class=amount>{shown(charge['amount_captured'], charge['currency'])}</p>"
        f"<ul><li><span>Paid with</span><span>{escape(paid_with['brand'])} "
        f"{escape(paid_with['last4'])}</span></li>"
        f"<li><span>For</span><span>{escape(charge['description'] or 'a payment')}</span></li></ul>"
    )
    return html_answer(200, whole("Receipt", content))
