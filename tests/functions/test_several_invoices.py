"""One payment for several invoices is spoken of, and charged back, as all of theirs."""

import pytest

from payments.edge import runtime
from payments.facts.settings import Settings
from tests.functions.books import assert_books_agree, balances
from tests.functions.disputes import INQUIRY, accept, decide
from tests.functions.shop import Shop, expect
from tests.functions.world import Json


@pytest.fixture
def three(shop: Shop) -> list[Json]:
    """Three invoices over 20.00, of which a saved card of many disputes pays all."""
    runtime.store().save(Settings(tenant="tulips", seller_email="seller@shop.example"))
    shop.save_card("createDispute")
    return [shop.invoice(lines=None, total=2000) for _ in range(3)]


def charge(shop: Shop, invoices: list[Json]) -> Json:
    asked = {"customer": "c-1", "allocations": [{"invoice": each["id"]} for each in invoices]}
    return expect(201, shop.operator.post("/v1/charges", asked))


def mails(shop: Shop) -> list[Json]:
    shop.world.notify()
    told = [sent["Content"]["Simple"] for sent in shop.world.post.sent]
    return [
        {"subject": each["Subject"]["Data"], "text": each["Body"]["Text"]["Data"]} for each in told
    ]


def test_the_receipt_and_the_sale_name_every_invoice_with_its_part(
    shop: Shop, three: list[Json]
) -> None:
    charge(shop, three)

    told = mails(shop)[:2]
    assert len(told) == 2
    for mail in told:
        for invoice in three:
            assert invoice["number"] in mail["subject"]
            assert invoice["number"] in mail["text"]
        assert mail["text"].count("20.00") == 3
        assert "60.00" in mail["text"]


def test_a_subject_names_four_and_the_letter_all(shop: Shop, three: list[Json]) -> None:
    more = [*three, *(shop.invoice(lines=None, total=2000) for _ in range(3))]
    charge(shop, more)

    receipt = mails(shop)[0]

    assert "(+2)" in receipt["subject"]
    assert all(invoice["number"] in receipt["text"] for invoice in more)


def test_stripe_is_told_of_every_invoice(shop: Shop, three: list[Json]) -> None:
    charge(shop, three)

    intent = shop.world.truth(shop.account)["payment_intents"][-1]
    numbers = ", ".join(invoice["number"] for invoice in three)
    assert intent["description"] == f"Invoices {numbers}"
    assert intent["statement_descriptor_suffix"] == "INV x3"


def test_a_charge_of_two_hundred_invoices_is_described_as_far_as_there_is_room(
    shop: Shop,
) -> None:
    shop.save_card()
    long = [
        shop.invoice(lines=None, total=100, number=f"{'9' * 40}-{number}") for number in range(20)
    ]
    charge(shop, long)

    intent = shop.world.truth(shop.account)["payment_intents"][-1]
    assert len(intent["description"]) < 600
    assert intent["description"].endswith(" more")


def test_a_charge_whose_answer_was_lost_is_asked_for_in_the_same_words(
    shop: Shop, three: list[Json]
) -> None:
    """Under one key Stripe takes one request only."""
    shop.world.fail("/v1/payment_intents", "timeout_applied", "timeout_applied")
    asked = {"customer": "c-1", "allocations": [{"invoice": each["id"]} for each in three]}
    assert shop.operator.post("/v1/charges", asked, key="k").status == 202

    shop.world.advance(minutes=3)
    shop.world.run("sweep_attempts", {})

    assert [intent["status"] for intent in shop.world.truth(shop.account)["payment_intents"]] == [
        "canceled"
    ]
    assert {shop.read(invoice)["facets"]["collection"] for invoice in three} == {"idle"}


def test_no_invoice_asks_for_more_than_its_total_after_a_refund_and_a_chargeback_of_all(
    shop: Shop,
) -> None:
    shop.save_card(INQUIRY)
    three = [shop.invoice(lines=None, total=2000) for _ in range(3)]
    payment = charge(shop, three)["payment"]["id"]
    part = [{"invoice": three[0]["id"], "amount": 1000}]
    asked = {"amount": 1000, "allocations": part, "settle_as": "reopen"}
    expect(201, shop.operator.post(f"/v1/payments/{payment}/refunds", asked))
    shop.world.deliver()
    (dispute,) = shop.read(three[0])["disputes"]
    decide(shop, dispute, "escalate_inquiry_evidence")
    shop.world.deliver()
    expect(200, accept(shop, dispute))

    seen = [shop.read(invoice)["amounts"] for invoice in three]

    assert [each["outstanding"] for each in seen] == [2000, 2000, 2000]
    assert sum(each["charged_back"] for each in seen) == 5000
    assert balances(shop)["bad_debt"] == 1000
    assert_books_agree(shop)
