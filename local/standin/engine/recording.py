"""An event for each change, and the endpoints that get it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from local.standin.engine.deliveries import Outgoing
from local.standin.engine.messages import Json
from local.standin.engine.scopes import account_of, is_live, scope_of

if TYPE_CHECKING:
    from local.standin.engine.world import World


def difference(before: Json, after: Json) -> Json:
    """Give what changed, with the former values, as `previous_attributes` has them."""
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


class Audience(NamedTuple):
    """Who may get an account's events: its platforms, and all endpoints with their homes."""

    platforms: list[str]
    endpoints: list[tuple[str, Json]]


def audience(world: World, scope: str) -> Audience:
    """Find the account's own endpoints, and its platforms' endpoints for connected accounts."""
    links = world.store.select("", "connection", [("account", "=", account_of(scope))])
    platforms = [link["platform"] for link in links]
    homes = [(scope_of(each, livemode=is_live(scope)), True) for each in platforms]
    return Audience(platforms, [
        (home, endpoint)
        for home, connect in [(scope, False), *homes]
        for endpoint in world.store.select(home, "webhook_endpoint")
        if bool(world.store.hidden(home, endpoint["id"]).get("connect")) == connect
    ])  # fmt: skip


def record(
    world: World, scope: str, name: str, obj: Json, *,
    audience: Audience, previous: Json | None, request: Json,
) -> list[Outgoing]:  # fmt: skip
    data: Json = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    listening = [(home, each["id"]) for home, each in audience.endpoints if wants(each, name)]
    event: Json = {
        "id": world.ids.new("evt"), "object": "event", "api_version": world.api_version,
        "created": int(world.clock.now()), "data": data, "livemode": is_live(scope),
        "pending_webhooks": len(listening), "request": request, "type": name,
    }  # fmt: skip
    if audience.platforms:
        event["account"] = account_of(scope)
    world.store.insert(scope, event)
    return [Outgoing(scope, event["id"], home, endpoint) for home, endpoint in listening]


def wants(endpoint: Json, name: str) -> bool:
    enabled: list[Any] = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in enabled or name in enabled)
