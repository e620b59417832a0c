"""What a disputed payment can still be used for, and what is owed when it is decided."""

from urllib.parse import urlsplit

import pytest

from tests.functions.books import assert_books_agree, open_balances
from tests.functions.disputes import (
    CHARGEBACK,
    INQUIRY,
    LOSING,
    WINNING,
    accept,
    change,
    decide,
    disputed,
    read,
    refund,
)
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, expect
from tests.functions.world import Json


def test_a_debt_that_came_back_can_be_paid_again(shop: Shop) -> None:
    invoice, dispute = disputed(shop)
    decide(shop, dispute, LOSING)
    shop.world.deliver()

    shop.pay(invoice)
    shop.world.deliver()

    seen = shop.read(invoice)
    assert (seen["status"], seen["facets"]["exception"]) == ("paid", "none")
    assert seen["amounts"]["charged_back"] == 4000
    assert "ar:c-1" not in open_balances(shop)
    assert_books_agree(shop)


def test_a_dispute_of_one_part_payment_leaves_the_other(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice, amount=1500)
    shop.world.deliver()
    shop.pay(invoice, CHARGEBACK)
    shop.world.deliver()
    (dispute,) = shop.read(invoice)["disputes"]

    expect(200, accept(shop, dispute))

    seen = shop.read(invoice)
    assert (seen["status"], seen["amounts"]["paid"]) == ("partially_paid", 1500)
    assert_books_agree(shop)


def test_a_dispute_of_one_payment_for_several_invoices_concerns_each(shop: Shop) -> None:
    shop.save_card(CHARGEBACK)
    invoices = [shop.invoice(), shop.invoice()]
    asked = [
        {"invoice": invoice["id"], "amount": amount}
        for invoice, amount in zip(invoices, (4000, 1500), strict=True)
    ]
    expect(201, shop.operator.post("/v1/charges", {"customer": "c-1", "allocations": asked}))
    shop.world.deliver()

    seen = [shop.read(invoice) for invoice in invoices]
    assert [each["facets"]["exception"] for each in seen] == ["disputed", "disputed"]
    assert seen[0]["disputes"] == seen[1]["disputes"]
    refused = refuse(shop.world, lambda: shop.charge(invoices[1]))
    assert refused == (409, "invoice_disputed")

    expect(200, accept(shop, seen[0]["disputes"][0]))

    amounts = [shop.read(invoice)["amounts"] for invoice in invoices]
    assert [(each["charged_back"], each["outstanding"]) for each in amounts] == [
        (4000, 4000),
        (1500, 4000),
    ]
    assert_books_agree(shop)


def test_what_was_given_up_already_is_no_debt_again(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice, CHARGEBACK, amount=1500)
    shop.world.deliver()
    (dispute,) = shop.read(invoice)["disputes"]
    expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/uncollectible"))

    expect(200, accept(shop, dispute))

    books = open_balances(shop)
    assert (books["bad_debt"], "ar:c-1" in books, "dispute_hold" in books) == (4000, False, False)
    assert shop.read(invoice)["status"] == "uncollectible"


def test_while_it_is_disputed_nothing_is_collected_and_afterwards_it_is(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    link = shop.link(invoice)
    shop.pay(invoice, CHARGEBACK, amount=1500)
    shop.world.deliver()
    (dispute,) = shop.read(invoice)["disputes"]

    refused = refuse(shop.world, lambda: shop.charge(invoice, amount=500))
    assert refused == (409, "invoice_disputed")
    links = f"/v1/invoices/{invoice['id']}/pay-links"
    assert refuse(shop.world, lambda: shop.operator.post(links, {})) == (409, "invoice_disputed")
    page = shop.world.public.get(link)
    assert "Payment is on hold" in page.text
    assert "<button" not in page.text
    assert urlsplit(shop.press_pay(link)).path == link

    decide(shop, dispute, WINNING)
    shop.world.deliver()
    expect(201, shop.charge(invoice))
    assert shop.read(invoice)["status"] == "paid"
    assert_books_agree(shop)


def test_what_a_bank_has_taken_is_not_given_back_a_second_time(shop: Shop) -> None:
    invoice, dispute = disputed(shop)
    assert refuse(shop.world, lambda: refund(shop, invoice)) == (409, "payment_disputed")

    decide(shop, dispute, WINNING)
    shop.world.deliver()

    assert expect(201, refund(shop, invoice, amount=1000))["status"] == "succeeded"
    assert_books_agree(shop)


@pytest.mark.parametrize("settle_as", ["credit_note", "reopen"])
def test_a_part_given_back_before_is_not_charged_back_again(shop: Shop, settle_as: str) -> None:
    invoice = shop.invoice()
    shop.pay(invoice, INQUIRY)
    shop.world.deliver()
    expect(201, refund(shop, invoice, amount=1000, settle_as=settle_as))
    shrink(shop, 3000)
    (dispute,) = shop.read(invoice)["disputes"]
    decide(shop, dispute, "escalate_inquiry_evidence")
    shop.world.deliver()

    assert refund(shop, invoice).code == "payment_disputed"
    expect(200, accept(shop, dispute))

    amounts = shop.read(invoice)["amounts"]
    assert (amounts["paid"], amounts["refunded"], amounts["charged_back"]) == (0, 1000, 3000)
    assert amounts["outstanding"] == (3000 if settle_as == "credit_note" else 4000)
    assert_books_agree(shop)


def shrink(shop: Shop, amount: int) -> None:
    """Let the bank dispute only what has not been given back."""
    change(shop, amount=amount)


@pytest.mark.parametrize("given_up", [False, True])
def test_what_a_bank_gives_back_after_all_is_credit_where_the_debt_was_paid_meanwhile(
    shop: Shop, *, given_up: bool
) -> None:
    invoice, dispute = disputed(shop)
    decide(shop, dispute, LOSING)
    shop.world.deliver()
    if given_up:
        expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/uncollectible"))
    cash = {"amount": 4000, "method": "cash"}
    expect(201, shop.operator.post(f"/v1/invoices/{invoice['id']}/offline-payments", cash))
    (truth,) = shop.world.truth(shop.account)["disputes"]
    (taken,) = truth["balance_transactions"]
    back = {"id": "txn_back", "amount": 4000, "net": 4000, "fee": 0}
    change(shop, status="won", balance_transactions=[taken, taken | back])

    runs = [ask_about(shop, dispute) for _ in range(3)]

    assert {run["status"] for run in runs} == {"won"}
    seen = shop.read(invoice)
    assert (seen["status"], seen["amounts"]["paid"]) == ("paid", 4000)
    (credit,) = expect(200, shop.operator.get("/v1/customers/c-1/credit"))["data"]
    assert credit["balance"] == 4000
    assert shop.read(invoice)["facets"]["exception"] == "overpaid"
    found = open_balances(shop)
    assert (found["customer_credit:c-1"], found["bank"]) == (-4000, 4000)
    assert not {"ar:c-1", "bad_debt", "dispute_hold"} & found.keys()


def ask_about(shop: Shop, dispute: Json) -> Json:
    """Find out how it stands, as reconciliation does."""
    shop.world.advance(hours=1)
    asked = {"account": shop.account["id"], "mode": "heal"}
    expect(202, shop.admin.post("/v1/reconciliation/runs", asked))
    assert shop.world.work("reconcile_account", *shop.world.messages("reconciliations")) == []
    return read(shop, dispute)
