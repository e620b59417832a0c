"""/v1/payments and /v1/refunds: money goes back once, never more than came, and the books know."""

import re

import pytest

from tests.functions import refusals
from tests.functions.refunds import (
    again,
    amounts,
    ask,
    assert_refunds_agree,
    at_stripe,
    invoice_of,
    paid,
    pay_several,
    rows,
)
from tests.functions.refusals import ALWAYS, AMOUNTS, Bad, invalid, refuse, refuse_body
from tests.functions.shop import Shop, expect
from tests.functions.world import Json


def test_a_payment_is_given_back_in_full_as_a_credit_note(shop: Shop) -> None:
    payment = paid(shop)

    refund = expect(201, ask(shop, payment, reason="Two tulips were broken"))

    assert re.fullmatch("rfd_[0-9a-z]{26}", refund.pop("id"))
    assert refund == {
        "status": "succeeded",
        "payment": payment["id"],
        "amount": 4000,
        "currency": "eur",
        "allocations": [{"invoice": payment["invoice"], "amount": 4000}],
        "unapplied": 0,
        "settle_as": "credit_note",
        "reason": "Two tulips were broken",
        "refund_platform_fee": "proportional",
        "origin": "api",
        "stripe_refund": shop.world.truth(shop.account)["refunds"][0]["id"],
        "failure_reason": None,
        "pending_reason": None,
        "created_at": "2026-09-21T14:00:01Z",
    }
    assert amounts(shop, payment) == {"refunded": 4000, "credited": 4000}
    assert invoice_of(shop, payment)["status"] == "refunded"
    assert again(shop, payment)["status"] == "refunded"
    assert_refunds_agree(shop)


def test_a_part_as_a_credit_note_leaves_the_invoice_paid(shop: Shop) -> None:
    payment = paid(shop)

    expect(201, ask(shop, payment, amount=1500))

    assert amounts(shop, payment) == {"paid": 2500, "refunded": 1500, "credited": 1500}
    assert invoice_of(shop, payment)["status"] == "paid"
    assert again(shop, payment)["status"] == "partially_refunded"
    assert_refunds_agree(shop)


@pytest.mark.parametrize(("amount", "status"), [(1500, "partially_paid"), (4000, "open")])
def test_a_refund_that_reopens_lets_the_debt_come_back(
    shop: Shop, amount: int, status: str
) -> None:
    card, payment = shop.save_card(), paid(shop)

    expect(201, ask(shop, payment, amount=amount, settle_as="reopen"))

    assert invoice_of(shop, payment)["status"] == status
    assert invoice_of(shop, payment)["amounts"]["collectable"] == amount
    assert_refunds_agree(shop)
    shop.charge({"id": payment["invoice"]}, payment_method=card)
    assert invoice_of(shop, payment)["status"] == "paid"
    assert_refunds_agree(shop)


def test_what_is_left_is_given_back_and_then_nothing_more(shop: Shop) -> None:
    payment = paid(shop)
    expect(201, ask(shop, payment, amount=1500))

    assert expect(201, ask(shop, payment))["amount"] == 2500

    refused = ask(shop, payment)
    assert (refused.status, refused.code) == (409, "refund_exceeds_payment")
    assert invoice_of(shop, payment)["status"] == "refunded"
    assert_refunds_agree(shop)


def test_two_equal_parts_are_two_refunds(shop: Shop) -> None:
    payment = paid(shop)

    ids = {expect(201, ask(shop, payment, amount=1000))["stripe_refund"] for _ in range(2)}

    assert len(ids) == 2
    assert [each["status"] for each in again(shop, payment)["refunds"]] == ["succeeded"] * 2
    assert_refunds_agree(shop)


def test_stripe_is_told_which_refund_of_which_payment_it_is(shop: Shop) -> None:
    payment = paid(shop)

    refund = expect(201, ask(shop, payment, amount=700))

    (told,) = shop.world.truth(shop.account)["refunds"]
    assert told["metadata"] == {
        "tenant": "tulips",
        "invoice": payment["invoice"],
        "payment": payment["id"],
        "refund": refund["id"],
    }


def test_a_key_twice_gives_back_once(shop: Shop) -> None:
    path = f"/v1/payments/{paid(shop)['id']}/refunds"

    refusals.use_key_twice(shop.operator, path, {"amount": 1500}, {"amount": 1501})

    assert list(at_stripe(shop).values()) == [1500]
    assert_refunds_agree(shop)


def test_refunds_are_listed_newest_first_and_read_by_id(shop: Shop) -> None:
    payment = paid(shop)
    made = [expect(201, ask(shop, payment, amount=amount)) for amount in (100, 200, 300)]

    page = expect(200, shop.operator.get("/v1/refunds", limit=2))
    rest = expect(200, shop.operator.get("/v1/refunds", limit=2, cursor=page["next_cursor"]))

    assert page["data"] + rest["data"] == made[::-1]
    assert rest["next_cursor"] is None
    assert expect(200, shop.operator.get(f"/v1/refunds/{made[0]['id']}")) == made[0]
    none = expect(200, shop.operator.get("/v1/refunds", status="failed"))
    assert none == {"data": [], "next_cursor": None}


