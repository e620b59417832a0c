"""Keys: whose account, which permissions, and the live keys that are refused."""

from __future__ import annotations

import pytest
import stripe

from local.standin import StandIn
from local.standin.engine.messages import Request
from tests.standin.doubles import Connect, Control

ALLOWED = ["payment_intents.read", "customers.write"]


@pytest.mark.parametrize("key", ["garbage", "sk_test_", "sk_test_" + "short", "whsec_" + "x" * 20])
def test_a_malformed_key_is_unauthorized(standin: StandIn, key: str) -> None:
    client = stripe.StripeClient(key, http_client=standin.http_client())

    with pytest.raises(stripe.AuthenticationError) as caught:
        client.v1.customers.list()

    assert caught.value.http_status == 401
    assert key[8:] not in str(caught.value) or len(key) <= 8


def test_a_live_key_of_somebody_is_refused_with_a_sentence(standin: StandIn) -> None:
    client = stripe.StripeClient("sk_live_" + "somebody" * 3, http_client=standin.http_client())

    with pytest.raises(stripe.AuthenticationError, match="refuses live keys") as caught:
        client.v1.balance.retrieve()

    assert "somebody" not in str(caught.value)


def test_a_live_key_of_its_own_has_live_objects(standin: StandIn, connect: Connect) -> None:
    live = stripe.StripeClient("sk_live_standin" + "tulips" * 4, http_client=standin.http_client())
    customer = live.v1.customers.create()

    assert customer.livemode is True
    assert live.v1.accounts.retrieve_current().id == connect().v1.accounts.retrieve_current().id
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        connect().v1.customers.retrieve(customer.id)


def test_keys_with_one_secret_part_are_one_account(connect: Connect) -> None:
    secret, restricted, publishable = connect(), connect(kind="rk"), connect(kind="pk")
    assert secret.v1.accounts.retrieve_current().id == restricted.v1.accounts.retrieve_current().id
    intent = secret.v1.setup_intents.create()

    seen = publishable.v1.setup_intents.retrieve(intent.id, {"client_secret": intent.client_secret})

    assert (seen.id, seen.status) == (intent.id, "requires_payment_method")
    assert secret.v1.setup_intents.cancel(intent.id).status == "canceled"


def test_a_publishable_key_of_another_account_finds_nothing(connect: Connect) -> None:
    intent = connect().v1.setup_intents.create()

    with pytest.raises(stripe.InvalidRequestError) as caught:
        connect("bakery" * 4, kind="pk").v1.setup_intents.retrieve(
            intent.id, {"client_secret": intent.client_secret}
        )

    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def test_a_publishable_key_needs_the_client_secret(connect: Connect) -> None:
    intent = connect().v1.setup_intents.create()

    with pytest.raises(stripe.InvalidRequestError) as caught:
        connect(kind="pk").v1.setup_intents.retrieve(intent.id)

    assert caught.value.param == "client_secret"


def test_a_publishable_key_may_not_read_customers(connect: Connect) -> None:
    with pytest.raises(stripe.PermissionError) as caught:
        connect(kind="pk").v1.customers.list()

    assert (caught.value.http_status, caught.value.error.code) == (403, "secret_key_required")


def test_two_accounts_share_nothing(connect: Connect) -> None:
    tulips, bakery = connect("tulips" * 4), connect("bakery" * 4)
    customer = tulips.v1.customers.create()

    assert bakery.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as caught:
        bakery.v1.customers.retrieve(customer.id)
    assert caught.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError) as caught:
        bakery.v1.payment_intents.create(
            {"amount": 100, "currency": "usd", "customer": customer.id}
        )
    assert (caught.value.http_status, caught.value.param) == (400, "customer")


def test_a_restricted_key_does_what_it_is_allowed(connect: Connect, control: Control) -> None:
    client = connect(kind="rk")
    control("POST", "keys", key="rk_test_" + "tulips" * 4, allow=ALLOWED)

    client.v1.customers.create()
    assert client.v1.customers.list().data
    assert client.v1.payment_intents.list().data == []
    assert client.v1.accounts.retrieve_current().id


def test_a_missing_permission_is_named_before_parameters_are_checked(
    connect: Connect, control: Control
) -> None:
    client = connect(kind="rk")
    control("POST", "keys", key="rk_test_" + "tulips" * 4, allow=ALLOWED)

    with pytest.raises(stripe.PermissionError) as caught:
        client.v1.payment_intents.create({"nonsense": 1})

    assert caught.value.http_status == 403
    assert "Having the 'rak_payment_intent_write' permission" in str(caught.value)
    assert client.v1.accounts.retrieve_current().id in str(caught.value)


def test_a_revoked_key_is_expired(connect: Connect, control: Control) -> None:
    control("POST", "keys", key="sk_test_" + "tulips" * 4, revoked=True)

    with pytest.raises(stripe.AuthenticationError) as caught:
        connect().v1.balance.retrieve()

    assert caught.value.error.code == "api_key_expired"


def test_a_permission_that_does_not_exist_is_refused(control: Control) -> None:
    answer = control("POST", "keys", key="rk_test_" + "tulips" * 4, allow=["money.take"])

    assert "money.take" in answer["error"]


def test_a_caller_that_names_no_version_may_still_choose_methods(standin: StandIn) -> None:
    """The version that dropped the parameter is the caller's choice, by its header."""
    headers = {"authorization": "Bearer sk_test_" + "tulips" * 4}
    body = b"amount=100&currency=usd&payment_method_types[]=card"
    answer = standin.handle(Request("POST", "/v1/payment_intents", "", headers, body))

    assert answer.json["payment_method_types"] == ["card"]
