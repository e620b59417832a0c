"""Events, as the API lists them: thirty days back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import route

if TYPE_CHECKING:
    from local.standin.engine.call import Call

OLDEST_S = 30 * 24 * 3600


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
    page = answer_list(call, "event", conditions=conditions)
    return {**page, "data": [seen(call, event) for event in page["data"]]}


@route("GET", "/v1/events/{id}", "EventRetrieveParams")
def retrieve_event(call: Call) -> Json:
    return seen(call, call.named("event"))


def seen(call: Call, event: Json) -> Json:
    """Name the account to its platform; the account itself knows whose event it is."""
    if call.platform is None:
        event.pop("account", None)
    return event
