"""
POST /webhooks/stripe/{account}/{mode}, and …/connect/{mode} for all connected accounts.

Verify, keep, queue, 200. No Stripe SDK, no pydantic, no Tracer.
"""

import base64
import json
import logging
import re
from datetime import datetime
from typing import Any

from payments.cases import intake
from payments.doors.secrets import SecretMissing
from payments.edge import runtime

#: Whatever else is asked for would become part of a secret's name.
ADDRESS = re.compile(r"(acc_[0-9a-z]{26}|connect)/(test|live)")
#: In the place of an account: the platform's own endpoint.
CONNECT = "connect"

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer 200 only when the event is kept and queued: everything else makes Stripe try again."""
    runtime.begin(context)
    account = event["pathParameters"].get("account", CONNECT)
    mode = event["pathParameters"]["mode"]
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
    owner: tuple[str, str] | None = (endpoint.get("tenant", ""), account)
    if account == CONNECT:
        owner = intake.owner_of(body, mode, runtime.table())
    _keep(body, owner, mode, now)
    return _answer(200, None, event)


def _keep(body: bytes, owner: tuple[str, str] | None, mode: str, now: datetime) -> None:
    if not owner:
        # The platform may have other business, and a refusal would have Stripe try again for days.
        logger.warning("webhook of an account that is not connected here (mode %s)", mode)
        return
    tenant, account = owner
    kept = intake.keep(
        body,
        account=account,
        mode=mode,
        tenant=tenant,
        table=runtime.table(),
        queue=runtime.event_queue(),
        now=now,
    )
    logger.info("webhook kept: %s (account %s)", kept, account)


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
