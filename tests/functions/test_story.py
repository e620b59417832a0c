"""Why an invoice is, or is not, paid: in words, and with what proves it."""

import pytest

from tests.functions.shop import Shop, expect
from tests.functions.world import Json, World


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop.open(world, "tulips")


def explain(shop: Shop, invoice: Json) -> Json:
    return expect(200, shop.operator.get(f"/v1/invoices/{invoice['id']}/explain"))


def kinds(shop: Shop, invoice: Json) -> list[str]:
    found = expect(200, shop.operator.get(f"/v1/invoices/{invoice['id']}/timeline"))
    return [entry["kind"] for entry in found["data"]]


def test_an_invoice_that_nobody_touched(shop: Shop) -> None:
    invoice = shop.invoice()

    told = explain(shop, invoice)

    assert told["answer"].endswith("Nobody has tried to pay it yet.")
    assert "40.00 EUR" in told["answer"]
    assert kinds(shop, invoice) == ["created"]


def test_a_draft_a_void_and_a_lost_invoice(shop: Shop) -> None:
    draft, void, lost = shop.invoice(draft=True), shop.invoice(), shop.invoice()
    expect(200, shop.operator.post(f"/v1/invoices/{void['id']}/void"))
    expect(200, shop.operator.post(f"/v1/invoices/{lost['id']}/uncollectible"))

    assert "draft" in explain(shop, draft)["answer"]
    assert "withdrawn" in explain(shop, void)["answer"]
    assert "uncollectible" in explain(shop, lost)["answer"]
    assert kinds(shop, void) == ["created", "voided"]
    assert kinds(shop, lost) == ["created", "written_off"]


def test_a_decline_names_the_banks_reason_and_what_to_do(shop: Shop) -> None:
    shop.save_card("chargeCustomerFail")
    invoice = shop.invoice()
    assert shop.charge(invoice).status == 402

    told = explain(shop, invoice)

    assert "generic decline" in told["answer"]
    assert "pay link" in told["next"]
    assert kinds(shop, invoice) == ["created", "attempt_begun", "attempt_failed"]
    assert told["evidence"][-1]["refs"]["payment_intent"].startswith("pi_")


def test_a_page_that_is_open_and_an_outcome_that_nobody_knows(shop: Shop) -> None:
    shop.save_card()
    opened, unknown = shop.invoice(), shop.invoice()
    shop.session(opened)
    shop.world.fail("/v1/payment_intents/*/confirm", "timeout_lost", "timeout_lost")
    expect(202, shop.charge(unknown))

    assert "has not paid yet" in explain(shop, opened)["answer"]
    assert "Stripe has not said how it ended" in explain(shop, unknown)["answer"]


def test_a_bank_debit_on_its_way_is_not_paid(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice, "pm_sepaDebit")
    shop.world.deliver()

    told = explain(shop, invoice)

    assert told["status"] == "open"
    assert "takes days" in told["answer"]


def test_a_paid_invoice_with_what_proves_it(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    paid = expect(201, shop.charge(invoice))

    told = explain(shop, invoice)

    assert "is paid: 40.00 EUR of 40.00 EUR arrived in 1 payment." in told["answer"]
    (payment,) = [entry for entry in told["evidence"] if entry["kind"] == "payment"]
    assert payment["refs"]["charge"] == paid["payment"]["note"]["charge"]


def test_part_of_another_invoices_payment_is_told_under_both(shop: Shop) -> None:
    shop.save_card()
    first, second = shop.invoice(), shop.invoice()
    asked = [{"invoice": first["id"]}, {"invoice": second["id"]}]
    expect(201, shop.operator.post("/v1/charges", {"customer": "c-1", "allocations": asked}))

    assert "40.00 EUR of it count for this invoice" in explain(shop, first)["evidence"][-1]["text"]
    assert kinds(shop, second) == ["created", "payment_share"]
    assert explain(shop, second)["status"] == "paid"


def test_another_tenants_story_is_not_told(shop: Shop) -> None:
    invoice = shop.invoice()

    answer = shop.world.client("bakery").get(f"/v1/invoices/{invoice['id']}/explain")

    assert (answer.status, answer.code) == (404, "not_found")


def test_a_dispute_is_part_of_the_story_from_its_first_day_to_its_end(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice, "createDispute")
    shop.world.deliver()
    assert "disputes" in explain(shop, invoice)["answer"]
    assert "due" in explain(shop, invoice)["next"]
    shop.world.advance(minutes=1)
    (dispute,) = shop.read(invoice)["disputes"]

    expect(200, shop.operator.post(f"/v1/disputes/{dispute['id']}/accept"))

    told = explain(shop, invoice)
    assert "took 40.00 EUR back for good" in told["answer"]
    assert kinds(shop, invoice)[-2:] == ["dispute_lost", "dispute_funds_withdrawn"]
    ended, taken = told["evidence"][-2:]
    assert "lost. 40.00 EUR are owed again" in ended["text"]
    assert ended["refs"]["stripe_dispute"] == dispute["stripe_id"]
    assert taken["refs"]["balance_transaction"].startswith("txn_")


def test_an_invoice_that_is_paid_in_part_and_disputed_waits_for_the_answer(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice, "createDispute", amount=1500)
    shop.world.deliver()

    told = explain(shop, invoice)

    assert told["answer"].endswith("A payment of it is disputed.")
    assert "nothing is collected" in told["next"]
