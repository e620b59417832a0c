"""What every route refuses in the same way, and what a refusal has to look like."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.functions.shop import Shop
from tests.functions.world import Answer, Client, Json, World

PAN = "4242424242424242"
#: Any six digits of it in a row are a leak.
PAN_PIECES = tuple(PAN[start : start + 6] for start in range(2))
ROLES = frozenset({"admin", "operator", "viewer", "storefront"})


@dataclass(frozen=True)
class Bad:
    """A request that can never succeed: `change` alters a good body, `raw` replaces it."""

    name: str
    status: int
    code: str
    change: Json = field(default_factory=dict)
    raw: str | None = None
    headers: Json = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def text(self, good: Json) -> str:
        return json.dumps(good | self.change) if self.raw is None else self.raw


def invalid(name: str, change: Json, code: str = "validation_failed") -> Bad:
    return Bad(name, 422, code, change)


def without(name: str) -> Bad:
    """A body that lacks `name`."""
    return Bad(f"no {name}", 422, "validation_failed", {name: None})


ALWAYS = (
    invalid("unknown field", {"surprise": 1}),
    invalid("card number", {"surprise": PAN}, "pan_detected"),
    invalid("card number as a number", {"surprise": int(PAN)}, "pan_detected"),
    invalid("card number in groups", {"surprise": "4242 4242 4242 4242"}, "pan_detected"),
    invalid("card number in a sentence", {"surprise": f"take {PAN}, please"}, "pan_detected"),
    invalid("card number deep inside", {"surprise": [{"a": [{"b": PAN}]}]}, "pan_detected"),
    invalid("card number as a name", {PAN: 1}, "pan_detected"),
    Bad("card number in escapes", 422, "pan_detected", raw=r'{"a": "\u0034242424242424242"}'),
    Bad("nothing", 422, "validation_failed", raw=""),
    Bad("null", 422, "validation_failed", raw="null"),
    Bad("a list", 422, "validation_failed", raw="[]"),
    Bad("a text", 422, "validation_failed", raw='"text"'),
    Bad("not JSON", 400, "malformed_json", raw="{"),
    Bad("a name twice", 400, "malformed_json", raw='{"name": 1, "name": 2}'),
    Bad("not a number", 400, "malformed_json", raw='{"amount": NaN}'),
    Bad("endless nesting", 400, "malformed_json", raw="[" * 12 + "]" * 12),
    Bad("far too deep to parse", 400, "malformed_json", raw="[" * 30_000),
    Bad("too large", 413, "payload_too_large", raw=json.dumps("x" * 70_000)),
    Bad("a form", 415, "unsupported_media_type", headers={"content-type": "text/plain"}),
)

#: What is no amount of money, in the field `amount`.
AMOUNTS = tuple(
    invalid(f"amount {amount!r}", {"amount": amount})
    for amount in (0, -1, 1.5, 1500.0, "1500", True, [1500], 1_000_000_000_000, 10**30)
)


def refuse(world: World, send: Callable[[], Answer]) -> tuple[int, str]:
    """Send; return status and code of a well-formed refusal that changed and told nothing."""
    before, heard = world.facts(), len(world.log.getvalue())

    answer = send()

    problem = answer.json
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert problem["status"] == answer.status != 500, answer.text
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert {"type", "title", "code", "detail", "retryable"} <= problem.keys()
    assert world.facts() == before
    told = answer.text + world.log.getvalue()[heard:]
    assert not [piece for piece in PAN_PIECES if piece in told]
    return answer.status, answer.code


def refuse_body(client: Client, method: str, path: str, good: Json, bad: Bad) -> tuple[int, str]:
    """Send a good body made bad."""
    text = bad.text(good)
    return refuse(
        client.world, lambda: client.send(method, path, raw=text, headers=dict(bad.headers))
    )


def path_of(route: str) -> tuple[str, str]:
    """A method and a path whose ids nobody has."""
    method, _, template = route.partition(" ")
    names = {"id": "x_nobody", "mid": "mod_nobody", "ref": "c-nobody", "pm": "pm_nobody"}
    names["did"] = "del_nobody"
    return method, template.format(**names)


def roles_that_may(world: World, route: str) -> set[str]:
    """Return which roles are let in; without grants, and with ids of nobody's, none gets far."""
    method, path = path_of(route)
    let_in = set()
    for role in ROLES:
        answer = world.client("tulips", role).send(method, path)
        if not (answer.code == "permission_denied" and "role" in answer.json):
            let_in.add(role)
    return let_in


STRANGERS: tuple[tuple[str, Json | None], ...] = (
    ("no token", None),
    ("empty token", {}),
    ("another issuer's claims", {"sub": "somebody", "custom:tenant": "tulips"}),
    ("a role that is none", {"tenant": "tulips", "role": "owner", "profile": "owner"}),
    ("two roles", {"tenant": "tulips", "role": "[admin operator]", "profile": "admin"}),
    ("no role", {"tenant": "tulips", "profile": "admin"}),
    ("a tenant that leaves its place", {"tenant": "tulips#INV", "role": "admin"}),
    ("an unknown machine", {"client_id": "storefront-nobody", "token_use": "access"}),
    ("a machine that names itself like a row", {"client_id": "x#POINTER"}),
)


def greet(world: World, route: str) -> dict[str, tuple[int, str]]:
    """Return what each stranger is told at the door of a route."""
    method, path = path_of(route)
    return {
        name: refuse(world, lambda claims=claims: Client(world, claims).send(method, path))
        for name, claims in STRANGERS
    }


def turned_away() -> dict[str, tuple[int, str]]:
    return {name: (401, "unauthenticated") for name, _ in STRANGERS}


def use_key_twice(
    client: Client, path: str, good: Json, other: Json, *, required: bool = True
) -> Answer:
    """Prove what an Idempotency-Key promises, and return the first answer."""
    world, key = client.world, "a-key-of-this-test"
    for missing in (None, "k" * 256) if required else ("k" * 256,):
        status, code = refuse(world, lambda missing=missing: client.post(path, good, key=missing))
        assert (status, code) == (422, "idempotency_key_required")

    first = client.post(path, good, key=key)
    facts = world.facts()
    again = client.post(path, dict(reversed(good.items())), key=key)

    assert first.status < 300, first.text
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.status, again.json) == (first.status, first.json)
    assert world.facts() == facts
    assert refuse(world, lambda: client.post(path, other, key=key)) == (
        409,
        "idempotency_key_reused",
    )
    return first


def foreign(shop: Shop, path: str, body: Any = None, method: str = "GET") -> tuple[int, str]:
    """Ask for the tulips' object as the bakery's admin."""
    return refuse(shop.world, lambda: shop.world.client("bakery").send(method, path, body))
