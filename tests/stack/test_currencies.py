"""Every currency by its own rules, through HTTP: what can be written down, charged and read."""

from http import HTTPStatus
from typing import Any

import pytest

from local.stack.stack import Stack
from tests.stack.shop import Shop, eventually, new_key

#: Zero, two and three decimals, and the special cases; as the receipt writes the amount.
PAID = {
    "jpy": (500, "¥500"),
    "krw": (1000, "₩1,000"),
    "kwd": (12_340, "KWD 12.340"),
    "bhd": (10, "BHD 0.010"),
    "isk": (50_000, "ISK 500"),
    "huf": (17_500, "HUF 175.00"),
    "twd": (12_345, "NT$123.45"),
    "usd": (50, "$0.50"),
}
REFUSED = {
    ("kwd", 12_345): "amount_not_representable",
    ("bhd", 1): "amount_not_representable",
    ("isk", 50_050): "amount_not_representable",
    ("ugx", 500_000): "currency_not_supported",
    ("btc", 500): "currency_not_supported",
}
TOO_SMALL = {"jpy": (49, 50), "usd": (49, 50), "huf": (17_499, 17_500), "gbp": (29, 30)}


@pytest.mark.claim("IC-12")
@pytest.mark.parametrize("currency", PAID)
def test_an_invoice_is_paid_booked_and_told_in_its_own_currency(
    stack: Stack, shop: Shop, currency: str
) -> None:
    total, written = PAID[currency]
    buyer = f"{new_key()}@buyer.example"
    invoice = shop.invoice(shop.customer(email=buyer), total, currency=currency)
    shop.payment(invoice)

    (charge,) = shop.charges(invoice)
    assert (charge["amount"], charge["currency"]) == (total, currency)
    amounts = shop.read(invoice)["amounts"]
    assert (amounts["currency"], amounts["paid"], amounts["outstanding"]) == (currency, total, 0)
    (mail,) = eventually(lambda: stack.mails(buyer), bool)
    assert written in mail["subject"].replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.claim("IC-12")
@pytest.mark.parametrize(("currency", "total"), REFUSED)
def test_what_a_currency_does_not_have_is_refused_with_its_code_and_nothing_is_made(
    shop: Shop, currency: str, total: int
) -> None:
    number = f"N-{new_key()}"
    refused = create(shop, number, currency, total)

    assert refused.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert refused.json["code"] == REFUSED[currency, total]
    # The number was not taken, and the same key says the same.
    assert create(shop, number, "eur", 500).status == HTTPStatus.CREATED


@pytest.mark.claim("IC-12")
@pytest.mark.parametrize("currency", TOO_SMALL)
def test_less_than_stripe_charges_in_a_currency_is_not_asked_for(shop: Shop, currency: str) -> None:
    total, least = TOO_SMALL[currency]
    customer = shop.customer()
    small = shop.invoice(customer, total, currency=currency)
    links = f"/v1/invoices/{small}/pay-links"
    refused = shop.client().post(links, {}, idempotency_key=new_key())

    assert (refused.status, refused.json["code"]) == (422, "amount_too_small")
    assert refused.json["minimum"] == least
    assert shop.link(shop.invoice(customer, least, currency=currency))


@pytest.mark.claim("IC-12")
def test_more_than_stripe_charges_at_once_is_asked_for_in_parts_or_not_at_all(shop: Shop) -> None:
    whole = shop.invoice(shop.customer(), 99_999_999 * 2, allow_partial=False)
    links = f"/v1/invoices/{whole}/pay-links"
    refused = shop.client().post(links, {}, idempotency_key=new_key())

    assert (refused.status, refused.json["code"]) == (422, "amount_too_large")
    assert refused.json["maximum"] == 99_999_999
    assert shop.link(shop.invoice(shop.customer(), 99_999_999 * 2))


@pytest.mark.claim("IC-12")
def test_the_list_of_currencies_says_what_is_refused_and_what_is_not(shop: Shop) -> None:
    answer = shop.client("storefront").get("/v1/currencies")
    listed = {each["currency"]: each for each in answer.json["data"]}

    assert "ugx" not in listed
    assert listed["kwd"] == {
        "currency": "kwd",
        "decimals": 3,
        "step": 10,
        "least": 10,
        "most": 99_999_990,
    }
    assert (listed["jpy"]["decimals"], listed["isk"]["step"]) == (0, 100)
    for currency, (_, least) in TOO_SMALL.items():
        assert listed[currency]["least"] == least
    for currency in PAID:
        assert (
            create(shop, f"N-{new_key()}", currency, listed[currency]["step"] * 200).status == 201
        )


def create(shop: Shop, number: str, currency: str, total: int) -> Any:
    body = {
        "number": number,
        "module": shop.module,
        "customer": shop.customer(),
        "currency": currency,
        # What no single position may cost, a sum may.
        "lines": [{"description": "Tulips", "quantity": 2, "unit_amount": total // 2}]
        if total % 2 == 0
        else [{"description": "Tulips", "quantity": 1, "unit_amount": total}],
    }
    return shop.client("storefront").post("/v1/invoices", body, idempotency_key=new_key())
