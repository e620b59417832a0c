"""PaymentIntents from creation to money, and the ways in which a card says no."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.conformance.surfaces.given import NO_REDIRECTS, Make

WAITING = {"amount": 1000, "currency": "usd"}


def test_a_payment_succeeds_in_one_step(pay: Make) -> None:
    paid = pay(2000, metadata={"order": "9"})

    assert (paid.status, paid.amount_received) == ("succeeded", 2000)
    assert paid.latest_charge.startswith(("ch_", "py_"))


def test_a_payment_succeeds_in_two_steps(v1: Any, customer: Any, saved: Make) -> None:
    waiting = v1.payment_intents.create({**WAITING, "customer": customer.id})
    given = {"payment_method": saved().id, "return_url": "http://127.0.0.1/back"}

    assert waiting.status == "requires_payment_method"
    assert v1.payment_intents.confirm(waiting.id, given).status == "succeeded"


def test_a_payment_is_updated_before_it_is_confirmed(v1: Any) -> None:
    waiting = v1.payment_intents.create(WAITING)
    changed = v1.payment_intents.update(waiting.id, {"amount": 1100, "metadata": {"k": "v"}})

    assert (changed.amount, changed.metadata["k"]) == (1100, "v")


def test_payments_are_listed_by_customer(v1: Any, pay: Make) -> None:
    v1.payment_intents.create(WAITING)
    paid = pay()
    found = v1.payment_intents.list({"customer": paid.customer}).data

    assert [one.id for one in found] == [paid.id]


def test_a_saved_card_is_charged_off_session(v1: Any, customer: Any, saved: Make) -> None:
    paid = v1.payment_intents.create(
        {**WAITING, "customer": customer.id, "payment_method": saved().id, "off_session": True,
         "confirm": True}
    )  # fmt: skip

    assert paid.status == "succeeded"


@pytest.fixture
def held(pay: Make) -> Any:
    return pay(3000, capture_method="manual")


def test_a_held_payment_waits_for_its_capture(held: Any) -> None:
    assert (held.status, held.amount_capturable) == ("requires_capture", 3000)


def test_a_held_payment_is_captured_in_part_and_once(v1: Any, held: Any) -> None:
    captured = v1.payment_intents.capture(held.id, {"amount_to_capture": 1200})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        v1.payment_intents.capture(held.id)

    assert (captured.status, captured.amount_received) == ("succeeded", 1200)
    assert caught.value.code == "payment_intent_unexpected_state"


def test_a_payment_is_canceled_for_a_reason(v1: Any) -> None:
    waiting = v1.payment_intents.create(WAITING)
    reason = {"cancellation_reason": "requested_by_customer"}
    canceled = v1.payment_intents.cancel(waiting.id, reason)

    assert canceled.status == "canceled"
    assert canceled.cancellation_reason == "requested_by_customer"
    assert canceled.canceled_at


def test_a_payment_that_succeeded_is_not_canceled(v1: Any, pay: Make) -> None:
    paid = pay()
    with pytest.raises(stripe.InvalidRequestError) as caught:
        v1.payment_intents.cancel(paid.id)

    assert caught.value.code == "payment_intent_unexpected_state"


def test_3d_secure_on_session_asks_the_payer(v1: Any, customer: Any, saved: Make) -> None:
    card = saved("pm_card_threeDSecure2Required")
    asked = v1.payment_intents.create(
        {**WAITING, "customer": customer.id, "payment_method": card.id, "confirm": True,
         "return_url": "http://127.0.0.1/back"}
    )  # fmt: skip

    assert asked.status == "requires_action"
    assert asked.next_action.type in {"use_stripe_sdk", "redirect_to_url"}


@pytest.fixture
def refused(v1: Any, customer: Any, saved: Make) -> Make:
    """Charge a card that says no: as it is, or saved and off session."""

    def charge(card: str, *, off_session: bool = False) -> Any:
        how = NO_REDIRECTS
        if off_session:
            card = saved(card).id
            how = {"customer": customer.id, "off_session": True}
        with pytest.raises(stripe.CardError) as caught:
            v1.payment_intents.create({**WAITING, "payment_method": card, "confirm": True, **how})
        assert caught.value.http_status == 402
        return caught.value

    return charge


def test_3d_secure_off_session_is_refused_with_the_payment(refused: Make) -> None:
    error = refused("pm_card_authenticationRequired", off_session=True)

    assert error.code == "authentication_required"
    assert error.error.payment_intent.id.startswith("pi_")


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ("pm_card_visa_chargeDeclined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
def test_a_decline_says_why_and_the_payment_remembers_it(
    v1: Any, refused: Make, card: str, reason: str
) -> None:
    error = refused(card)
    payment = v1.payment_intents.retrieve(error.error.payment_intent.id)

    assert (error.code, error.error.decline_code) == ("card_declined", reason)
    assert payment.status == "requires_payment_method"
    assert payment.last_payment_error.decline_code == reason


def test_a_card_may_be_saved_and_decline_later(refused: Make) -> None:
    error = refused("pm_card_chargeCustomerFail", off_session=True)

    assert (error.code, error.error.decline_code) == ("card_declined", "generic_decline")


def test_the_old_way_to_choose_payment_methods_is_refused(v1: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        v1.payment_intents.create({**WAITING, "payment_method_types": ["card"]})

    assert caught.value.http_status == 400
    assert caught.value.code == "payment_method_types_no_longer_supported"


def test_the_new_way_to_choose_payment_methods_is_taken(v1: Any) -> None:
    payment = v1.payment_intents.create({**WAITING, "allowed_payment_method_types": ["card"]})

    assert payment.payment_method_types == ["card"]
