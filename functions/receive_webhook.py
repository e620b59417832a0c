"""
POST /webhooks/stripe/{account}/{mode}, and …/connect/{mode} for all connected accounts.

Verify, keep, queue, 200. No Stripe SDK, no pydantic, no Tracer.
"""

import base64
import binascii
import json
import logging
import re
from datetime import datetime
from typing import Any

from payments.cases.webhooks import intake
from payments.doors.secrets import CONNECT, SecretMissing
from payments.edge import headers, runtime
from payments.errors import InvalidSignature, NotFound, PayloadTooLarge, PaymentsError

#: Anything else in the path would become part of a secret's name.
ADDRESS = re.compile(rf"(acc_[0-9a-z]{{26}}|{CONNECT})/(test|live)")
NOT_HERE = "There is no such endpoint."

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer 200 only when the event is stored and queued: otherwise Stripe tries again."""
    runtime.begin(context)
    account = event["pathParameters"].get("account", CONNECT)
    try:
        _receive(event, account, event["pathParameters"]["mode"])
    except SecretMissing:
        return _refuse(NotFound(NOT_HERE), event)
    except PaymentsError as refusal:
        if isinstance(refusal, InvalidSignature):
            logger.warning("webhook refused: %s (account %s)", refusal, account)
        return _refuse(refusal, event)
    return _answer(200, "application/json", {"received": True}, event)


def _receive(event: dict[str, Any], account: str, mode: str) -> None:
    if not ADDRESS.fullmatch(f"{account}/{mode}"):
        raise NotFound(NOT_HERE)
    body = _body(event)
    if len(body) > intake.BODY_MAX:
        raise PayloadTooLarge("No event of Stripe's is so large.")
    now, header = runtime.now(), event["headers"].get("stripe-signature", "")
    endpoint = runtime.secret_store().webhook(account, mode)
    if not intake.is_signed(body, header, endpoint, now):
        endpoint = runtime.secret_store().webhook_again(account, mode)
        intake.verify(body, header, endpoint, now)
    owner: tuple[str, str] | None = (endpoint.get("tenant", ""), account)
    if account == CONNECT:
        owner = intake.owner_of(body, mode, runtime.table())
    elif not intake.is_in_use(endpoint, account, mode, runtime.table()):
        # A secret that was ended at once may stay in this cache for minutes.
        endpoint = runtime.secret_store().webhook_now(account, mode)
        intake.verify(body, header, endpoint, now)
    _keep(body, owner, mode, now)


def _body(event: dict[str, Any]) -> bytes:
    """Return the bytes that were sent; for an unreadable body, bytes that no signature fits."""
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return text.encode(errors="replace")
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


def _keep(body: bytes, owner: tuple[str, str] | None, mode: str, now: datetime) -> None:
    if not owner:
        # The platform may have other business, and after a refusal Stripe tries again for days.
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


def _refuse(refusal: PaymentsError, event: dict[str, Any]) -> dict[str, Any]:
    """Return a problem document; a sender without a valid signature learns nothing else."""
    body = {
        "status": refusal.status,
        "code": refusal.code,
        "title": refusal.title,
        "request_id": event["requestContext"]["requestId"],
    }
    answer = _answer(refusal.status, "application/problem+json", body, event)
    return answer | {"headers": answer["headers"] | refusal.headers}


def _answer(
    status: int, content: str, body: dict[str, Any], event: dict[str, Any]
) -> dict[str, Any]:
    sent = {"Content-Type": content, "X-Request-Id": event["requestContext"]["requestId"]}
    return {"statusCode": status, "headers": sent | headers.SECURE, "body": json.dumps(body)}
