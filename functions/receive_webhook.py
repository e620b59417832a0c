"""
POST /webhooks/stripe/{account}/{mode}.

Verify, keep, queue, 200. No Stripe SDK, no pydantic, no Tracer.
"""

import base64
import json
import logging
import re
from typing import Any

from payments.cases import intake
from payments.doors.secrets import SecretMissing
from payments.edge import runtime

#: Whatever else is asked for would become part of a secret's name.
ADDRESS = re.compile(r"acc_[0-9a-z]{26}/(test|live)")

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer 200 only when the event is kept and queued: everything else makes Stripe try again."""
    runtime.begin(context)
    account, mode = event["pathParameters"]["account"], event["pathParameters"]["mode"]
    if not ADDRESS.fullmatch(f"{account}/{mode}"):
        return _answer(404, "not_found", event)
    body = (
        base64.b64decode(event["body"])
        if event["isBase64Encoded"]
        else event.get("body", "").encode()
    )
    if len(body) > intake.BODY_MAX:
        return _answer(413, "payload_too_large", event)
    now, header = runtime.now(), event["headers"].get("stripe-signature", "")
    try:
        endpoint = runtime.secret_store().webhook(account, mode)
        if not intake.is_signed(body, header, endpoint, now):
            endpoint = runtime.secret_store().webhook_again(account, mode)
            intake.verify(body, header, endpoint, now)
    except SecretMissing:
        return _answer(404, "not_found", event)
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
