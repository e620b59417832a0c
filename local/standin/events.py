"""Events: one for each change, and the endpoints that are to hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from local.standin.lists import answer_list
from local.standin.messages import Json
from local.standin.routing import route

if TYPE_CHECKING:
    from local.standin.call import Call

OLDEST_S = 30 * 24 * 3600


class Outgoing(NamedTuple):
    """One event for one endpoint, to be sent once the transaction is committed."""

    scope: str
    event: str
    endpoint_scope: str
    endpoint: str


def difference(before: Json, after: Json) -> Json:
    changed: Json = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and key != "metadata":
            changed[key] = difference(old, new)
        else:
            changed[key] = old
    return changed


def record(call: Call, name: str, obj: Json, previous: Json | None) -> None:
    data: Json = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    endpoints = listening(call, name)
    event: Json = {
        "id": call.new_id("evt"), "object": "event", "api_version": call.standin.api_version,
        "created": call.now, "data": data, "livemode": call.livemode,
        "pending_webhooks": len(endpoints),
        "request": {"id": call.request_id, "idempotency_key": call.idempotency_key}, "type": name,
    }  # fmt: skip
    if call.store.select("", "connection", [("account", "=", call.account)], limit=1):
        event["account"] = call.account
    call.insert(event)
    for scope, endpoint in endpoints:
        call.outbox.append(Outgoing(call.scope, event["id"], scope, endpoint["id"]))


def listening(call: Call, name: str) -> list[tuple[str, Json]]:
    """Find the account's own endpoints, and its platforms' endpoints for connected accounts."""
    found: list[tuple[str, Json]] = [
        (call.scope, endpoint)
        for endpoint in call.store.select(call.scope, "webhook_endpoint")
        if not call.hidden(endpoint["id"]).get("connect")
    ]
    for link in call.store.select("", "connection", [("account", "=", call.account)]):
        scope = call.scope_for(link["platform"])
        found += [
            (scope, endpoint)
            for endpoint in call.store.select(scope, "webhook_endpoint")
            if call.store.hidden(scope, endpoint["id"]).get("connect")
        ]
    return [(scope, endpoint) for scope, endpoint in found if wants(endpoint, name)]


def wants(endpoint: Json, name: str) -> bool:
    enabled: list[Any] = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in enabled or name in enabled)


@route("GET", "/v1/events", "EventListParams")
def list_events(call: Call) -> Json:
    conditions: list[tuple[str, str, Any]] = [("created", ">=", call.now - OLDEST_S)]
    if types := call.params.get("types"):
        conditions.append(("type", "IN", types))
    if "delivery_success" in call.params:
        operator = "=" if call.params["delivery_success"] else ">"
        conditions.append(("pending_webhooks", operator, 0))
    pattern = call.params.get("type", "")
    if pattern.endswith(".*"):
        conditions.append(("type", "GLOB", pattern))
    elif pattern:
        conditions.append(("type", "=", pattern))
    return answer_list(call, "event", conditions=conditions)


@route("GET", "/v1/events/{id}", "EventRetrieveParams")
def retrieve_event(call: Call) -> Json:
    return call.named("event")
