"""Webhooks: signed when sent, retried, and controlled by the test that watches them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import stripe

from local.standin import StandIn
from local.standin.engine import deliveries
from local.standin.webhooks.webhook_endpoints import event_names
from tests.standin.doubles import Connect, Control, Pay, Receiver, Sent, Time

ROOT = Path(__file__).parents[2]


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


def test_a_name_that_is_no_event_is_refused(client: stripe.StripeClient, endpoint: Any) -> None:
    wrong = {"enabled_events": ["charge.succeeded", "charge.suceeded"]}

    for ask in (
        lambda: client.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/x", **wrong}),
        lambda: client.v1.webhook_endpoints.update(endpoint.id, wrong),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="must be one of") as caught:
            ask()
        assert caught.value.param == "enabled_events[1]"


def test_every_event_that_the_stand_in_tells_of_is_one_of_stripes() -> None:
    told = {
        name
        for path in ROOT.glob("local/standin/**/*.py")
        for name in re.findall(
            r"""\.(?:emit|change)\([^()"]*"([a-z_.]+\.[a-z_]+)\"""", path.read_text()
        )
    }

    assert told - set(event_names()) == set()
    assert {"charge.succeeded", "checkout.session.completed", "capability.updated"} <= told


def test_an_account_has_sixteen_endpoints(client: stripe.StripeClient) -> None:
    new: Any = {"url": "http://127.0.0.1:9/x", "enabled_events": ["*"]}
    for _ in range(16):
        client.v1.webhook_endpoints.create(new)

    with pytest.raises(stripe.InvalidRequestError, match="maximum of 16 test webhook endpoints"):
        client.v1.webhook_endpoints.create(new)


def test_a_disabled_endpoint_hears_nothing(
    client: stripe.StripeClient, endpoint: Any, sent: Sent
) -> None:
    client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    client.v1.customers.create()
    assert sent.deliver() == 0

    client.v1.webhook_endpoints.update(endpoint.id, {"disabled": False})
    client.v1.customers.create()

    assert sent.deliver() == 1


def test_an_endpoint_hears_events_in_its_own_version(
    client: stripe.StripeClient, sent: Sent
) -> None:
    client.v1.webhook_endpoints.create({
        "url": "http://127.0.0.1:9/x", "enabled_events": ["*"], "api_version": "2024-09-30.acacia",
    })  # fmt: skip
    client.v1.customers.create()
    sent.deliver()

    assert json.loads(sent[0][2])["api_version"] == "2024-09-30.acacia"
    assert client.v1.events.list().data[0].api_version == stripe.api_version


def test_only_the_platform_is_told_which_account_an_event_is_of(
    client: stripe.StripeClient, connect: Connect, sent: Sent
) -> None:
    token = client.oauth.token({"grant_type": "authorization_code", "code": "ac_123"})
    merchant = connect(token.access_token.removeprefix("sk_test_"))
    for side, more in ((client, {"connect": True}), (merchant, {})):
        side.v1.webhook_endpoints.create(
            {"url": "http://127.0.0.1:9/x", "enabled_events": ["customer.created"], **more}
        )
    merchant.v1.customers.create()
    sent.deliver()

    assert {json.loads(body).get("account") for _, _, body in sent} == {token.stripe_user_id, None}
    seen = client.v1.events.list({}, {"stripe_account": token.stripe_user_id}).data[0].to_dict()
    assert seen["account"] == token.stripe_user_id
    assert "account" not in merchant.v1.events.retrieve(seen["id"]).to_dict()


def test_events_are_listed_for_thirty_days(client: stripe.StripeClient, time: Time) -> None:
    client.v1.customers.create()
    time.now += 30 * 24 * 3600
    assert len(client.v1.events.list().data) == 1

    time.now += 1

    assert client.v1.events.list().data == []


def test_an_event_destination_is_a_webhook_endpoint(
    client: stripe.StripeClient, sent: Sent
) -> None:
    made = client.v2.core.event_destinations.create({
        "name": "Books", "type": "webhook_endpoint", "event_payload": "snapshot",
        "enabled_events": ["customer.created"], "webhook_endpoint": {"url": "http://127.0.0.1:9/x"},
        "include": ["webhook_endpoint.signing_secret"],
    })  # fmt: skip
    client.v1.customers.create()
    sent.deliver()

    secret = made.webhook_endpoint.signing_secret
    _, headers, body = sent[0]
    assert client.construct_event(body, headers["Stripe-Signature"], secret, tolerance=None)
    assert [each.name for each in client.v2.core.event_destinations.list().data] == ["Books"]
    assert client.v1.webhook_endpoints.retrieve(made.id).enabled_events == ["customer.created"]

    client.v2.core.event_destinations.disable(made.id)
    client.v1.customers.create()
    assert sent.deliver() == 0


@pytest.mark.parametrize(
    "other",
    [
        {"event_payload": "thin"},
        {"enabled_events": ["charge.suceeded"]},
        {"type": "amazon_eventbridge"},
        {"webhook_endpoint": {"url": "x"}},
    ],
)
def test_a_destination_that_the_stand_in_cannot_serve_is_refused(
    client: stripe.StripeClient, other: Any
) -> None:
    asked: Any = {
        "name": "Books", "type": "webhook_endpoint", "event_payload": "snapshot",
        "enabled_events": ["*"], "webhook_endpoint": {"url": "http://127.0.0.1:9/x"}, **other,
    }  # fmt: skip
    with pytest.raises(stripe.InvalidRequestError):
        client.v2.core.event_destinations.create(asked)
