"""
/p/{token}: the payer's page, the ways to Stripe's Checkout and to a bank, and the ways back.

Public: the token is the key.
"""

from typing import Any
from urllib.parse import parse_qs, urlencode

from payments.cases.links import bank_confirmation, pay_page, press_pay
from payments.config import settings
from payments.doors.doors import Doors
from payments.edge import addresses, api, arriving, headers, pages, runtime, screening
from payments.errors import CustomerRefused, NotFound, PaymentsError
from payments.steps.links.payability import LinkState
from payments.wording import locales, reading
from payments.wording.sheets import Sheet, rendered

#: Where a press of Pay may lead: to Stripe's page, and to a bank's through Stripe.
CHECKOUT = ("https://checkout.stripe.com", "https://hooks.stripe.com")
SAVED_CARD = "/p/saved-card"
#: Refusals that have words of their own for a payer; for all others, the page says to try again.
_NOTICES = {NotFound: "not_found", CustomerRefused: "details_refused"}

Result = dict[str, Any]


def handler(event: dict[str, Any], context: Any) -> Result:
    """Answer with a page or a redirect; a refusal is also a page, in words for a payer."""
    runtime.begin(context)
    try:
        result = _route(event)
    except PaymentsError as refusal:
        api.logger.info("refused", code=refusal.code, status=refusal.status)
        known = _NOTICES.get(type(refusal), "refused")
        result = _html(refusal.status, pages.notice(known, _locale(event)))
        result["headers"] |= refusal.headers
    except Exception as error:  # noqa: BLE001 - the last line: a bug becomes a page that says nothing
        api.log_bug(error)
        result = _html(500, pages.notice("error", _locale(event)))
    request = event["requestContext"]["requestId"]
    result["headers"] |= {"X-Request-Id": request, **headers.SECURE}
    # A mail's scanner checks whether the link is dead: it gets the same answer without the body.
    asks_head = event["requestContext"]["http"]["method"] == "HEAD"
    return result | {"body": ""} if asks_head else result


def _route(event: dict[str, Any]) -> Result:
    if event["rawPath"].endswith(SAVED_CARD):
        return _html(200, pages.notice("saved", _locale(event)))
    token, doors = event["pathParameters"]["token"], runtime.doors()
    if event["rawPath"].endswith("/pay"):
        return _press(event, token, doors)
    if event["rawPath"].endswith("/confirm"):
        return _confirm(event, token, doors)
    if event["rawPath"].endswith("/return"):
        return _come_back(event, token, doors)
    view = pay_page.view(token, doors=doors)
    return _html(200, pages.pay_page(view, _locale(event), f"/p/{token}"))


def _press(event: dict[str, Any], token: str, doors: Doors) -> Result:
    """
    Lead the payer to a new session, or to the page that says why there is none.

    What was typed is read only after the token is known.
    """
    form = _form(event)
    locale, amount, typed = _locale(event, form.get("lang")), None, form.get("amount")
    address = f"{arriving.base_url(event)}/p/{token}?lang={locale}"
    if typed is not None and (view := pay_page.view(token, doors=doors)).may_choose:
        typed = pages.CARD_NUMBER if screening.has_pan(typed) else typed
        amount, wrong = pages.chosen(view, typed, locale)
        if wrong and view.state is LinkState.PAYABLE:
            return _html(422, pages.pay_page(view, locale, f"/p/{token}", typed, wrong))
    payer = addresses.client(event)
    asked = press_pay.Press(
        arriving.base_url(event),
        runtime.new_id("att"),
        locale,
        amount,
        rest="rest" in form,
        address=payer,
    )
    try:
        return _redirect(press_pay.press(token, asked, doors=doors))
    except PaymentsError:
        # Paid, withdrawn or switched off, perhaps while the payer was reading: the page says so.
        if pay_page.view(token, doors=doors).state is LinkState.PAYABLE:
            raise
        return _redirect(address)


def _confirm(event: dict[str, Any], token: str, doors: Doors) -> Result:
    """Lead the payer to their bank, or to the page that says what became of the payment."""
    locale = _locale(event, _form(event).get("lang"))
    page = f"{arriving.base_url(event)}/p/{token}"
    asked = bank_confirmation.Confirmation(page, locale)
    try:
        bank = bank_confirmation.confirm(token, asked, doors=doors)
    except PaymentsError as refusal:
        # Nobody knows yet whether the bank was asked, or it may not be asked any more.
        if not refusal.retryable and pay_page.view(token, doors=doors).state is LinkState.CONFIRM:
            raise
        return _redirect(f"{page}/return?lang={locale}")
    return _redirect(bank or f"{page}?lang={locale}")


def _come_back(event: dict[str, Any], token: str, doors: Doors) -> Result:
    """Ask Stripe and show what is known; while nothing is, the page offers no Pay button."""
    query = event.get("queryStringParameters") or {}
    session, locale = query.get("session_id", ""), _locale(event)
    if session:
        known = press_pay.come_back(token, session, doors=doors)
    else:
        known = bank_confirmation.come_back(token, doors=doors)
    if known:
        return _redirect(f"{arriving.base_url(event)}/p/{token}?lang={locale}")
    # Stripe adds parameters, even a client secret; none of them goes into another address.
    kept = {"session_id": session, "lang": locale} if session else {"lang": locale}
    again = f"/p/{token}/return?{urlencode(kept)}"
    return _html(200, pages.notice("checking", locale, again=again))


def _form(event: dict[str, Any]) -> dict[str, str]:
    """Return the fields of the posted form as they were typed; a form is short."""
    body = arriving.body_of(event)
    screening.require_small(body, most=screening.FORM_MAX)
    return {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}


def _locale(event: dict[str, Any], chosen: str | None = None) -> str:
    """Return the locale of the answer: the one chosen in the page, the browser's, or English."""
    chosen = chosen or (event.get("queryStringParameters") or {}).get("lang")
    wanted = arriving.header_of(event, "accept-language")
    return locales.known(chosen) if chosen else reading.preferred(wanted)


def _html(status: int, sheet: Sheet) -> Result:
    own = settings().stripe_api_base
    html, policy = rendered(sheet, (own,) if own else CHECKOUT)
    sent = {"Content-Type": api.HTML, "Cache-Control": "no-store", **policy}
    return {"statusCode": status, "headers": sent, "body": html}


def _redirect(url: str) -> Result:
    return {
        "statusCode": 303,
        "headers": {"Location": url, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
        "body": "",
    }
