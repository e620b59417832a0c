"""Webhook endpoints; the secret is shown once."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from local.standin.engine import parameters, versions
from local.standin.engine.errors import InvalidRequest
from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import route

if TYPE_CHECKING:
    from local.standin.engine.call import Call

ENDPOINTS_MAX = 16


def require_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidRequest(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            code="url_invalid", param="url",
        )  # fmt: skip


def require_events(events: list[str]) -> None:
    if not events:
        raise InvalidRequest(
            "You must enable at least one event.", code="parameter_missing", param="enabled_events"
        )
    names = event_names()
    for index, event in enumerate(events):
        if event not in names:
            raise InvalidRequest(
                f"Invalid enabled_events[{index}]: must be one of {', '.join(names)}",
                param=f"enabled_events[{index}]",
            )


def event_names() -> tuple[str, ...]:
    """Give every name that the installed SDK knows: there is no list of them here."""
    kinds = parameters.fields_of(parameters.operation("WebhookEndpointCreateParams")).kinds
    items = kinds["enabled_events"].items
    return items.choices if items else ()


@route("POST", "/v1/webhook_endpoints", "WebhookEndpointCreateParams")
def create(call: Call) -> Json:
    endpoint, secret = new_endpoint(call, call.params)
    return {**endpoint, "secret": secret}


def new_endpoint(call: Call, params: Json) -> tuple[Json, str]:
    """Make it, and give its secret, which is not to be had again."""
    require_url(params["url"])
    require_events(params["enabled_events"])
    if params.get("api_version"):
        versions.require_served(params["api_version"])
    if len(call.store.select(call.scope, "webhook_endpoint")) >= ENDPOINTS_MAX:
        mode = "live" if call.livemode else "test"
        raise InvalidRequest(
            f"You have reached the maximum of {ENDPOINTS_MAX} {mode} webhook endpoints."
        )
    endpoint = {
        "id": call.new_id("we"), "object": "webhook_endpoint",
        "api_version": params.get("api_version"), "application": None, "created": call.now,
        "description": params.get("description"), "enabled_events": params["enabled_events"],
        "livemode": call.livemode, "metadata": params.get("metadata") or {}, "status": "enabled",
        "url": params["url"],
    }  # fmt: skip
    call.insert(endpoint)
    secret = "whsec_" + call.world.ids.token(32)
    call.hide(endpoint["id"], secret=secret, connect=bool(params.get("connect")))
    return endpoint, secret


@route("GET", "/v1/webhook_endpoints", "WebhookEndpointListParams")
def list_endpoints(call: Call) -> Json:
    return answer_list(call, "webhook_endpoint")


@route("GET", "/v1/webhook_endpoints/{id}", "WebhookEndpointRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.named("webhook_endpoint", "webhook_endpoint")


@route("POST", "/v1/webhook_endpoints/{id}", "WebhookEndpointUpdateParams")
def update(call: Call) -> Json:
    endpoint, params = call.named("webhook_endpoint", "webhook_endpoint"), call.params
    if "url" in params:
        require_url(params["url"])
    if "enabled_events" in params:
        require_events(params["enabled_events"])
    for name in ("description", "enabled_events", "url"):
        if name in params:
            endpoint[name] = params[name]
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    call.merge_metadata(endpoint)
    return call.change(endpoint)


@route("DELETE", "/v1/webhook_endpoints/{id}", "WebhookEndpointDeleteParams")
def delete(call: Call) -> Json:
    endpoint = call.named("webhook_endpoint", "webhook_endpoint")
    call.store.delete(call.scope, endpoint["id"])
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}
