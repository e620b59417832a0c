"""
The ways back from Stripe's onboarding and consent.

Public: the single-use `state` says whose way it is, and a person is led on to their own app. A
consent is taken only in the browser that began it.
"""

import json
from typing import Any

from payments.cases.accounts import oauth, onboarding
from payments.edge import api, arriving, headers, runtime
from payments.errors import PaymentsError
from payments.wording.sheets import Note, Sheet, rendered

Result = dict[str, Any]


def handler(event: dict[str, Any], context: Any) -> Result:
    """Answer a browser with a redirect or a page, and a program with a problem document."""
    runtime.begin(context)
    request = event["requestContext"]["requestId"]
    try:
        url = _route(event)
    except PaymentsError as refusal:
        api.logger.info("refused", code=refusal.code, status=refusal.status)
        result = _refused(refusal, event)
    except Exception as error:  # noqa: BLE001 - the last line: a bug becomes a page that says nothing
        api.log_bug(error)
        result = _page(
            500, "Something went wrong", "This is our mistake. Begin again in the app, later."
        )
    else:
        result = {"statusCode": 303, "headers": {"Location": url}, "body": ""}
        if not url:
            result = _page(
                200, "Back from Stripe", "You can close this page, and go on in the app."
            )
    result["headers"] |= {
        "X-Request-Id": request,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        **headers.SECURE,
    }
    return result


def _route(event: dict[str, Any]) -> str:
    """Return the address to which the person is led."""
    told = event.get("queryStringParameters") or {}
    token, base_url, doors = told.get("state", ""), arriving.base_url(event), runtime.doors()
    if event["rawPath"].endswith("/oauth/callback"):
        consent = oauth.Consent(told.get("code", ""), told.get("error", ""))
        request = event["requestContext"]["requestId"]
        arrival = oauth.Arrival(request, arriving.browser_of(event), base_url)
        return oauth.complete(token, consent, request=arrival, doors=doors)
    if event["rawPath"].endswith("/refresh"):
        return onboarding.begin_again(token, base_url=base_url, doors=doors)
    return onboarding.come_back(token, base_url=base_url, doors=doors)


def _refused(refusal: PaymentsError, event: dict[str, Any]) -> Result:
    wanted = next(
        (value for name, value in event.get("headers", {}).items() if name.lower() == "accept"), ""
    )
    if "text/html" in wanted:
        return _page(refusal.status, refusal.title, refusal.detail)
    body = refusal.problem() | {"request_id": event["requestContext"]["requestId"]}
    sent = {"Content-Type": api.PROBLEM, **refusal.headers}
    return {"statusCode": refusal.status, "headers": sent, "body": json.dumps(body)}


def _page(status: int, title: str, text: str) -> Result:
    """Return a page for an administrator; it is in English, like every refusal."""
    html, policy = rendered(Sheet("en", title, notes=(Note(text),)), ())
    return {
        "statusCode": status,
        "headers": {"Content-Type": api.HTML, **policy},
        "body": html,
    }
