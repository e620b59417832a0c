"""A dispute through the real stack: signed webhooks, files in base64, and the books at the end."""

import base64
from typing import Any

from local.demo.compare_books import compare_books
from local.stack.client import Answer, Client
from tests.stack.shop import Shop, eventually, new_key, required


def answer(
    shop: Shop, dispute: Any, step: str, body: object = None, role: str = "operator"
) -> Answer:
    path = f"/v1/disputes/{dispute['id']}/{step}"
    return shop.client(role).post(path, body, idempotency_key=new_key())


def test_a_dispute_is_heard_of_answered_and_given_up(shop: Shop) -> None:
    invoice = shop.invoice(shop.customer())
    shop.pay_at(shop.open_checkout(shop.link(invoice)), "pm_card_createDispute")
    seen = eventually(
        lambda: shop.read(invoice),
        lambda found: [each["withdrawn"] for each in found["disputes"]] == [4000],
    )
    (dispute,) = seen["disputes"]
    assert (seen["status"], seen["facets"]["exception"]) == ("paid", "disputed")
    links = f"/v1/invoices/{invoice}/pay-links"
    refused = shop.client().post(links, {}, idempotency_key=new_key())
    assert refused.json["code"] == "invoice_disputed"

    content = base64.b64encode(b"%PDF-1.4 " + bytes(3_000_000)).decode()
    receipt = {"field": "receipt", "filename": "receipt.pdf", "content_type": "application/pdf"}
    evidence = {
        "fields": {"product_description": "Tulips"},
        "files": [receipt | {"content_base64": content}],
    }
    kept = required(answer(shop, dispute, "evidence", evidence), 200)
    assert kept["evidence"]["has_evidence"] is True
    assert answer(shop, dispute, "accept", role="viewer").status == 403
    ended = required(answer(shop, dispute, "accept"), 200)

    assert (ended["status"], ended["charged_back"]) == ("lost", 4000)
    after = shop.settled(invoice, "open")
    assert (after["amounts"]["outstanding"], after["facets"]["exception"]) == (4000, "charged_back")
    assert required(shop.client("viewer").get(f"/v1/disputes/{dispute['id']}"), 200) == ended
    assert answer(shop, dispute, "accept").json["code"] == "dispute_not_answerable"
    compared = eventually(
        lambda: compare_books(shop.client(), Client(shop.stack.stripe), shop.stripe_account),
        lambda found: not found.differences,
    )
    fact = (f"{dispute['stripe_id']} lost", -4000, "eur", None)
    assert fact in compared.ours
