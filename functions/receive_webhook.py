"""
POST /webhooks/stripe/{account}/{mode}.

Verify, keep, queue, 200. No Stripe SDK, no pydantic, no Tracer.
"""

import base64
import json
import logging
from typing import Any

from payments import intake, runtime
from payments.secrets import SecretMissing

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer 200 only when the event is kept and queued: everything else makes Stripe try again."""
    runtime.begin(context)
    account, mode = event["pathParameters"]["account"], event["pathParameters"]["mode"]
    body = (
        base64.b64decode(event["body"])
        if event["isBase64Encoded"]
        else event.get("body", "").encode()
    )
    if len(body) > intake.BODY_MAX:
        return _answer(413, "payload_too_large", event)
    try:
        endpoint = runtime.secret_store().webhook(account, mode)
    except SecretMissing:
        return _answer(404, "not_found", event)
    now = runtime.now()
    try:
        intake.verify(body, event["headers"].get("stripe-signature", ""), endpoint, now)
    except intake.BadSignature as refusal:
        logger.warning("webhook refused: %s (account %s)", refusal, account)
        return _answer(400, "invalid_signature", event)
    kept = intake.keep(
        body,
        account=account,
        mode=mode,
        tenant=endpoint["tenant"],
        table=runtime.table(),
        queue=runtime.event_queue(),
        now=now,
    )
    logger.info("webhook kept: %s (account %s)", kept, account)
    return _answer(200, None, event)


def _answer(status: int, code: str | None, event: dict[str, Any]) -> dict[str, Any]:
    request = event["requestContext"]["requestId"]
    headers = {"Content-Type": "application/json", "X-Request-Id": request}
    body: dict[str, Any] = {"received": True}
    if code:
        headers["Content-Type"] = "application/problem+json"
        body = {
            "status": status,
            "code": code,
            "title": code.replace("_", " ").capitalize(),
            "request_id": request,
        }
    return {"statusCode": status, "headers": headers, "body": json.dumps(body)}
