"""A platform and the accounts connected to it, in both of Stripe's generations."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.conformance.surfaces.given import Make, booked


def test_an_account_is_created_with_its_controller(merchant: Any) -> None:
    assert merchant.object == "account"
    assert merchant.charges_enabled in {True, False}
    assert merchant.controller.stripe_dashboard.type == "full"


def test_an_account_is_retrieved_with_its_metadata(v1: Any, merchant: Any) -> None:
    assert v1.accounts.retrieve(merchant.id).metadata["tenant"] == "north"


def test_an_account_is_listed(v1: Any, merchant: Any) -> None:
    assert merchant.id in [account.id for account in v1.accounts.list().data]


def test_an_account_link_is_a_page(v1: Any, merchant: Any) -> None:
    link = v1.account_links.create(
        {"account": merchant.id, "type": "account_onboarding",
         "refresh_url": "http://127.0.0.1/again", "return_url": "http://127.0.0.1/back"}
    )  # fmt: skip

    assert link.url.startswith("http")


def test_an_account_session_has_a_client_secret(v1: Any, merchant: Any) -> None:
    components = {"account_onboarding": {"enabled": True}}
    session = v1.account_sessions.create({"account": merchant.id, "components": components})

    assert session.client_secret


def test_a_code_is_exchanged_for_an_account(client: stripe.StripeClient) -> None:
    token = client.oauth.token({"grant_type": "authorization_code", "code": "ac_123"})

    assert token.stripe_user_id.startswith("acct_")


def test_an_account_is_disconnected(client: stripe.StripeClient, merchant: Any) -> None:
    assert client.oauth.deauthorize({"stripe_user_id": merchant.id}).stripe_user_id == merchant.id


def test_a_connected_accounts_objects_are_not_the_platforms(v1: Any, merchant: Any) -> None:
    there = {"stripe_account": merchant.id}
    customer = v1.customers.create({"email": "theirs@example.com"}, options=there)

    assert v1.customers.retrieve(customer.id, options=there).id == customer.id
    with pytest.raises(stripe.InvalidRequestError):
        v1.customers.retrieve(customer.id)


@pytest.fixture
def shared_payment(pay: Make, merchant: Any) -> Any:
    """Pay 50 dollars to the connected account, of which the platform keeps 5."""
    return pay(5000, application_fee_amount=500, transfer_data={"destination": merchant.id})


def test_a_destination_charge_says_whose_money_it_is(shared_payment: Any, merchant: Any) -> None:
    assert shared_payment.application_fee_amount == 500
    assert shared_payment.transfer_data.destination == merchant.id


def test_a_destination_charge_has_its_fee_and_transfer(v1: Any, shared_payment: Any) -> None:
    charge = booked(v1, shared_payment)

    assert charge.application_fee
    assert charge.transfer


def test_an_application_fee_is_listed(v1: Any, shared_payment: Any) -> None:
    booked(v1, shared_payment)

    assert [fee.amount for fee in v1.application_fees.list().data] == [500]


def test_an_account_is_created_in_the_second_api(client: stripe.StripeClient) -> None:
    account = client.v2.core.accounts.create({"contact_email": "shop@example.com"})

    assert account.id.startswith("acct_")


def test_event_destinations_are_listed_in_the_second_api(client: stripe.StripeClient) -> None:
    assert client.v2.core.event_destinations.list().data == []
