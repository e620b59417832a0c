"""The PaymentIntent's states, and what each forbids."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from local.standin.payments.states import INTENT
from tests.standin.doubles import Pay

CREATE = {"amount": 2000, "currency": "usd"}
CARD_ONLY = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}


VISA = {**CREATE, **CARD_ONLY, "payment_method": "pm_card_visa"}
MAKERS: dict[str, dict[str, Any]] = {
    "requires_payment_method": CREATE,
    "requires_confirmation": VISA,
    "requires_action": {
        **VISA, "payment_method": "pm_card_threeDSecure2Required", "confirm": True,
    },
    "processing": {**VISA, "payment_method": "pm_usBankAccount", "confirm": True},
    "requires_capture": {**VISA, "capture_method": "manual", "confirm": True},
    "succeeded": {**VISA, "confirm": True},
    "canceled": CREATE,
}  # fmt: skip


def in_state(client: stripe.StripeClient, state: str) -> Any:
    intent = client.v1.payment_intents.create(MAKERS[state])
    return client.v1.payment_intents.cancel(intent.id) if state == "canceled" else intent


OPERATIONS = {
    "confirm": {"payment_method": "pm_card_visa", "return_url": "http://127.0.0.1/b"},
    "cancel": {},
    "capture": {},
    "update": {"amount": 2100},
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("state", INTENT.table)
def test_an_operation_outside_its_states_is_a_conflict(
    client: stripe.StripeClient, state: str, operation: str
) -> None:
    intent = in_state(client, state)
    assert intent.status == state
    act = getattr(client.v1.payment_intents, operation)

    if operation in INTENT.table[state]:
        act(intent.id, OPERATIONS[operation])
        return
    with pytest.raises(stripe.InvalidRequestError) as caught:
        act(intent.id, OPERATIONS[operation])

    assert caught.value.code == "payment_intent_unexpected_state"
    assert client.v1.payment_intents.retrieve(intent.id).status == state


def test_two_steps_make_one_charge_with_its_fee_known_at_once(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create().id
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    intent = client.v1.payment_intents.create(
        {**CREATE, "customer": customer, "payment_method": card, "description": "Invoice 2026-001"}
    )
    assert intent.status == "requires_confirmation"

    paid = client.v1.payment_intents.confirm(
        intent.id, {"off_session": True, "expand": ["latest_charge.balance_transaction"]}
    )

    charge = paid.latest_charge
    assert (paid.status, charge.amount, charge.description) == (
        "succeeded",
        2000,
        "Invoice 2026-001",
    )
    entry = charge.balance_transaction
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
