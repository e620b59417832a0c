"""What Stripe sends to a webhook endpoint, signed as Stripe signs it."""

import hashlib
import hmac
import json
from itertools import count
from typing import Any

from payments.edge import runtime
from tests.functions.shop import Shop
from tests.functions.world import Answer, Json, World

NUMBERS = count(1)


def secret_of(shop: Shop, name: str = "current") -> str:
    return str(read_secret(shop)[name])


def read_secret(shop: Shop) -> Json:
    client = shop.world.aws("secretsmanager")
    return dict(json.loads(client.get_secret_value(SecretId=secret_name(shop))["SecretString"]))


def write_secret(shop: Shop, **changes: str) -> None:
    text = json.dumps(read_secret(shop) | changes)
    shop.world.aws("secretsmanager").put_secret_value(SecretId=secret_name(shop), SecretString=text)
    runtime.secret_store.cache_clear()


def secret_name(shop: Shop) -> str:
    return f"receivable/{shop.world.resources['stage']}/webhooks/{shop.account['id']}/test"


def a_body(**changes: Any) -> bytes:
    event = {
        "id": f"evt_{next(NUMBERS)}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "livemode": False,
        "created": 1,
        "data": {"object": {"id": "pi_1", "object": "payment_intent", "note": "Grüße"}},
    }
    return json.dumps(event | changes, ensure_ascii=False).encode()


def signed(body: bytes, secret: str, at: float, scheme: str = "v1") -> str:
    stamp = str(int(at))
    mac = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256)
    return f"t={stamp},{scheme}={mac.hexdigest()}"


def send(shop: Shop, body: bytes, header: str | None, mode: str = "test") -> Answer:
    path = f"/webhooks/stripe/{shop.account['id']}/{mode}"
    return send_to(shop.world, path, body, header)


def send_to(world: World, path: str, body: bytes, header: str | None) -> Answer:
    headers = {} if header is None else {"stripe-signature": header}
    return world.invoke(world.event("POST", path, body.decode(), headers))


def deliver(shop: Shop, body: bytes) -> Answer:
    return send(shop, body, signed(body, secret_of(shop), shop.world.now().timestamp()))
