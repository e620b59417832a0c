"""Refunds that are pending, fail or are canceled days later."""

import pytest

from tests.functions.books import sweep
from tests.functions.refunds import (
    again,
    amounts,
    ask,
    assert_refunds_agree,
    at_stripe,
    credit,
    invoice_of,
    paid,
    payment_of,
    rows,
)
from tests.functions.shop import Shop, expect


@pytest.mark.parametrize("given_up", [False, True])
def test_what_comes_back_for_a_debt_that_was_paid_meanwhile_is_the_customers_credit(
    shop: Shop, *, given_up: bool
) -> None:
    payment = paid(shop, "refundFail")
    invoice = invoice_of(shop, payment)
    expect(201, ask(shop, payment, settle_as="reopen"))
    if given_up:
        expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/uncollectible"))
    cash = {"amount": 3000, "method": "cash"}
    expect(201, shop.operator.post(f"/v1/invoices/{invoice['id']}/offline-payments", cash))
    shop.world.advance(hours=1)
    shop.world.truth(shop.account)
    for _ in range(3):
        assert shop.world.deliver() == []

    seen = invoice_of(shop, payment)
    assert (seen["status"], seen["amounts"]["paid"]) == ("paid", 4000)
    assert seen["facets"]["exception"] == "refund_failed"
    assert again(shop, payment)["unapplied"] == 3000
    (credit,) = expect(200, shop.operator.get("/v1/customers/c-1/credit"))["data"]
    assert credit["balance"] == 3000
    found = expect(200, shop.admin.get("/v1/ledger/trial-balance"))
    told = {entry["account"]: entry["balance"] for entry in found["data"] if entry["balance"]}
    assert found["balanced"]
    assert told["customer_credit:c-1"] == -3000
    assert not {"ar:c-1", "bad_debt"} & told.keys()
    # It is spent and given back like any other credit.
    other = shop.invoice()
    spent = {"invoice": other["id"], "amount": 1000}
    expect(201, shop.operator.post(f"/v1/payments/{payment['id']}/allocations", spent))
    expect(201, ask(shop, payment, amount=2000))
    assert again(shop, payment)["unapplied"] == 0
    assert expect(200, shop.admin.get("/v1/ledger/trial-balance"))["balanced"]


def test_a_refund_that_fails_days_later_is_taken_back_and_somebody_is_told(shop: Shop) -> None:
    payment = paid(shop, "refundFail")
    refund = expect(201, ask(shop, payment, amount=1500))
    assert shop.world.deliver() == []
    assert amounts(shop, payment) == {"paid": 2500, "refunded": 1500, "credited": 1500}

    shop.world.advance(days=3)
    assert at_stripe(shop) == {}
    assert shop.world.deliver() == []

    found = expect(200, shop.operator.get(f"/v1/refunds/{refund['id']}"))
    assert (found["status"], found["failure_reason"]) == ("failed", "expired_or_canceled_card")
    assert amounts(shop, payment) == {"paid": 4000}
    seen = invoice_of(shop, payment)
    assert (seen["status"], seen["facets"]["exception"]) == ("paid", "refund_failed")
    assert again(shop, payment)["refundable"] == 4000
    (note,) = rows(shop.world, "CREDITNOTE")
    assert note["reversed_at"]["S"] == "2026-09-24T14:00:01Z"
    facts = {row["fact"]["S"].partition("#")[2] for row in rows(shop.world, "JOURNAL")}
    assert {"refund", "refund_reversed"} <= facts
    assert_refunds_agree(shop)


def test_a_page_for_a_debt_that_is_none_any_more_is_closed_by_the_sweep(shop: Shop) -> None:
    payment = paid(shop, "refundFail")
    expect(201, ask(shop, payment, settle_as="reopen"))
    url = shop.session(invoice_of(shop, payment))

    shop.world.advance(minutes=5)
    assert at_stripe(shop) == {}
    assert shop.world.deliver() == []
    shop.world.advance(minutes=3)
    assert sweep(shop)["attempts"] == 1

    assert shop.world.press(url).status != 303
    seen = invoice_of(shop, payment)
    assert (seen["status"], seen["facets"]["collection"]) == ("paid", "idle")
    assert amounts(shop, payment) == {"paid": 4000}
    assert_refunds_agree(shop)


