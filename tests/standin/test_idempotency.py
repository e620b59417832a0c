"""Idempotency keys answer exactly as Stripe documents them."""

from __future__ import annotations

import threading

import pytest
import stripe

from local.standin import StandIn
from tests.standin.doubles import Connect, Control, Time

CHARGE = {
    "amount": 2000, "currency": "usd", "confirm": True, "off_session": True,
    "payment_method": "pm_card_visa",
}  # fmt: skip
DAY_S = 24 * 3600


def test_the_same_key_and_parameters_make_one_object(client: stripe.StripeClient) -> None:
    first = client.v1.payment_intents.create(CHARGE, {"idempotency_key": "k"})
    second = client.v1.payment_intents.create(CHARGE, {"idempotency_key": "k"})

    assert first.id == second.id
    assert second.last_response.headers["idempotent-replayed"] == "true"
    assert len(client.v1.charges.list().data) == 1


def test_a_decline_is_replayed_without_a_second_charge(client: stripe.StripeClient) -> None:
    declined = {**CHARGE, "payment_method": "pm_card_visa_chargeDeclined"}
    for _ in range(2):
        with pytest.raises(stripe.CardError) as caught:
            client.v1.payment_intents.create(declined, {"idempotency_key": "k"})

    assert caught.value.headers["idempotent-replayed"] == "true"
    assert len(client.v1.charges.list().data) == 1


def test_a_key_refuses_other_parameters(client: stripe.StripeClient) -> None:
    client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})

    with pytest.raises(stripe.IdempotencyError) as caught:
        client.v1.customers.create({"name": "Bob"}, {"idempotency_key": "k"})

    assert caught.value.http_status == 400


def test_a_key_refuses_another_endpoint(client: stripe.StripeClient) -> None:
    client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})

    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        client.v1.products.create({"name": "Ada"}, {"idempotency_key": "k"})


def test_a_validation_error_is_not_kept(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.create({"nmae": "Ada"}, {"idempotency_key": "k"})

    assert client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"}).name == "Ada"


def test_a_key_is_forgotten_after_a_day_of_the_clock(
    client: stripe.StripeClient, time: Time
) -> None:
    first = client.v1.customers.create({}, {"idempotency_key": "k"})
    time.now += DAY_S - 1
    assert client.v1.customers.create({}, {"idempotency_key": "k"}).id == first.id

    time.now += 1

    assert client.v1.customers.create({}, {"idempotency_key": "k"}).id != first.id


def test_a_server_failure_is_replayed(client: stripe.StripeClient, control: Control) -> None:
    control("POST", "faults", method="POST", path="/v1/customers", kind="500_applied", times=1)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            client.v1.customers.create({}, {"idempotency_key": "k"})

    assert caught.value.http_status == 500
    assert caught.value.headers["idempotent-replayed"] == "true"
    assert len(client.v1.customers.list().data) == 1


def test_keys_of_two_accounts_do_not_meet(client: stripe.StripeClient, connect: Connect) -> None:
    ours = client.v1.customers.create({}, {"idempotency_key": "k"})
    theirs = connect("bakery" * 4).v1.customers.create({}, {"idempotency_key": "k"})

    assert ours.id != theirs.id


def test_a_request_in_flight_holds_its_key(
    standin: StandIn, client: stripe.StripeClient, control: Control
) -> None:
    control("POST", "faults", path="/v1/customers", kind="slow", times=1, delay_s=0.3)
    slow = threading.Thread(target=client.v1.customers.create, args=({}, {"idempotency_key": "k"}))
    slow.start()
    while not standin._in_flight:
        pass

    with pytest.raises(stripe.StripeError) as caught:
        client.v1.customers.create({}, {"idempotency_key": "k"})

    slow.join()
    assert (caught.value.http_status, caught.value.error.code) == (409, "idempotency_key_in_use")
    assert len(client.v1.customers.list().data) == 1


def test_a_key_longer_than_stripe_allows_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="longer than 255"):
        client.v1.customers.create({}, {"idempotency_key": "k" * 256})
