"""Test cards behave by their id."""

from __future__ import annotations

import pytest
import stripe

from local.standin import StandIn
from tests.standin.doubles import Browser, Pay, Time

DECLINES = [
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
    ("pm_card_radarBlock", "card_declined", "fraudulent"),
]


@pytest.mark.parametrize(("card", "code", "decline_code"), DECLINES)
def test_a_declining_card_leaves_a_failed_charge_and_a_payable_intent(
    client: stripe.StripeClient, pay: Pay, card: str, code: str, decline_code: str
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(card=card)

    error = caught.value.error
    assert (caught.value.http_status, error.code, error.decline_code) == (402, code, decline_code)
    intent = client.v1.payment_intents.retrieve(error.payment_intent.id)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.decline_code == decline_code
    charge = client.v1.charges.retrieve(error.charge)
    assert (charge.status, charge.paid, charge.id) == ("failed", False, intent.latest_charge)


def test_the_bank_gives_advice_with_its_decline(pay: Pay) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(card="pm_card_visa_chargeDeclinedLostCard")

    assert caught.value.error.advice_code == "do_not_try_again"
    assert caught.value.error.network_decline_code == "41"


def test_radar_blocks_before_the_network_hears_of_it(client: stripe.StripeClient, pay: Pay) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(card="pm_card_radarBlock")

    outcome = client.v1.charges.retrieve(caught.value.error.charge).outcome
    assert (outcome.type, outcome.network_status) == ("blocked", "not_sent_to_network")


def test_a_card_that_the_bank_refuses_cannot_be_saved(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create()

    with pytest.raises(stripe.CardError):
        client.v1.payment_methods.attach("pm_card_visa_chargeDeclined", {"customer": customer.id})

    assert client.v1.customers.payment_methods.list(customer.id).data == []


def test_a_card_may_save_and_decline_later(client: stripe.StripeClient, pay: Pay) -> None:
    customer = client.v1.customers.create().id
    card = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer}).id

    with pytest.raises(stripe.CardError) as caught:
        pay(card=card, customer=customer)

    assert caught.value.error.decline_code == "generic_decline"


def test_the_bank_wants_the_payer_who_is_not_there(client: stripe.StripeClient, pay: Pay) -> None:
    customer = client.v1.customers.create().id
    method = client.v1.payment_methods.attach(
        "pm_card_authenticationRequired", {"customer": customer}
    )

    with pytest.raises(stripe.CardError) as caught:
        pay(card=method.id, customer=customer)

    assert caught.value.code == "authentication_required"
    assert caught.value.error.payment_intent.status == "requires_payment_method"


def test_a_card_set_up_once_is_charged_without_its_owner(
    client: stripe.StripeClient, browser: Browser, pay: Pay
) -> None:
    customer = client.v1.customers.create().id
    intent = client.v1.setup_intents.create(
        {
            "customer": customer, "payment_method": "pm_card_authenticationRequiredOnSetup",
            "confirm": True, "return_url": "http://127.0.0.1/back",
        }
    )  # fmt: skip
    assert intent.status == "requires_action"

    answer = browser.post(intent.next_action.redirect_to_url.url, outcome="pass")

    assert answer.headers["Location"].startswith("http://127.0.0.1/back?setup_intent=seti_")
    (saved,) = client.v1.customers.payment_methods.list(customer).data
    assert pay(card=saved.id, customer=customer).status == "succeeded"


def test_a_payer_who_confirms_pays_and_one_who_refuses_does_not(
    client: stripe.StripeClient, browser: Browser
) -> None:
    given = {
        "amount": 2000, "currency": "usd", "payment_method": "pm_card_threeDSecure2Required",
        "confirm": True, "return_url": "http://127.0.0.1/back",
    }  # fmt: skip
    for outcome, status in (("pass", "succeeded"), ("fail", "requires_payment_method")):
        intent = client.v1.payment_intents.create(given)
        assert intent.status == "requires_action"
        browser.post(intent.next_action.redirect_to_url.url, outcome=outcome)
        assert client.v1.payment_intents.retrieve(intent.id).status == status


def test_a_bank_debit_is_processing_and_clears_days_later(
    standin: StandIn, client: stripe.StripeClient, pay: Pay, time: Time
) -> None:
    paid = pay(card="pm_usBankAccount")
    bounced = pay(card="pm_usBankAccount_noAccount")
    assert {paid.status, bounced.status} == {"processing"}

    time.now += 5 * 24 * 3600
    standin.run_jobs()

    assert client.v1.payment_intents.retrieve(paid.id).status == "succeeded"
    failed = client.v1.payment_intents.retrieve(bounced.id)
    assert (failed.status, failed.last_payment_error.code) == (
        "requires_payment_method", "no_account",
    )  # fmt: skip


def test_a_loose_card_is_spent_after_one_payment(client: stripe.StripeClient, pay: Pay) -> None:
    method = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    pay(card=method.id)

    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        pay(card=method.id)


@pytest.mark.parametrize("number", ["4242424242424242", "5555 5555 5555 4444"])
def test_a_test_number_makes_its_card(client: stripe.StripeClient, number: str) -> None:
    card = {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123"}

    assert (
        client.v1.payment_methods.create({"type": "card", "card": card}).card.last4 == number[-4:]
    )


def test_a_number_that_is_no_test_card_is_refused(client: stripe.StripeClient) -> None:
    card = {"number": "4111111111111112", "exp_month": 12, "exp_year": 2034}

    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_methods.create({"type": "card", "card": card})

    assert caught.value.code == "incorrect_number"


def test_nobody_there_to_authenticate_means_that_no_charge_is_made(
    client: stripe.StripeClient, pay: Pay
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(card="pm_card_threeDSecure2Required")

    intent = caught.value.error.payment_intent
    assert (caught.value.code, intent.latest_charge) == ("authentication_required", None)
    assert client.v1.charges.list().data == []
    assert client.v1.events.list().data[0].type == "payment_intent.payment_failed"


def test_a_card_that_has_expired_since_it_was_saved_is_declined(
    client: stripe.StripeClient, pay: Pay, time: Time
) -> None:
    customer = client.v1.customers.create().id
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    assert pay(card=card, customer=customer).status == "succeeded"

    time.now += 3 * 365 * 24 * 3600

    with pytest.raises(stripe.CardError) as caught:
        pay(card=card, customer=customer)
    assert (caught.value.code, caught.value.param) == ("expired_card", "exp_month")
