"""PaymentIntents: confirmed, changed, captured, left to their session."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from local.standin import StandIn
from tests.standin.doubles import Browser, Pay, Time
from tests.standin.ways import Ways

CREATE = {"amount": 2000, "currency": "usd"}


def test_two_steps_make_one_charge_whose_fee_comes_with_its_update(
    client: stripe.StripeClient, standin: StandIn, time: Time
) -> None:
    customer = client.v1.customers.create().id
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    intent = client.v1.payment_intents.create(
        {**CREATE, "customer": customer, "payment_method": card, "description": "Invoice 2026-001"}
    )
    assert intent.status == "requires_confirmation"

    paid = client.v1.payment_intents.confirm(
        intent.id, {"off_session": True, "expand": ["latest_charge.balance_transaction"]}
    )

    charge: Any = paid.latest_charge
    assert charge.balance_transaction is None
    assert (paid.status, charge.amount, charge.description) == (
        "succeeded",
        2000,
        "Invoice 2026-001",
    )
    time.now += standin.books_after_s
    (told,) = client.v1.events.list({"type": "charge.updated"}).data
    entry = client.v1.balance_transactions.retrieve(told.data.object["balance_transaction"])
    assert told.data.previous_attributes.to_dict() == {"balance_transaction": None}
    assert (entry.amount, entry.fee, entry.net) == (2000, 88, 1912)
    assert sum(line.amount for line in entry.fee_details) == 88


def test_a_canceled_intent_never_charges(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(CREATE)
    client.v1.payment_intents.cancel(intent.id)

    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})

    assert client.v1.charges.list().data == []


def test_confirming_on_session_needs_a_way_back(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({**CREATE, "payment_method": "pm_card_visa"})

    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        client.v1.payment_intents.confirm(intent.id)


def test_a_card_of_another_customer_is_refused(client: stripe.StripeClient) -> None:
    ada, bob = client.v1.customers.create().id, client.v1.customers.create().id
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": ada}).id

    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.create({**CREATE, "customer": bob, "payment_method": card})

    assert caught.value.param == "payment_method"


def test_an_intent_declined_once_can_be_paid_with_another_card(
    client: stripe.StripeClient, pay: Pay
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(card="pm_card_visa_chargeDeclined")
    ident = caught.value.error.payment_intent.id

    paid = client.v1.payment_intents.confirm(
        ident, {"payment_method": "pm_card_visa", "off_session": True}
    )

    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    assert len(client.v1.charges.list({"payment_intent": ident}).data) == 2


def test_the_intent_of_an_open_session_is_left_to_the_session(
    client: stripe.StripeClient, browser: Browser, ways: Ways
) -> None:
    session = ways.session()
    browser.post(f"/c/pay/{session}/complete", pm="pm_card_visa_chargeDeclined")
    intent = str(client.v1.checkout.sessions.retrieve(session).payment_intent)

    for act in (client.v1.payment_intents.cancel, client.v1.payment_intents.confirm):
        with pytest.raises(stripe.InvalidRequestError, match="PaymentIntents created by Checkout"):
            act(intent)

    client.v1.checkout.sessions.expire(session)
    assert client.v1.payment_intents.retrieve(intent).status == "canceled"


def test_a_change_of_the_amount_has_to_be_agreed_to_again(
    client: stripe.StripeClient, ways: Ways
) -> None:
    asked = ways.reach("payment_intent", "requires_action")

    changed = client.v1.payment_intents.update(asked, {"amount": 2100})

    assert (changed.status, changed.next_action) == ("requires_confirmation", None)


def test_any_update_clears_the_last_error(client: stripe.StripeClient, ways: Ways) -> None:
    declined = ways.intent("pm_card_visa_chargeDeclined")
    assert client.v1.payment_intents.retrieve(declined).last_payment_error is not None

    changed = client.v1.payment_intents.update(declined, {"description": "Tea"})

    assert (changed.last_payment_error, changed.status) == (None, "requires_payment_method")


def test_a_held_charge_is_captured_through_its_intent(
    client: stripe.StripeClient, ways: Ways
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="You must capture the PaymentIntent"):
        client.v1.charges.capture(ways.charge(capture_method="manual"))


CAPTURES = [
    (2001, "amount_too_large", "amount_to_capture"), (0, "parameter_invalid_integer", "amount"),
    (-1, None, "amount_to_capture"),
]  # fmt: skip


@pytest.mark.parametrize(("amount", "code", "param"), CAPTURES)
def test_only_what_is_held_can_be_captured(
    client: stripe.StripeClient, ways: Ways, amount: int, code: str | None, param: str
) -> None:
    held = ways.intent(capture_method="manual")

    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.capture(held, {"amount_to_capture": amount})

    assert (caught.value.code, caught.value.param) == (code, param)
    assert client.v1.payment_intents.retrieve(held).status == "requires_capture"
