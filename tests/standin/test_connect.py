"""Connect: onboarding, OAuth, whose objects and whose money."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stripe

from local.standin import StandIn
from tests.standin.doubles import Browser, Connect, Pay

LINK = {
    "refresh_url": "http://127.0.0.1:9/refresh", "return_url": "http://127.0.0.1:9/return",
    "type": "account_onboarding",
}  # fmt: skip


@pytest.fixture
def account(client: stripe.StripeClient) -> Any:
    return client.v1.accounts.create({"country": "US", "email": "shop@example.com"})


def test_onboarding_enables_charges_and_tells_the_platform(
    client: stripe.StripeClient, browser: Browser, standin: StandIn, account: Any
) -> None:
    client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hook", "enabled_events": ["account.updated"], "connect": True}
    )
    assert account.charges_enabled is False
    url = client.v1.account_links.create({"account": account.id, **LINK}).url
    assert "Agree and submit" in browser.get(url).body.decode()

    answer = browser.post(url)

    assert (answer.status, answer.headers["Location"]) == (303, LINK["return_url"])
    assert client.v1.accounts.retrieve(account.id).charges_enabled is True
    heard = []
    standin.deliveries.run_due(lambda _url, _headers, body: heard.append(body) or 200)
    (event,) = map(json.loads, heard)
    assert (event["type"], event["account"]) == ("account.updated", account.id)


def test_an_onboarding_link_opens_once(
    client: stripe.StripeClient, browser: Browser, account: Any
) -> None:
    url = client.v1.account_links.create({"account": account.id, **LINK}).url
    browser.get(url)

    assert browser.get(url).headers["Location"] == LINK["refresh_url"]


def test_consent_gives_a_code_that_connects_once(
    client: stripe.StripeClient, connect: Connect, browser: Browser
) -> None:
    answer = browser.post(
        "http://127.0.0.1/oauth/authorize",
        client_id="ca_1", redirect_uri="http://127.0.0.1:9/cb", state="s1", scope="read_write",
    )  # fmt: skip
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert back["state"] == ["s1"]
    code = {"grant_type": "authorization_code", "code": back["code"][0]}
    token = client.oauth.token(code)

    merchant = connect(token.access_token.removeprefix("sk_test_"))
    assert merchant.v1.accounts.retrieve_current().id == token.stripe_user_id
    with pytest.raises(stripe.oauth_error.InvalidGrantError):
        client.oauth.token(code)


def test_a_seller_who_denies_is_sent_back_with_the_reason(browser: Browser) -> None:
    answer = browser.post(
        "http://127.0.0.1/oauth/authorize",
        client_id="ca_1", redirect_uri="http://127.0.0.1:9/cb", state="s1", outcome="deny",
    )  # fmt: skip

    assert "error=access_denied" in answer.headers["Location"]


def test_a_deauthorized_account_is_out_of_reach(client: stripe.StripeClient) -> None:
    token = client.oauth.token({"grant_type": "authorization_code", "code": "ac_123"})
    options = {"stripe_account": token.stripe_user_id}
    client.v1.customers.list({}, options)
    client.oauth.deauthorize({"stripe_user_id": token.stripe_user_id, "client_id": "ca_1"})

    with pytest.raises(stripe.PermissionError) as caught:
        client.v1.customers.list({}, options)

    assert (caught.value.http_status, caught.value.error.code) == (403, "account_invalid")


def test_a_direct_charge_pays_its_platform_a_fee(client: stripe.StripeClient, account: Any) -> None:
    options = {"stripe_account": account.id}
    paid = client.v1.payment_intents.create(
        {
            "amount": 5000, "currency": "usd", "confirm": True, "off_session": True,
            "payment_method": "pm_card_visa", "application_fee_amount": 500,
        },
        options,
    )  # fmt: skip

    charge = client.v1.charges.retrieve(
        paid.latest_charge, {"expand": ["balance_transaction"]}, options
    )
    assert charge.balance_transaction.fee == 175 + 500
    assert client.v1.charges.list().data == []
    (fee,) = client.v1.application_fees.list().data
    assert (fee.amount, fee.account) == (500, account.id)
    assert client.v1.balance.retrieve().available[0].amount == 500


def test_a_destination_charge_sends_the_rest_on(
    client: stripe.StripeClient, account: Any, pay: Pay
) -> None:
    paid = pay(5000, application_fee_amount=500, transfer_data={"destination": account.id})

    charge = client.v1.charges.retrieve(paid.latest_charge)
    transfer = client.v1.transfers.retrieve(charge.transfer)
    assert (transfer.amount, transfer.destination) == (5000, account.id)
    theirs = client.v1.balance.retrieve({}, {"stripe_account": account.id})
    assert theirs.available[0].amount == 4500
    assert client.v1.balance.retrieve().available[0].amount == 5000 - 175 - 5000 + 500


def test_a_fee_without_connect_is_refused(pay: Pay) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay(5000, application_fee_amount=500)

    assert caught.value.param == "application_fee_amount"


def test_accounts_v2_are_the_same_accounts(client: stripe.StripeClient) -> None:
    made = client.v2.core.accounts.create(
        {"contact_email": "shop@example.com", "include": ["identity"]}
    )

    assert made.id in {account.id for account in client.v1.accounts.list().data}
    assert client.v2.core.accounts.retrieve(made.id).contact_email == "shop@example.com"
