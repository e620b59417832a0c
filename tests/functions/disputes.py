"""How the tests open, answer and decide disputes, and see that the books agree."""

import base64
import json
from typing import Any

from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Json

WINNING, LOSING = "winning_evidence", "losing_evidence"
CHARGEBACK, INQUIRY = "createDispute", "createDisputeInquiry"
CLOSE = "/v1/disputes/*/close"


def pdf(text: str = "hello") -> str:
    return base64.b64encode(b"%PDF-1.4 " + text.encode()).decode()


def file(slot: str = "receipt", **changes: Any) -> Json:
    named = {"field": slot, "filename": "receipt 1.pdf", "content_type": "application/pdf"}
    return named | {"content_base64": pdf()} | changes


def disputed(shop: Shop, card: str = CHARGEBACK, **order: Any) -> tuple[Json, Json]:
    """An invoice whose payment is disputed, and the dispute, both as the API shows them."""
    invoice = shop.invoice(**order)
    shop.pay(invoice, card)
    assert shop.world.deliver() == []
    (found,) = shop.read(invoice)["disputes"]
    return shop.read(invoice), found


def path(dispute: Json, step: str = "") -> str:
    return f"/v1/disputes/{dispute['id']}" + (f"/{step}" if step else "")


def read(shop: Shop, dispute: Json) -> Json:
    return expect(200, shop.operator.get(path(dispute)))


def save(shop: Shop, dispute: Json, text: str = WINNING, **more: Any) -> Answer:
    body = {"fields": {"uncategorized_text": text}}
    return shop.operator.post(path(dispute, "evidence"), body, **more)


def submit(shop: Shop, dispute: Json, **more: Any) -> Answer:
    return shop.operator.post(path(dispute, "submit"), **more)


def accept(shop: Shop, dispute: Json, **more: Any) -> Answer:
    return shop.operator.post(path(dispute, "accept"), **more)


def decide(shop: Shop, dispute: Json, text: str) -> None:
    """Answer the bank, and let it decide by the words of the evidence."""
    expect(200, save(shop, dispute, text))
    expect(200, submit(shop, dispute))
    shop.world.advance(minutes=5)
    shop.world.truth(shop.account)


def listing(shop: Shop, **query: str) -> list[Json]:
    return list(expect(200, shop.operator.get("/v1/disputes", **query))["data"])


def refund(shop: Shop, invoice: Json, **asked: Any) -> Answer:
    payment = shop.read(invoice)["payments"][0]["id"]
    return shop.operator.post(f"/v1/payments/{payment}/refunds", asked)


def change(shop: Shop, **changes: Any) -> None:
    """Let the bank do with the dispute what it does in test mode at no word of ours."""
    (dispute,) = shop.world.truth(shop.account)["disputes"]
    scope = shop.world.standin.store.scope_of("dispute", dispute["id"])
    shop.world.standin.store.update(scope, dispute | changes)


def events_of(shop: Shop) -> list[Json]:
    """Keep what Stripe sends, and return the queue's messages without working on them."""
    shop.world.standin.deliveries.run_due(shop.world._receive)
    return list(shop.world.messages("events"))


def kind_of(shop: Shop, message: Json) -> str:
    ident = json.loads(message["body"])["event"]
    rows = shop.world.rows().items()
    return next(row["type"]["S"] for (pk, _), row in rows if pk.endswith(f":{ident}"))
