"""A charge off session that the bank refuses is confirmed by its payer, in the same intent."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stripe

from tests.standin.doubles import Browser, Time

ASKING = "pm_card_authenticationRequired"
BACK = "http://127.0.0.1/p/token/return?lang=de"
DECLINES_AFTER = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"


class Refused:
    """A saved card that was charged while its owner was away, in an account of a platform's."""

    def __init__(self, client: stripe.StripeClient, card: str = ASKING) -> None:
        self.v1 = client.v1
        account = client.v1.accounts.create({
            "country": "DE",
            "capabilities": {"card_payments": {"requested": True}},
        })  # fmt: skip
        self.options: Any = {"stripe_account": account.id}
        customer = self.v1.customers.create({}, self.options).id
        self.card = self.v1.payment_methods.attach(card, {"customer": customer}, self.options).id
        self.ident = self.v1.payment_intents.create(
            {
                "amount": 5000, "currency": "usd", "customer": customer,
                "payment_method": self.card, "application_fee_amount": 500,
                "allowed_payment_method_types": ["card"],
            },
            self.options,
        ).id  # fmt: skip
        with pytest.raises(stripe.CardError) as caught:
            self.v1.payment_intents.confirm(self.ident, {"off_session": True}, self.options)
        self.error = caught.value

    def confirm(self, key: str = "confirm:1") -> Any:
        given = {"payment_method": self.card, "off_session": False, "return_url": BACK}
        options = {**self.options, "idempotency_key": key}
        return self.v1.payment_intents.confirm(self.ident, given, options)

    def found(self) -> Any:
        return self.v1.payment_intents.retrieve(self.ident, {}, self.options)

    def charges(self) -> list[Any]:
        return self.v1.charges.list({"payment_intent": self.ident}, self.options).data


@pytest.fixture
def refused(client: stripe.StripeClient) -> Refused:
    return Refused(client)


def test_what_is_left_names_the_card_that_may_be_confirmed(refused: Refused) -> None:
    intent = refused.found()

    assert refused.error.code == "authentication_required"
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error.payment_method.id == refused.card
    assert intent.last_payment_error.code == "authentication_required"


def test_confirmed_on_session_it_leads_to_the_bank_and_back(
    refused: Refused, client: stripe.StripeClient, browser: Browser, time: Time
) -> None:
    asked = refused.confirm()
    assert (asked.status, asked.last_payment_error) == ("requires_action", None)
    assert asked.next_action.redirect_to_url.return_url == BACK

    answer = browser.post(asked.next_action.redirect_to_url.url, outcome="pass")

    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert (back["lang"], back["payment_intent"]) == (["de"], [refused.ident])
    assert back["redirect_status"] == ["succeeded"]
    assert refused.found().status == "succeeded"
    assert [charge.amount for charge in refused.charges()] == [5000]
    time.now += 1
    # The platform's part is taken, though it was not its key that ended the payment.
    assert [fee.amount for fee in client.v1.application_fees.list().data] == [500]


def test_a_payer_who_refuses_leaves_it_open_for_another_try(
    refused: Refused, browser: Browser
) -> None:
    url = refused.confirm().next_action.redirect_to_url.url
    answer = browser.post(url, outcome="fail")
    assert "redirect_status=failed" in answer.headers["Location"]
    assert refused.found().last_payment_error.code == "payment_intent_authentication_failure"
    # The same request is the same answer; another try is another request.
    assert refused.confirm("confirm:1").status == "requires_action"
    assert refused.found().status == "requires_payment_method"

    asked = refused.confirm("confirm:2")
    browser.post(asked.next_action.redirect_to_url.url, outcome="pass")

    assert refused.found().status == "succeeded"
    assert len(refused.charges()) == 1


def test_whoever_comes_to_the_bank_after_a_cancel_is_led_back_and_pays_nothing(
    refused: Refused, browser: Browser
) -> None:
    url = refused.confirm().next_action.redirect_to_url.url
    refused.v1.payment_intents.cancel(refused.ident, {}, refused.options)

    for answer in (browser.get(url), browser.post(url, outcome="pass")):
        assert "redirect_status=failed" in answer.headers["Location"]

    assert (refused.found().status, refused.charges()) == ("canceled", [])


def test_the_bank_may_decline_once_its_customer_has_confirmed(
    client: stripe.StripeClient, browser: Browser
) -> None:
    refused = Refused(client, DECLINES_AFTER)
    asked = refused.confirm()

    answer = browser.post(asked.next_action.redirect_to_url.url, outcome="pass")

    assert "redirect_status=failed" in answer.headers["Location"]
    assert refused.found().last_payment_error.decline_code == "insufficient_funds"
