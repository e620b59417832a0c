"""Mails through the whole stack: the table's stream, the sender's role, the emulated SES."""

from collections.abc import Callable

import pytest

from local.stack import Stack
from tests.stack.shop import Shop, eventually, new_key

SELLER = "seller@shop.example"


@pytest.mark.claim("CR-9")
def test_a_sale_is_confirmed_to_the_buyer_and_to_the_seller_by_one_mail_each(
    stack: Stack, shop: Shop, deliver: Callable[[str], None]
) -> None:
    shop.client("admin").patch("/v1/settings", {"seller_email": SELLER})
    deliver("duplicate")
    buyer = f"{new_key()}@buyer.example"
    invoice = shop.invoice(shop.customer(email=buyer))
    shop.pay_at(shop.open_checkout(shop.link(invoice)))
    number = shop.settled(invoice)["number"]

    def sales() -> list[object]:
        return [mail for mail in stack.mails(SELLER) if number in mail["subject"]]

    (mail,) = eventually(lambda: stack.mails(buyer), bool)
    eventually(sales, bool)
    deliver("reorder")
    stack.run_schedule("SendNotificationsSchedule")
    assert "40.00" in mail["subject"]
    assert "40.00" in mail["html"]
    assert len(stack.mails(buyer)) == len(sales()) == 1


@pytest.mark.claim("CR-10")
def test_a_payer_without_funds_is_told_to_use_another_method(stack: Stack, shop: Shop) -> None:
    buyer = f"{new_key()}@buyer.example"
    customer = shop.customer(email=buyer)
    card = shop.save_card(customer, "pm_card_chargeCustomerFail")
    invoice = shop.invoice(customer)
    answer = shop.charge(invoice, payment_method=card)

    (mail,) = eventually(lambda: stack.mails(buyer), bool)
    assert answer.status == 402
    assert shop.read(invoice)["status"] == "open"
    assert "another card" in mail["text"]
    assert f"{stack.api}/p/" in mail["text"]
    assert "insufficient" not in mail["text"]


@pytest.mark.claim("OH-8", "OH-9")
def test_a_link_is_mailed_with_the_invoice_as_pdf_and_the_merchants_message(
    stack: Stack, shop: Shop
) -> None:
    buyer = f"{new_key()}@buyer.example"
    invoice = shop.invoice(shop.customer(email=buyer))
    link = shop.link(invoice, message="Danke <b>sehr</b>", send={})

    (mail,) = eventually(lambda: stack.mails(buyer), bool)
    (file,) = mail["files"]
    assert f"{stack.api}{link}" in mail["text"]
    assert "Danke &lt;b&gt;sehr&lt;/b&gt;" in mail["html"]
    assert file["kind"] == "application/pdf"
