"""Event destinations: webhook endpoints as v2 sees them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.standin.engine.errors import InvalidRequest
from local.standin.engine.messages import Json
from local.standin.engine.routing import route
from local.standin.webhooks.webhook_endpoints import new_endpoint, require_events, require_url

if TYPE_CHECKING:
    from local.standin.engine.call import Call

PATH = "/v2/core/event_destinations"
FROM = {False: "self", True: "other_accounts"}


def rfc3339(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def shown(call: Call, endpoint: Json, secret: str | None = None) -> Json:
    hidden = call.hidden(endpoint["id"])
    include = call.params.get("include") or []
    web = {}
    if "webhook_endpoint.url" in include:
        web["url"] = endpoint["url"]
    if "webhook_endpoint.signing_secret" in include and secret:
        web["signing_secret"] = secret
    return {
        "id": endpoint["id"], "object": "v2.core.event_destination",
        "created": rfc3339(endpoint["created"]), "description": endpoint["description"] or "",
        "enabled_events": endpoint["enabled_events"], "event_payload": "snapshot",
        "events_from": [FROM[bool(hidden.get("connect"))]], "livemode": endpoint["livemode"],
        "metadata": endpoint["metadata"], "name": hidden.get("name") or endpoint["url"],
        "snapshot_api_version": endpoint["api_version"] or call.world.api_version,
        "status": endpoint["status"], "type": "webhook_endpoint",
        "updated": rfc3339(hidden.get("updated") or endpoint["created"]),
        **({"webhook_endpoint": web} if web else {}),
    }  # fmt: skip


def check_kind(params: Json) -> str:
    """Give the url; the stand-in posts whole events, and to its own machine only."""
    if params["type"] != "webhook_endpoint":
        raise InvalidRequest("The stand-in's event destinations are webhook endpoints.")
    if params["event_payload"] != "snapshot":
        raise InvalidRequest("The stand-in sends snapshots, no thin events.")
    if len(params.get("events_from") or []) > 1:
        raise InvalidRequest("The stand-in sends events from one side to one destination.")
    url = (params.get("webhook_endpoint") or {}).get("url") or ""
    require_url(url)
    return str(url)


@route("POST", PATH, "v2.core.EventDestinationCreateParams")
def create(call: Call) -> Json:
    params = call.params
    given = {
        "url": check_kind(params), "enabled_events": params["enabled_events"],
        "api_version": params.get("snapshot_api_version"), "metadata": params.get("metadata"),
        "description": params.get("description"),
        "connect": params.get("events_from") == ["other_accounts"],
    }  # fmt: skip
    endpoint, secret = new_endpoint(call, given)
    call.hide(endpoint["id"], name=params["name"])
    return shown(call, endpoint, secret)


@route("GET", PATH, "v2.core.EventDestinationListParams")
def list_destinations(call: Call) -> Json:
    """List them all at once: there are sixteen at the most."""
    found = call.store.select(call.scope, "webhook_endpoint")
    return {
        "data": [shown(call, each) for each in found],
        "next_page_url": None, "previous_page_url": None,
    }  # fmt: skip


@route("GET", PATH + "/{id}", "v2.core.EventDestinationRetrieveParams")
def retrieve(call: Call) -> Json:
    return shown(call, call.named("webhook_endpoint"))


@route("POST", PATH + "/{id}", "v2.core.EventDestinationUpdateParams")
def update(call: Call) -> Json:
    endpoint, params = call.named("webhook_endpoint"), call.params
    if "enabled_events" in params:
        require_events(params["enabled_events"])
    if url := (params.get("webhook_endpoint") or {}).get("url"):
        require_url(url)
        endpoint["url"] = url
    endpoint.update(
        {name: params[name] for name in ("description", "enabled_events") if name in params}
    )
    call.merge_metadata(endpoint)
    name = params.get("name") or call.hidden(endpoint["id"]).get("name")
    call.hide(endpoint["id"], name=name, updated=call.now)
    call.save(endpoint)
    return shown(call, endpoint)


@route("POST", PATH + "/{id}/disable", "v2.core.EventDestinationDisableParams")
def disable(call: Call) -> Json:
    return turned(call, "disabled")


@route("POST", PATH + "/{id}/enable", "v2.core.EventDestinationEnableParams")
def enable(call: Call) -> Json:
    return turned(call, "enabled")


def turned(call: Call, status: str) -> Json:
    endpoint = call.named("webhook_endpoint")
    endpoint["status"] = status
    call.hide(endpoint["id"], updated=call.now)
    call.save(endpoint)
    return shown(call, endpoint)


@route("DELETE", PATH + "/{id}", "v2.core.EventDestinationDeleteParams")
def delete(call: Call) -> Json:
    endpoint = call.named("webhook_endpoint")
    call.store.delete(call.scope, endpoint["id"])
    return {"id": endpoint["id"], "object": "v2.core.event_destination"}
