"""
/p/{token}: the payer's page, the way to Stripe's Checkout, and the way back.

Public: the token is the key.
"""

from typing import Any

from payments.cases import paying
from payments.config import settings
from payments.doors.doors import Doors
from payments.edge import api, pages, runtime
from payments.errors import (
    Invalid,
    InvoiceDisputed,
    InvoiceNotPayable,
    NotFound,
    PaymentInProgress,
    PaymentsError,
)

CHECKOUT = "https://checkout.stripe.com"
SAVED_CARD = "/p/saved-card"

Result = dict[str, Any]


def handler(event: dict[str, Any], context: Any) -> Result:
    """Answer with a page or a redirect; a refusal is a page too, in words for a payer."""
    runtime.begin(context)
    try:
        result = _route(event)
    except PaymentsError as refusal:
        result = _page(refusal.status, *_words(refusal))
    except Exception as error:  # noqa: BLE001 - the last line: a bug becomes a page that says nothing
        api.log_bug(error)
        result = _page(
            500,
            "Something went wrong",
            "This is our mistake. You were not charged twice. Try again later.",
        )
    result["headers"]["X-Request-Id"] = event["requestContext"]["requestId"]
    return result


def _route(event: dict[str, Any]) -> Result:
    if event["rawPath"].endswith(SAVED_CARD):
        return _page(
            200, "Done", "You can close this page. If you saved a card, it can be used from now on."
        )
    token, doors = event["pathParameters"]["token"], runtime.doors()
    address = f"{api.base_url(event)}/p/{token}"
    if event["rawPath"].endswith("/pay"):
        return _redirect(_checkout(token, api.base_url(event), doors))
    if event["rawPath"].endswith("/return"):
        paying.come_back(
            token, (event.get("queryStringParameters") or {}).get("session_id", ""), doors=doors
        )
        return _redirect(address)
    return _html(200, pages.pay_page(paying.view(token, doors=doors), f"/p/{token}"))


def _checkout(token: str, base_url: str, doors: Doors) -> str:
    """Return where the payer goes: to a fresh session, or to the page that says why not."""
    try:
        return paying.press(token, paying.Press(base_url, runtime.new_id("att")), doors=doors)
    except (InvoiceNotPayable, InvoiceDisputed):
        return f"{base_url}/p/{token}"


def _words(refusal: PaymentsError) -> tuple[str, str]:
    if isinstance(refusal, NotFound):
        return (
            "Not found",
            "There is no such link, or it was withdrawn. Ask whoever sent it for a new one.",
        )
    if isinstance(refusal, PaymentInProgress):
        return (
            "One moment",
            "A payment of this invoice is in progress. Open the link again in a few minutes.",
        )
    if isinstance(refusal, Invalid):
        return (
            "This cannot be paid here",
            "The amount cannot be paid online. Ask whoever sent the link.",
        )
    return (
        "Not possible now",
        "This invoice cannot be paid online at the moment. You were not charged.",
    )


def _page(status: int, title: str, text: str) -> Result:
    return _html(status, pages.notice(title, text))


def _html(status: int, html: str) -> Result:
    origin = settings().stripe_api_base or CHECKOUT
    headers = {"Content-Type": api.HTML, "Cache-Control": "no-store", **pages.security(origin)}
    return {"statusCode": status, "headers": headers, "body": html}


def _redirect(url: str) -> Result:
    return {
        "statusCode": 303,
        "headers": {"Location": url, "Cache-Control": "no-store"},
        "body": "",
    }