def test_an_invoice_shows_what_was_given_back_of_it(shop: Shop) -> None:
    payment = paid(shop)
    refund = expect(201, ask(shop, payment, amount=700))

    (shown,) = invoice_of(shop, payment)["refunds"]

    assert (shown["id"], shown["payment"], shown["amount"]) == (refund["id"], payment["id"], 700)
    assert (shown["status"], shown["settle_as"]) == ("succeeded", "credit_note")


BAD = (
    *ALWAYS,
    *AMOUNTS,
    invalid("settled as nothing known", {"settle_as": "gift"}),
    invalid("a fee policy that is none", {"refund_platform_fee": "half"}),
    invalid("a reason with a line break", {"reason": "bro\nken"}),
    invalid("tenant in the body", {"tenant": "bakery"}),
    invalid("an invoice that it did not pay", {"allocations": [{"invoice": "inv_x", "amount": 1}]}),
    invalid("allocations without an amount", {"allocations": [{"invoice": "inv_x"}]}),
    Bad("more than came", 409, "refund_exceeds_payment", {"amount": 4001}),
)


@pytest.fixture(scope="module")
def received(showroom: Shop) -> Json:
    """Give a payment to look at."""
    return paid(showroom)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_given_back_is_refused_and_asks_nobody(
    showroom: Shop, received: Json, bad: Bad
) -> None:
    path = f"/v1/payments/{received['id']}/refunds"
    showroom.world.gate.arm(None)

    assert refuse_body(showroom.operator, "POST", path, {}, bad) == (bad.status, bad.code)

    assert not [name for name in showroom.world.gate.passed if "/v1/" in name]


def test_a_refusal_says_how_much_can_be_given_back(showroom: Shop, received: Json) -> None:
    assert ask(showroom, received, amount=4001).json["refundable"] == 4000


@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("POST", "/refunds")])
def test_another_tenants_payment_does_not_exist(
    showroom: Shop, received: Json, method: str, tail: str
) -> None:
    path = f"/v1/payments/{received['id']}{tail}"

    assert refusals.foreign(showroom, path, {}, method) == (404, "not_found")
    assert showroom.world.client("bakery").get("/v1/payments").json["data"] == []


def test_another_tenants_refund_does_not_exist(shop: Shop) -> None:
    refund = expect(201, ask(shop, paid(shop), amount=1))

    assert refusals.foreign(shop, f"/v1/refunds/{refund['id']}") == (404, "not_found")


def test_an_operator_without_the_modules_grant_gives_nothing_back_and_an_admin_does(
    shop: Shop,
) -> None:
    payment = paid(shop)
    path = f"/v1/profiles/operator/modules/{shop.module['id']}"
    expect(200, shop.admin.send("DELETE", path))

    assert refuse(shop.world, lambda: ask(shop, payment)) == (403, "permission_denied")

    expect(201, shop.admin.post(f"/v1/payments/{payment['id']}/refunds", {}))


def test_money_is_given_back_though_the_module_is_off(shop: Shop) -> None:
    payment = paid(shop)
    state = f"/v1/payment-modules/{shop.module['id']}/state"
    expect(200, shop.admin.post(state, {"state": "off"}))

    expect(201, ask(shop, payment))


@pytest.mark.parametrize("currency", ["usd", "jpy"])
def test_a_refund_is_in_the_currency_of_its_payment(shop: Shop, currency: str) -> None:
    payment = paid(shop, currency=currency)

    refund = expect(201, ask(shop, payment, amount=1234, settle_as="reopen"))

    assert (refund["currency"], amounts(shop, payment)["outstanding"]) == (currency, 1234)
    assert list(at_stripe(shop).values()) == [1234]
    (entry,) = [row for row in rows(shop.world, "JOURNAL") if row["fact"]["S"].endswith("#refund")]
    assert {posting["M"]["currency"]["S"] for posting in entry["postings"]["L"]} == {currency}


def test_an_amount_that_the_currency_does_not_have_is_not_given_back(shop: Shop) -> None:
    line = {"description": "Tulips", "quantity": 1, "unit_amount": 5000}
    payment = paid(shop, currency="kwd", lines=[line])

    refused = refuse(shop.world, lambda: ask(shop, payment, amount=1234))

    assert refused == (422, "amount_not_representable")


def test_a_disputed_payment_is_not_given_back(shop: Shop) -> None:
    payment = paid(shop, "createDispute")

    answer = ask(shop, payment)

    assert (answer.status, answer.code) == (409, "payment_disputed")
    assert again(shop, payment)["refund_pending"] == 0
    assert at_stripe(shop) == {}


def test_the_timeline_of_an_invoice_tells_its_refunds(shop: Shop) -> None:
    payment = pay_several(shop, 4000, 2500)
    second = payment["allocations"][1]["invoice"]
    named = [{"invoice": second, "amount": 1000}]
    refund = expect(201, ask(shop, payment, allocations=named, settle_as="reopen"))

    found = expect(200, shop.operator.get(f"/v1/invoices/{second}/timeline"))["data"]
    told = expect(200, shop.operator.get(f"/v1/invoices/{second}/explain"))

    (happening,) = [each for each in found if each["kind"].startswith("refund")]
    assert happening["kind"] == "refund_succeeded"
    assert happening["text"] == "10.00 EUR were given back; the debt came back."
    assert happening["refs"]["stripe_refund"] == refund["stripe_refund"]
    assert "given back" in told["answer"]
