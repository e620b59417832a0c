"""Money that came too late or is too much: given back once, or the customer's credit."""

import pytest

from payments.edge import runtime
from payments.facts.settings import Settings
from tests.functions.books import sweep
from tests.functions.refunds import (
    CREATE,
    again,
    amounts,
    assert_refunds_agree,
    at_stripe,
    charge_of,
    credit,
    invoice_of,
    ledger,
    paid_after_void,
    pay_in_cash,
    payment_of,
    rows,
    settle_refunds,
    tell,
)
from tests.functions.shop import Shop, expect
from tests.functions.world import Json, secret_key


def test_money_for_a_void_invoice_is_given_back_by_the_sweep_if_the_tenant_wants_that(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.store().save(Settings(tenant="tulips", late_payment="refund"))

    payment = paid_after_void(shop, monkeypatch)

    assert (payment["unapplied"], payment["returned"], payment["refund_pending"]) == (0, 4000, 4000)
    assert [refund["origin"] for refund in payment["refunds"]] == ["late_payment"]
    assert invoice_of(shop, payment)["facets"]["exception"] == "paid_late"
    assert_refunds_agree(shop)
    assert sweep(shop)["refunds"] == 1
    assert again(shop, payment)["status"] == "refunded"
    assert list(at_stripe(shop).values()) == [4000]
    assert invoice_of(shop, payment)["facets"]["exception"] == "none"
    assert_refunds_agree(shop)
    assert shop.world.deliver() == []
    assert_refunds_agree(shop)


def test_a_late_refund_that_stripe_refuses_leaves_the_money_to_the_customer(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.store().save(Settings(tenant="tulips", late_payment="refund"))
    payment = paid_after_void(shop, monkeypatch)
    shop.world.control("keys", key=secret_key("tulips"), allow=["refunds.read"])

    sweep(shop)

    assert credit(shop.world) == 4000
    assert again(shop, payment)["unapplied"] == 4000
    assert [refund["status"] for refund in again(shop, payment)["refunds"]] == ["failed"]
    assert_refunds_agree(shop)


def overpaid(shop: Shop, monkeypatch: pytest.MonkeyPatch, card: str = "visa") -> Json:
    """40.00 for an invoice that asks for 25.00 by then: it was changed beside its open page."""
    invoice = shop.invoice()
    url = shop.session(invoice)
    headers = {"if-match": f'"{shop.read(invoice)["version"]}"'}
    with monkeypatch.context() as patch:
        patch.setattr(
            "payments.cases.invoices.invoicing.free_claim",
            lambda found, **_: found.having(claim=None),
        )
        path = f"/v1/invoices/{invoice['id']}"
        expect(200, shop.operator.send("PATCH", path, {"total": 2500}, headers=headers))
    shop.world.press(url, card)
    assert shop.world.deliver() == []
    return payment_of(shop, invoice)


def hear_of_it_again(shop: Shop, payment: Json) -> None:
    tell(shop, "payment_intent.succeeded", payment["note"]["payment_intent"])
    tell(shop, "charge.succeeded", charge_of(payment))


def test_what_is_too_much_is_given_back_once_by_the_sweep_if_the_tenant_wants_that(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.store().save(Settings(tenant="tulips", overpayment="refund"))

    payment = overpaid(shop, monkeypatch)

    assert payment["allocations"] == [{"invoice": payment["invoice"], "amount": 2500}]
    assert (payment["unapplied"], payment["returned"], payment["refund_pending"]) == (0, 1500, 1500)
    assert [refund["origin"] for refund in payment["refunds"]] == ["overpayment"]
    assert (credit(shop.world), at_stripe(shop)) == (0, {})
    assert invoice_of(shop, payment)["facets"]["exception"] == "overpaid"
    assert_refunds_agree(shop)
    hear_of_it_again(shop, payment)
    assert sweep(shop)["refunds"] == 1
    assert shop.world.deliver() == []
    hear_of_it_again(shop, payment)
    settle_refunds(shop)

    assert again(shop, payment)["status"] == "partially_refunded"
    assert list(at_stripe(shop).values()) == [1500]
    assert len(rows(shop.world, "REFUND")) == 1
    assert (credit(shop.world), ledger(shop)["customer_credit:c-1"]) == (0, 0)
    seen = invoice_of(shop, payment)
    assert (seen["status"], seen["facets"]["exception"]) == ("paid", "none")
    assert amounts(shop, payment) == {"paid": 2500}
    path = f"/v1/invoices/{payment['invoice']}/explain"
    told = expect(200, shop.operator.get(path))["next"]
    assert told == "More came than was asked for: 15.00 EUR were given back."
    assert_refunds_agree(shop)


@pytest.mark.parametrize("how", ["refused", "failed", "canceled"])
def test_what_is_too_much_and_cannot_be_given_back_is_the_customers_credit(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    runtime.store().save(Settings(tenant="tulips", overpayment="refund"))
    cards = {"failed": "refundFail", "canceled": "refundRequiresAction"}
    payment = overpaid(shop, monkeypatch, cards.get(how, "visa"))
    if how == "refused":
        shop.world.control("keys", key=secret_key("tulips"), allow=["refunds.read"])

    sweep(shop)
    if how == "canceled":
        (made,) = shop.world.truth(shop.account)["refunds"]
        shop.world.at_stripe("POST", f"{CREATE}/{made['id']}/cancel")
    shop.world.advance(days=1)
    assert at_stripe(shop) == {}
    assert shop.world.deliver() == []

    assert (credit(shop.world), again(shop, payment)["unapplied"]) == (1500, 1500)
    assert invoice_of(shop, payment)["facets"]["exception"] == "overpaid"
    status = "canceled" if how == "canceled" else "failed"
    assert [refund["status"] for refund in again(shop, payment)["refunds"]] == [status]
    path = f"/v1/invoices/{payment['invoice']}/explain"
    assert "customer's credit" in expect(200, shop.operator.get(path))["next"]
    assert_refunds_agree(shop)


def test_what_is_too_much_and_what_is_too_late_are_decided_apart(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    late_only = Settings(tenant="tulips", late_payment="refund")
    runtime.store().save(late_only)
    much = overpaid(shop, monkeypatch)
    late = paid_after_void(shop, monkeypatch)
    assert [payment["unapplied"] for payment in (much, late)] == [1500, 0]

    seen = runtime.store().settings("tulips")
    runtime.store().save(seen.having(late_payment="credit", overpayment="refund"), seen)
    much = overpaid(shop, monkeypatch)
    late = paid_after_void(shop, monkeypatch)
    assert [payment["unapplied"] for payment in (much, late)] == [0, 4000]
    assert_refunds_agree(shop)


def test_what_is_too_much_outside_of_stripe_is_credit_whatever_the_tenant_wants(
    shop: Shop,
) -> None:
    runtime.store().save(Settings(tenant="tulips", overpayment="refund"))

    payment = pay_in_cash(shop, 5000)

    assert (payment["unapplied"], credit(shop.world), payment["refunds"]) == (1000, 1000, [])
    settle_refunds(shop)
    assert rows(shop.world, "REFUND") == []
