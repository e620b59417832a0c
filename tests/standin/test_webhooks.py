"""Webhooks: signed when sent, retried, and controlled by the test that watches them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stripe

from local.standin import StandIn
from local.standin.engine import deliveries
from tests.standin.doubles import Control, Pay, Receiver, Sent, Time


@pytest.fixture
def endpoint(client: stripe.StripeClient) -> Any:
    return client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hook", "enabled_events": ["*"]}
    )


def test_a_delivery_over_http_verifies_with_the_endpoints_secret(
    served: tuple[StandIn, str], receiver: Receiver
) -> None:
    standin, url = served
    client = stripe.StripeClient("sk_test_" + "tulips" * 4, base_addresses={"api": url})
    endpoint = client.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["customer.created"]}
    )
    receiver.failures = 1
    customer = client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "key-1"})
    assert standin.deliveries.pending() <= 1

    (first, body), (_, again) = receiver.wait_for(2)

    event = client.construct_event(body, first["Stripe-Signature"], endpoint.secret)
    assert (event.type, event.data.object.id) == ("customer.created", customer.id)
    assert event.request.idempotency_key == "key-1"
    assert json.loads(again)["id"] == event.id


def test_the_secret_is_shown_once(client: stripe.StripeClient, endpoint: Any) -> None:
    assert endpoint.secret.startswith("whsec_")
    assert "secret" not in client.v1.webhook_endpoints.retrieve(endpoint.id).to_dict()
    assert "secret" not in client.v1.webhook_endpoints.list().data[0].to_dict()


def test_an_endpoint_hears_only_what_it_asked_for(
    client: stripe.StripeClient, sent: Sent, pay: Pay
) -> None:
    client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hook", "enabled_events": ["payment_intent.succeeded"]}
    )
    pay()
    sent.deliver()

    assert sent.types == ["payment_intent.succeeded"]


def test_a_failure_is_retried_later_and_fresh_events_pass_it(
    client: stripe.StripeClient, endpoint: Any, sent: Sent, time: Time
) -> None:
    client.v1.customers.create()
    sent.fails = True
    sent.deliver()
    sent.fails = False
    client.v1.products.create({"name": "Tulips"})

    assert sent.deliver() == 1
    time.now += 1
    assert sent.deliver() == 1

    assert sent.types == ["customer.created", "product.created", "customer.created"]


def test_a_signature_is_stamped_at_sending(
    client: stripe.StripeClient, endpoint: Any, sent: Sent, time: Time
) -> None:
    client.v1.customers.create()
    sent.fails = True
    sent.deliver()
    time.now += 3600
    sent.deliver()

    stamps = [headers["Stripe-Signature"].split(",")[0] for _, headers, _ in sent]
    assert stamps == [f"t={int(time.now) - 3600}", f"t={int(time.now)}"]


def test_an_event_counts_the_endpoints_that_have_not_heard_it(
    client: stripe.StripeClient, endpoint: Any, sent: Sent
) -> None:
    client.v1.customers.create()
    (waiting,) = client.v1.events.list({"delivery_success": False}).data
    assert waiting.pending_webhooks == 1

    sent.deliver()

    assert client.v1.events.list({"delivery_success": False}).data == []
    assert client.v1.events.retrieve(waiting.id).pending_webhooks == 0


def test_a_change_carries_what_it_was_before(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"name": "Ada", "metadata": {"a": "1"}})
    client.v1.customers.update(customer.id, {"name": "Bea"})

    (event,) = client.v1.events.list({"type": "customer.updated"}).data
    assert event.data.previous_attributes.to_dict() == {"name": "Ada"}
    assert event.data.object.name == "Bea"
    assert event.request.id.startswith("req_")


def test_nothing_is_sent_for_a_request_that_failed(
    client: stripe.StripeClient, endpoint: Any, sent: Sent
) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create(
            {"amount": 100, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
        )

    assert sent.deliver() == 0


def test_a_declined_payment_is_reported(
    client: stripe.StripeClient, endpoint: Any, sent: Sent, pay: Pay
) -> None:
    with pytest.raises(stripe.CardError):
        pay(card="pm_card_visa_chargeDeclined")
    sent.deliver()

    assert sent.types == [
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
    ]


@pytest.mark.parametrize(
    ("mode", "count"), [("deliver", 1), ("drop", 0), ("duplicate", 2), ("hold", 0)]
)
@pytest.mark.usefixtures("endpoint")
def test_deliveries_follow_the_mode(
    client: stripe.StripeClient, sent: Sent, control: Control, mode: str, count: int
) -> None:
    control("POST", "webhooks", mode=mode)
    client.v1.customers.create()

    assert sent.deliver() == count


def test_what_is_held_is_delivered_in_the_end(
    client: stripe.StripeClient, endpoint: Any, sent: Sent, control: Control
) -> None:
    control("POST", "webhooks", mode="hold")
    client.v1.customers.create()
    assert control("GET", "webhooks") == {"mode": "hold", "pending": 1}

    control("POST", "webhooks", mode="deliver")

    assert sent.deliver() == 1


def test_reordered_deliveries_all_arrive_in_another_order(
    client: stripe.StripeClient, endpoint: Any, sent: Sent, control: Control, time: Time
) -> None:
    control("POST", "webhooks", mode="reorder")
    made = [client.v1.customers.create().id for _ in range(8)]
    time.now += 1
    sent.deliver()

    arrived = [json.loads(body)["data"]["object"]["id"] for _, _, body in sent]
    assert sorted(arrived) == sorted(made)
    assert arrived != made


def test_a_deleted_endpoint_hears_nothing_more(
    client: stripe.StripeClient, endpoint: Any, sent: Sent
) -> None:
    client.v1.customers.create()
    client.v1.webhook_endpoints.delete(endpoint.id)
    sent.deliver()

    assert list(sent) == []


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/x", "http://example.com/x", "http://10.0.0.1/x"]
)
def test_nothing_leaves_this_machine(url: str) -> None:
    assert deliveries.post(url, {}, b"{}") == 0
