"""3-D Secure through the whole stack: the same payment waits for its payer, and goes on."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.stack.client import Answer, Client
from local.stack.stack import Stack
from tests.stack.shop import FORM, Shop, control, eventually, new_key, required

ASKING = "pm_card_authenticationRequired"


def wait_for_payer(shop: Shop, **customer: object) -> tuple[str, Any]:
    """Charge the card of a bank that wants its owner; give the invoice and the answer."""
    owner = shop.customer(**customer)
    card, invoice = shop.save_card(owner, ASKING), shop.invoice(owner)
    return invoice, required(shop.charge(invoice, payment_method=card), HTTPStatus.ACCEPTED)


def press(stack: Stack, link: str, button: str) -> Answer:
    client = Client(stack.api)
    return client.send(
        "POST", f"{urlsplit(link).path}/{button}", b"", headers={"content-type": FORM}
    )


def follow(stack: Stack, back: str) -> Answer:
    address = urlsplit(back)
    return Client(stack.api).get(f"{address.path}?{address.query}")


@pytest.mark.claim("OM-2")
def test_a_bank_that_wants_the_owner_is_answered_by_a_link_on_which_the_same_payment_goes_on(
    stack: Stack, shop: Shop
) -> None:
    buyer = f"{new_key()}@buyer.example"
    invoice, answer = wait_for_payer(shop, email=buyer)
    assert answer["attempt"]["status"] == "action_required"
    assert shop.read(invoice)["facets"]["collection"] == "action_required"
    (mail,) = eventually(lambda: stack.mails(buyer), bool)
    assert urlsplit(answer["pay_link"]).path in mail["html"]
    page = Client(stack.api).get(urlsplit(answer["pay_link"]).path)
    assert "Your bank wants you to confirm this payment" in page.text

    control(stack, "webhooks", {"mode": "drop"})
    try:
        bank = press(stack, answer["pay_link"], "confirm")
        assert bank.status == HTTPStatus.SEE_OTHER
        follow(stack, shop.answer_bank(bank.headers["location"]))
        assert shop.read(invoice)["status"] == "paid"
    finally:
        control(stack, "webhooks", {"mode": "deliver"})

    (intent,) = shop.intents(invoice)
    assert intent["status"] == "succeeded"
    assert [charge["amount"] for charge in shop.charges(invoice)] == [4000]
    subjects = eventually(
        lambda: [mail["subject"] for mail in stack.mails(buyer)], lambda seen: len(seen) > 1
    )
    assert sum("confirm" in subject for subject in subjects) == 1


@pytest.mark.claim("CR-10")
def test_a_payer_whose_bank_says_no_is_told_and_pays_with_another_card(
    stack: Stack, shop: Shop
) -> None:
    buyer = f"{new_key()}@buyer.example"
    invoice, answer = wait_for_payer(shop, email=buyer)
    bank = press(stack, answer["pay_link"], "confirm")
    follow(stack, shop.answer_bank(bank.headers["location"], "fail"))

    seen = shop.settled(invoice, "open")
    assert [each["status"] for each in seen["attempts"]] == ["failed"]
    mails = eventually(lambda: stack.mails(buyer), lambda seen: len(seen) > 1)
    assert "did not go through" in mails[-1]["subject"] + mails[0]["subject"]
    checkout = press(stack, answer["pay_link"], "pay").headers["location"]
    shop.pay_at(checkout)
    shop.settled(invoice)
    assert [charge["amount"] for charge in shop.charges(invoice)] == [4000]


def test_staff_who_cancel_close_the_payment_at_stripe(stack: Stack, shop: Shop) -> None:
    invoice, answer = wait_for_payer(shop)
    bank = press(stack, answer["pay_link"], "confirm").headers["location"]

    path = f"/v1/attempts/{answer['attempt']['id']}/cancel"
    canceled = required(shop.client().post(path, {}, idempotency_key=new_key()), HTTPStatus.OK)

    assert canceled["status"] == "canceled"
    shop.answer_bank(bank)
    (intent,) = shop.intents(invoice)
    assert (intent["status"], shop.charges(invoice)) == ("canceled", [])
