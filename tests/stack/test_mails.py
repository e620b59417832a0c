"""Mails through the whole stack: the table's stream, the sender's role, the emulated SES."""

from local.stack import Stack
from tests.stack.shop import Shop, eventually


def test_a_payment_is_confirmed_to_the_buyer_by_one_mail(stack: Stack, shop: Shop) -> None:
    customer = shop.customer(email="one@buyer.example")
    invoice = shop.invoice(customer)
    shop.pay_at(shop.open_checkout(shop.link(invoice)))
    shop.settled(invoice)

    (mail,) = eventually(lambda: stack.mails("one@buyer.example"), bool)
    assert "€40.00" in mail["subject"]
    assert "€40.00" in mail["html"]
