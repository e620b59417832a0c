"""Card numbers: typed in at Stripe only, refused here, and in no row and no log line."""

import pytest

from local.stack.stack import Stack
from tests.stack.shop import Shop, eventually, logged, new_key, table_rows

NUMBER = "4242" * 4
SPACED = "4242 " * 4


@pytest.mark.claim("CR-7")
def test_a_request_that_holds_a_card_number_is_refused_and_not_logged(
    stack: Stack, shop: Shop
) -> None:
    customer = shop.customer()
    invoice = shop.invoice(customer)
    body = {"number": new_key(), "customer": customer, "currency": "eur", "total": 4000}
    line = {"description": f"Card {SPACED}", "unit_amount": 4000}
    client, before = shop.client(), len(logged(stack, "pan_detected"))
    key = {"idempotency_key": new_key()}

    answers = [
        client.post("/v1/invoices", body | {"card_number": NUMBER}, **key),
        client.post("/v1/invoices", body | {"order_ref": NUMBER}, **key),
        client.post("/v1/invoices", body | {"lines": [line]}, **key),
        client.put(f"/v1/customers/{customer}", {"name": SPACED}),
        client.post(f"/v1/invoices/{invoice}/pay-links", {"message": SPACED}, **key),
        client.post(f"/v1/invoices/{invoice}/charges", {"payment_method": NUMBER}, **key),
        client.get(f"/v1/customers/{NUMBER}"),
        client.get(f"/v1/invoices?number={NUMBER}"),
    ]

    assert [(answer.status, answer.json["code"]) for answer in answers] == [
        (422, "pan_detected")
    ] * len(answers)
    assert not any(NUMBER in answer.text or SPACED in answer.text for answer in answers)
    eventually(
        lambda: len(logged(stack, "pan_detected")), lambda found: found == before + len(answers)
    )
    assert logged(stack, NUMBER, SPACED) == []


@pytest.mark.claim("OM-1")
@pytest.mark.claim("KO-10")
def test_of_a_saved_card_only_stripes_id_brand_last_four_and_expiry_are_kept(
    stack: Stack, shop: Shop
) -> None:
    customer = shop.customer()

    card = shop.save_card(customer)

    (shown,) = shop.cards(customer)
    assert card.startswith("pm_")
    described = {"id", "brand", "last4", "exp_month", "exp_year"}
    assert set(shown) == described | {"default", "status", "consent"}
    assert set(shown["consent"]) == {"setup_intent", "at", "text"}
    assert (shown["brand"], shown["last4"]) == ("visa", NUMBER[-4:])
    rows = table_rows(stack)
    (kept,) = [row for row in rows if row["sk"]["S"] == f"CARD#{card}"]
    about_us = {"pk", "sk", "schema_v", "version", "tenant", "customer", "account", "mode"}
    evidence = {"stripe_customer", "setup_intent", "consented_at", "consent_text", "status"}
    reminder = {"due_at", "due_shard"}
    assert set(kept) - about_us - evidence - reminder - {"fingerprint"} == described
    assert NUMBER not in str(rows)
    assert eventually(lambda: logged(stack, "applied"), bool)
    assert logged(stack, NUMBER, SPACED) == []
