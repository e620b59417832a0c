"""What API Gateway, SQS and Lambda hand to a function, and what comes back."""

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote, urlencode

from payments.edge.roles import ROUTES

Json = dict[str, Any]

DOMAIN = "api.shop.example"
PUBLIC = (
    "GET /p/saved-card",
    "HEAD /p/saved-card",
    "GET /p/{token}",
    "HEAD /p/{token}",
    "POST /p/{token}/pay",
    "POST /p/{token}/confirm",
    "GET /p/{token}/return",
    "HEAD /p/{token}/return",
    "GET /v1/accounts/oauth/callback",
    "GET /v1/accounts/onboarding/refresh",
    "GET /v1/accounts/onboarding/return",
    "POST /webhooks/stripe/connect/{mode}",
    "POST /webhooks/stripe/{account}/{mode}",
    "GET /health",
    "GET /openapi.json",
)
#: The first that fits names the function of a route.
OWNERS = (
    ("/pay-links", "create_checkout_link"),
    ("/charges", "charge_token"),
    ("/certify", "charge_token"),
    ("/checkout-sessions", "open_checkout"),
    ("/payment-intents", "open_checkout"),
    ("/public-config", "open_checkout"),
    ("/v1/attempts", "open_checkout"),
    ("/recovery/", "charge_token"),
    ("/v1/recoveries", "report"),
    ("/v1/accounts/oauth/", "finish_connection"),
    ("/v1/accounts/onboarding/", "finish_connection"),
    ("/v1/accounts", "connect_account"),
    ("/v1/payment-modules", "manage_modules"),
    ("/v1/profiles", "manage_modules"),
    ("/v1/settings", "manage_modules"),
    ("/v1/currencies", "manage_modules"),
    ("/v1/customers", "manage_customers"),
    ("/v1/invoices", "manage_invoices"),
    ("/v1/ledger", "report"),
    ("/v1/payments", "refund_payment"),
    ("/v1/refunds", "refund_payment"),
    ("/v1/disputes", "refund_payment"),
    ("/v1/reconciliation", "report"),
    ("/v1/audit", "manage_events"),
    ("/v1/subscriptions", "manage_events"),
    ("/v1/notifications", "manage_events"),
    ("/p/", "open_pay_link"),
    ("/webhooks/", "receive_webhook"),
    ("/", "public_docs"),
)
TIMEOUTS_MS = {
    "apply_event": 60_000,
    "deliver_events": 110_000,
    "send_notifications": 60_000,
    "sweep_attempts": 110_000,
    "run_schedules": 110_000,
    "check_accounts": 110_000,
    "reconcile_account": 300_000,
}


@dataclass
class Context:
    """What Lambda tells an invocation."""

    remaining_ms: int
    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:function"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@dataclass(frozen=True)
class Answer:
    """What API Gateway would send to the caller."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        return str(self.json.get("code", "")) if self.text else ""


@cache
def owner_of(route: str) -> str:
    path = route.partition(" ")[2]
    return next(owner for part, owner in OWNERS if part in path)


@cache
def _templates() -> dict[tuple[str, int], list[tuple[str, re.Pattern[str]]]]:
    """Every route by its method and its number of parts: as a pattern, the literal ones first."""
    found = defaultdict(list)
    for route in sorted((*ROUTES, *PUBLIC), key=lambda name: name.count("{")):
        verb, template = route.split(" ")
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))
        found[verb, template.count("/")].append((route, pattern))
    return found


def route_of(method: str, path: str) -> tuple[str, dict[str, str]]:
    """Return the route key and the path parameters, as API Gateway finds them."""
    for route, pattern in _templates()[method, path.count("/")]:
        if found := pattern.fullmatch(path):
            return route, {name: unquote(value) for name, value in found.groupdict().items()}
    raise LookupError(f"{method} {path}")


def api_event(
    method: str,
    path: str,
    body: str | None = None,
    headers: Json | None = None,
    *,
    request: str,
    address: str = "203.0.113.7",
    query: Json | None = None,
    claims: Json | None = None,
) -> Json:
    """An event of API Gateway's HTTP API, payload 2.0: a path is decoded, what is empty absent."""
    route, parameters = route_of(method, path)
    path = unquote(path)
    context: Json = {
        "http": {"method": method, "path": path, "sourceIp": address},
        "requestId": request,
        "domainName": DOMAIN,
        "routeKey": route,
        "stage": "$default",
    }
    if claims is not None:
        context["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
    event: Json = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": urlencode(query or {}),
        "headers": {"content-type": "application/json", **(headers or {})},
        "requestContext": context,
        "isBase64Encoded": False,
    }
    optional = {
        "pathParameters": parameters,
        "queryStringParameters": {name: str(value) for name, value in (query or {}).items()},
        "body": body,
    }
    return event | {name: value for name, value in optional.items() if value}


def answer_of(result: Json) -> Answer:
    """What API Gateway makes of a function's result."""
    headers = {name.lower(): str(value) for name, value in result["headers"].items()}
    return Answer(result["statusCode"], result.get("body") or "", headers)


def record(message: Json, ident: str = "message-1") -> Json:
    """An SQS record that holds `message`."""
    return {
        "messageId": ident,
        "receiptHandle": f"receipt of {ident}",
        "body": json.dumps(message),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:queue",
        "awsRegion": "eu-central-1",
    }


def stream_record(key: tuple[str, str]) -> Json:
    """A record of the table's stream: a row was written under `key`."""
    pk, sk = key
    return {
        "eventID": "00000000000000000000000000000001",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "Keys": {"pk": {"S": pk}, "sk": {"S": sk}},
            "SequenceNumber": "1",
            "SizeBytes": 1,
            "StreamViewType": "KEYS_ONLY",
        },
        "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/receivable/stream/1",
    }
