"""A refund of a payment for several invoices, of a customer's credit, and of cash."""

import pytest

from tests.functions.refunds import (
    again,
    amounts,
    ask,
    assert_invoices_are_the_debt,
    assert_refunds_agree,
    credit,
    ledger,
    paid_after_void,
    pay_in_cash,
    pay_several,
    payment_of,
    rows,
)
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, expect


def test_a_part_of_a_payment_of_several_invoices_says_of_which(shop: Shop) -> None:
    payment = pay_several(shop, 4000, 2500)
    first, second = (part["invoice"] for part in payment["allocations"])

    assert refuse(shop.world, lambda: ask(shop, payment, amount=1000)) == (422, "validation_failed")
    named = [{"invoice": second, "amount": 1000}]
    expect(201, ask(shop, payment, amount=1000, allocations=named, settle_as="reopen"))

    assert shop.read({"id": second})["amounts"]["refunded"] == 1000
    assert shop.read({"id": first})["amounts"]["refunded"] == 0
    assert [each["amount"] for each in shop.read({"id": second})["refunds"]] == [1000]
    assert shop.read({"id": first})["refunds"] == []
    assert payment_of(shop, {"id": second})["id"] == payment["id"]
    assert_refunds_agree(shop)
    expect(201, ask(shop, payment))
    assert {shop.read({"id": name})["amounts"]["paid"] for name in (first, second)} == {0}
    assert_refunds_agree(shop)


@pytest.mark.parametrize(
    ("parts", "status", "code"),
    [
        ([500, 499], 422, "validation_failed"),
        ([1000, 1], 422, "validation_failed"),
        ([0], 422, "validation_failed"),
    ],
)
def test_allocations_sum_to_what_is_given_back(
    shop: Shop, parts: list[int], status: int, code: str
) -> None:
    payment = pay_several(shop, 4000, 2500)
    names = [part["invoice"] for part in payment["allocations"]]
    named = [
        {"invoice": name, "amount": amount} for name, amount in zip(names, parts, strict=False)
    ]

    refused = refuse(shop.world, lambda: ask(shop, payment, amount=1000, allocations=named))

    assert refused == (status, code)


def test_of_one_invoice_no_more_is_given_back_than_was_paid_for_it(shop: Shop) -> None:
    payment = pay_several(shop, 4000, 2500)
    second = payment["allocations"][1]["invoice"]
    twice = [{"invoice": second, "amount": 1}] * 2

    assert refuse(
        shop.world, lambda: ask(shop, payment, allocations=[{"invoice": second, "amount": 2501}])
    ) == (409, "refund_exceeds_payment")
    assert refuse(shop.world, lambda: ask(shop, payment, allocations=twice)) == (
        422,
        "validation_failed",
    )
    refund = ask(shop, payment, allocations=[{"invoice": second, "amount": 2500}])
    assert expect(201, refund)["amount"] == 2500


def test_a_customers_credit_is_given_back_and_is_no_credit_any_more(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paid_after_void(shop, monkeypatch)
    assert (payment["unapplied"], credit(shop.world)) == (4000, 4000)

    refund = expect(201, ask(shop, payment, amount=1500))

    assert (refund["unapplied"], refund["allocations"]) == (1500, [])
    shown = again(shop, payment)
    assert (shown["unapplied"], shown["returned"], credit(shop.world)) == (2500, 1500, 2500)
    assert_refunds_agree(shop)


def test_money_that_came_outside_of_stripe_goes_back_outside_of_it(shop: Shop) -> None:
    payment = pay_in_cash(shop, 4000)
    shop.world.gate.arm(None)

    refund = expect(201, ask(shop, payment, amount=1500))

    assert not [name for name in shop.world.gate.passed if "/v1/" in name]
    assert (refund["status"], refund["stripe_refund"]) == ("succeeded", None)
    assert amounts(shop, payment) == {"paid": 2500, "refunded": 1500, "credited": 1500}
    (entry,) = [row for row in rows(shop.world, "JOURNAL") if row["fact"]["S"].endswith("#refund")]
    accounts = {posting["M"]["account"]["S"] for posting in entry["postings"]["L"]}
    assert accounts == {"bank", "refunds"}


def test_credit_is_taken_before_what_was_allocated(shop: Shop) -> None:
    payment = pay_in_cash(shop, 5000)

    refund = expect(201, ask(shop, payment, amount=1500))

    assert refund["unapplied"] == 1000
    assert refund["allocations"] == [{"invoice": payment["invoice"], "amount": 500}]
    assert credit(shop.world) == 0
    assert_invoices_are_the_debt(shop)


def test_a_debt_that_comes_back_to_an_invoice_that_was_given_up_is_lost_at_once(
    shop: Shop,
) -> None:
    card, invoice = shop.save_card(), shop.invoice()
    payment = expect(201, shop.charge(invoice, amount=1500, payment_method=card))["payment"]
    expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/uncollectible"))

    expect(201, ask(shop, payment, settle_as="reopen"))

    seen = shop.read(invoice)
    assert (seen["status"], seen["amounts"]["outstanding"]) == ("uncollectible", 4000)
    assert ledger(shop)["bad_debt"] == 4000
    assert_refunds_agree(shop)
