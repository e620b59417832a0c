"""An event for each change, and the endpoints that are to hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.standin.engine.deliveries import Outgoing
from local.standin.engine.messages import Json
from local.standin.engine.scopes import account_of, is_live, scope_of

if TYPE_CHECKING:
    from local.standin.engine.world import World


def difference(before: Json, after: Json) -> Json:
    """Give what changed, with the values of before, as `previous_attributes` has them."""
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


def record(
    world: World, scope: str, name: str, obj: Json, *, previous: Json | None, request: Json
) -> list[Outgoing]:
    data: Json = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    homes = [link["platform"] for link in connections(world, scope)]
    endpoints = listening(world, scope, name, homes)
    event: Json = {
        "id": world.ids.new("evt"), "object": "event", "api_version": world.api_version,
        "created": int(world.clock.now()), "data": data, "livemode": is_live(scope),
        "pending_webhooks": len(endpoints), "request": request, "type": name,
    }  # fmt: skip
    if homes:
        event["account"] = account_of(scope)
    world.store.insert(scope, event)
    return [Outgoing(scope, event["id"], home, each["id"]) for home, each in endpoints]


def connections(world: World, scope: str) -> list[Json]:
    return world.store.select("", "connection", [("account", "=", account_of(scope))])


def listening(world: World, scope: str, name: str, platforms: list[str]) -> list[tuple[str, Json]]:
    """Find the account's own endpoints, and its platforms' endpoints for connected accounts."""
    homes = [(scope_of(each, livemode=is_live(scope)), True) for each in platforms]
    return [
        (home, endpoint)
        for home, connect in [(scope, False), *homes]
        for endpoint in world.store.select(home, "webhook_endpoint")
        if wants(endpoint, name)
        and bool(world.store.hidden(home, endpoint["id"]).get("connect")) == connect
    ]


def wants(endpoint: Json, name: str) -> bool:
    enabled: list[Any] = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in enabled or name in enabled)
