"""What one charge takes, what an invoice may ask for, and what a part may leave."""

from typing import Any

import pytest

from tests.functions.shop import Shop, expect
from tests.functions.test_open_pay_link import choose, page, press
from tests.functions.world import Json

MOST = 99_999_999


def pay_by_press(shop: Shop, path: str) -> int:
    """Press Pay, pay in Stripe's page, and say what that took."""
    session = shop.press_pay(path)
    assert shop.world.press(session).status == 303
    shop.world.deliver()
    taken = shop.world.at_stripe("GET", "/v1/checkout/sessions")["data"][0]["amount_total"]
    return int(taken)


def test_rupiah_are_charged_up_to_twelve_digits(shop: Shop) -> None:
    invoice = shop.invoice(currency="idr", lines=None, total=999_999_999_999)

    assert pay_by_press(shop, shop.link(invoice)) == 999_999_999_999
    assert shop.read(invoice)["status"] == "paid"


def test_a_total_over_one_charge_is_paid_in_parts_through_one_link(shop: Shop) -> None:
    invoice = shop.invoice(lines=None, total=150_000_000)
    path = shop.link(invoice)

    shown = page(shop, path).text
    assert "€1,500,000.00 is open. One payment can be €999,999.99 at most" in shown
    assert [pay_by_press(shop, path), pay_by_press(shop, path)] == [MOST, 50_000_001]
    assert shop.read(invoice)["status"] == "paid"


def test_the_largest_part_leaves_what_a_card_can_pay(shop: Shop) -> None:
    invoice = shop.invoice(lines=None, total=MOST + 20)
    path = shop.link(invoice)

    assert [pay_by_press(shop, path), pay_by_press(shop, path)] == [MOST - 30, 50]
    assert shop.read(invoice)["status"] == "paid"


def test_what_is_paid_on_top_fits_into_the_same_charge(shop: Shop) -> None:
    module = f"/v1/payment-modules/{shop.module['id']}"
    change(shop, module, features={"surcharge": True}, fee_policy={"percent": "2.5"})
    path = shop.link(shop.invoice(lines=None, total=150_000_000))

    assert MOST - 1 <= pay_by_press(shop, path) <= MOST


def test_a_total_that_may_not_be_parted_is_told_to_be_too_large(shop: Shop) -> None:
    invoice = shop.invoice(lines=None, total=150_000_000, allow_partial=False)

    link = shop.operator.post(f"/v1/invoices/{invoice['id']}/pay-links", {})

    assert (link.status, link.json["code"], link.json["maximum"]) == (422, "amount_too_large", MOST)


def test_a_link_whose_invoice_has_grown_says_that_it_is_too_large(shop: Shop) -> None:
    invoice = shop.invoice(lines=None, total=4000, allow_partial=False)
    path = shop.link(invoice)
    change(shop, f"/v1/invoices/{invoice['id']}", total=150_000_000)

    assert "This invoice is too large for one payment" in page(shop, path).text
    assert press(shop, path).headers["location"].endswith(f"{path}?lang=en")


def test_staff_charge_a_large_total_in_parts_and_never_all_of_it(shop: Shop) -> None:
    card = shop.save_card()
    invoice = shop.invoice(lines=None, total=150_000_000)

    whole = shop.charge(invoice, payment_method=card)
    expect(201, shop.charge(invoice, payment_method=card, amount=MOST))
    rest = expect(201, shop.charge(invoice, payment_method=card))

    assert (whole.status, whole.json["code"]) == (422, "amount_too_large")
    assert rest["payment"]["gross"] == 50_000_001


def test_one_charge_for_several_invoices_is_no_more_than_one_charge_takes(shop: Shop) -> None:
    card = shop.save_card()
    owed = [shop.invoice(lines=None, total=60_000_000) for _ in range(2)]
    parts = [{"invoice": each["id"]} for each in owed]
    body = {"customer": "c-1", "allocations": parts, "payment_method": card}

    answer = shop.operator.post("/v1/charges", body)

    assert (answer.status, answer.json["code"]) == (422, "amount_too_large")
    assert [shop.read(each)["attempts"] for each in owed] == [[], []]


def test_a_bank_transfer_over_one_charges_maximum_pays_a_large_total(shop: Shop) -> None:
    invoice = shop.invoice(lines=None, total=150_000_000)
    body = {"amount": 150_000_000, "method": "bank_transfer"}

    paid = expect(201, shop.admin.post(f"/v1/invoices/{invoice['id']}/offline-payments", body))

    assert (paid["status"], paid["outstanding"]) == ("paid", 0)


def change(shop: Shop, path: str, **changes: Any) -> None:
    """Change something that nobody else has changed since it was read."""
    seen = {"if-match": shop.admin.get(path).headers["etag"]}
    expect(200, shop.admin.send("PATCH", path, changes, headers=seen))


def ask(shop: Shop, invoice: Json, way: str, amount: int) -> Any:
    """Ask for a part in one of the ways in which staff do."""
    home = f"/v1/invoices/{invoice['id']}"
    if way == "charge":
        return shop.charge(invoice, amount=amount, payment_method=shop.save_card())
    if way == "storefront":
        return shop.storefront.post(f"{home}/payment-intents", {"amount": amount})
    if way == "least":
        return shop.operator.post(f"{home}/pay-links", {"rule": "choose", "least": amount})
    return shop.operator.post(f"{home}/pay-links", {"amount": amount})


@pytest.mark.parametrize("way", ["charge", "link", "least", "storefront"])
def test_no_part_leaves_a_rest_that_no_card_can_pay(shop: Shop, way: str) -> None:
    invoice = shop.invoice()

    answer = ask(shop, invoice, way, 3980)

    assert (answer.status, answer.json["code"], answer.json["rest"]) == (
        422,
        "amount_too_small",
        20,
    )
    assert "0.20 EUR" in answer.json["detail"]
    assert ask(shop, invoice, way, 3950).status == 201


def test_a_fixed_link_of_before_leaves_what_a_card_can_pay(shop: Shop) -> None:
    invoice = shop.invoice()
    path = shop.link(invoice, amount=3000)
    body = {"amount": 980, "method": "cash"}
    expect(201, shop.admin.post(f"/v1/invoices/{invoice['id']}/offline-payments", body))

    assert [pay_by_press(shop, path), pay_by_press(shop, path)] == [2970, 50]
    assert shop.read(invoice)["status"] == "paid"


def test_a_rest_that_cash_has_left_is_told_as_what_it_is(shop: Shop) -> None:
    invoice = shop.invoice()
    path = shop.link(invoice)
    body = {"amount": 3980, "method": "cash"}
    expect(201, shop.admin.post(f"/v1/invoices/{invoice['id']}/offline-payments", body))

    said = page(shop, path).text

    assert "What is left, €0.20, is less than one online payment can be. Ask Main" in said
    assert "cannot take online payments" not in said


def test_a_payer_whose_part_would_leave_too_little_can_only_pay_all(shop: Shop) -> None:
    path = shop.link(shop.invoice(min_partial=3980), rule="choose")

    assert 'name="amount"' not in page(shop, path).text
    assert choose(shop, path, "39.80").status == 303


def test_a_modules_own_least_is_kept_for_the_rest_too(shop: Shop) -> None:
    module = f"/v1/payment-modules/{shop.module['id']}"
    change(shop, module, limits=[{"currency": "eur", "min": 1000}])
    invoice = shop.invoice()

    refused = ask(shop, invoice, "link", 3500)

    assert (refused.status, refused.json["minimum"], refused.json["rest"]) == (422, 1000, 500)
    assert ask(shop, invoice, "link", 3000).status == 201