def test_a_page_that_is_opened_while_its_debt_is_paid_is_not_put_off_to_its_end(
    shop: Shop,
) -> None:
    """The refund fails when the attempt is stored, and Stripe has not been asked for a page yet."""
    payment = paid(shop, "refundFail")
    expect(201, ask(shop, payment, settle_as="reopen"))
    assert shop.world.deliver() == []
    path, dry = shop.link(invoice_of(shop, payment)), shop.link(shop.invoice())
    shop.world.gate.arm(None)
    shop.press_pay(dry)
    asked = shop.world.gate.passed.index("POST /v1/checkout/sessions")

    def fail() -> None:
        shop.world.advance(minutes=2)
        assert at_stripe(shop) == {}
        assert shop.world.deliver() == []
        assert invoice_of(shop, payment)["status"] == "paid"

    shop.world.gate.arm(None)
    shop.world.gate.before = (asked, fail)
    answer = shop.world.public.post(f"{path}/pay", key=None)
    assert answer.headers["location"].partition("?")[0].endswith(path)
    shop.world.advance(minutes=3)
    sweep(shop)

    pages = shop.world.at_stripe("GET", "/v1/checkout/sessions")["data"]
    mine = [page for page in pages if page["metadata"].get("invoice") == payment["invoice"]]
    assert [page["status"] for page in mine] == ["expired", "complete"]
    assert invoice_of(shop, payment)["facets"]["collection"] == "idle"
    assert_refunds_agree(shop)


def test_a_customers_credit_comes_back_with_a_refund_that_failed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = shop.invoice()
    url = shop.session(invoice)
    monkeypatch.setattr(
        "payments.cases.invoices.invoicing.free_claim", lambda found, **_: found.having(claim=None)
    )
    expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/void"))
    shop.world.press(url, "refundFail")
    shop.world.deliver()
    payment = payment_of(shop, invoice)
    expect(201, ask(shop, payment))
    assert credit(shop.world) == 0

    shop.world.advance(minutes=2)
    assert at_stripe(shop) == {}
    assert shop.world.deliver() == []

    assert (credit(shop.world), again(shop, payment)["unapplied"]) == (4000, 4000)
    assert_refunds_agree(shop)


@pytest.mark.parametrize("heard", ["by webhook", "by the sweep"])
def test_a_pending_refund_is_booked_when_it_succeeds(shop: Shop, heard: str) -> None:
    payment = paid(shop, "pendingRefund")
    if heard == "by the sweep":
        shop.world.control("webhooks", mode="drop")

    answer = expect(202, ask(shop, payment, amount=1500))

    assert answer["status"] == "pending"
    assert amounts(shop, payment) == {"paid": 4000, "refund_pending": 1500}
    assert_refunds_agree(shop)
    shop.world.advance(days=1)
    assert shop.world.deliver() == []
    sweep(shop)
    assert amounts(shop, payment) == {"paid": 2500, "refunded": 1500, "credited": 1500}
    assert_refunds_agree(shop)


def test_a_pending_refund_is_asked_about_once_a_day(shop: Shop) -> None:
    payment = paid(shop, "refundRequiresAction")
    shop.world.control("webhooks", mode="drop")
    assert expect(202, ask(shop, payment))["status"] == "requires_action"

    asked = []
    for _ in range(3):
        shop.world.advance(days=1)
        asked += [sweep(shop)["refunds"], sweep(shop)["refunds"]]

    assert asked == [1, 0] * 3
    assert_refunds_agree(shop)


def test_a_refund_that_is_canceled_frees_what_was_reserved(shop: Shop) -> None:
    payment = paid(shop, "refundRequiresAction")
    refund = expect(202, ask(shop, payment, amount=1500))

    shop.world.at_stripe("POST", f"/v1/refunds/{refund['stripe_refund']}/cancel")
    assert shop.world.deliver() == []

    found = expect(200, shop.operator.get(f"/v1/refunds/{refund['id']}"))
    assert found["status"] == "canceled"
    assert amounts(shop, payment) == {"paid": 4000}
    assert again(shop, payment)["refundable"] == 4000
    assert_refunds_agree(shop)
