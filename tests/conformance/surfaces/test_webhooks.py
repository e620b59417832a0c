"""Events: kept, filtered, and posted with a signature to the endpoints that want them."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import stripe

from tests.conformance.receiver import Delivery, Receiver
from tests.conformance.surfaces.given import Make

Enough = Callable[[list[Delivery]], bool]
ENVELOPE = {
    "id", "object", "api_version", "created", "data", "livemode", "pending_webhooks", "request",
    "type",
}  # fmt: skip


class Endpoint:
    """An endpoint of this test's account, and what came to it."""

    def __init__(self, v1: Any, receiver: Receiver, *events: str) -> None:
        self._receiver = receiver
        self.path = f"/{uuid4().hex}"
        url = receiver.url + self.path
        self.made = v1.webhook_endpoints.create({"url": url, "enabled_events": list(events)})

    def fails(self, times: int) -> None:
        self._receiver.failing[self.path] = times

    def wait_for(self, enough: Enough) -> list[Delivery]:
        return self._receiver.wait_for(self.path, enough)


@pytest.fixture
def endpoint(v1: Any, receiver: Receiver) -> Endpoint:
    return Endpoint(v1, receiver, "*")


def of_type(*types: str) -> Enough:
    return lambda came: set(types) <= {delivery.event["type"] for delivery in came}


def test_an_endpoint_is_created_with_its_secret(endpoint: Endpoint) -> None:
    assert endpoint.made.secret.startswith("whsec_")


def test_an_endpoint_is_listed(v1: Any, endpoint: Endpoint) -> None:
    assert [one.id for one in v1.webhook_endpoints.list().data] == [endpoint.made.id]


def test_an_endpoint_is_updated(v1: Any, endpoint: Endpoint) -> None:
    updated = v1.webhook_endpoints.update(endpoint.made.id, {"description": "books"})

    assert (updated.id, updated.description) == (endpoint.made.id, "books")


def test_an_endpoint_is_deleted(v1: Any, endpoint: Endpoint) -> None:
    assert v1.webhook_endpoints.delete(endpoint.made.id).deleted is True


def test_what_happened_is_listed(v1: Any, pay: Make) -> None:
    pay()
    types = {event.type for event in v1.events.list({"limit": 100}).data}

    assert {"customer.created", "payment_intent.succeeded", "charge.succeeded"} <= types


def test_an_event_is_retrieved_with_its_version(v1: Any, customer: Any) -> None:
    (listed,) = v1.events.list().data
    event = v1.events.retrieve(listed.id)

    assert (event.id, event.object) == (listed.id, "event")
    assert event.data.object.id == customer.id
    assert event.api_version


def test_events_are_filtered_by_type(v1: Any, pay: Make) -> None:
    v1.refunds.create({"payment_intent": pay().id})
    types = [event.type for event in v1.events.list({"type": "charge.refunded"}).data]

    assert types == ["charge.refunded"]


def test_a_delivery_is_signed_and_whole(endpoint: Endpoint, customer: Any) -> None:
    (delivery,) = endpoint.wait_for(of_type("customer.created"))

    assert delivery.signature.startswith("t=")
    assert ",v1=" in delivery.signature
    assert delivery.event.keys() >= ENVELOPE


def test_the_sdk_verifies_every_delivery_of_a_purchase(endpoint: Endpoint, check_out: Make) -> None:
    page = urlsplit(check_out().url)
    connection = HTTPConnection(page.hostname, page.port, timeout=10)
    connection.request("POST", f"{page.path}/complete")
    connection.getresponse().read()
    connection.close()
    came = endpoint.wait_for(of_type("payment_intent.succeeded", "checkout.session.completed"))

    for delivery in came:
        event = stripe.Webhook.construct_event(
            delivery.body, delivery.signature, endpoint.made.secret
        )
        assert event.id == delivery.event["id"]


def test_a_delivery_that_failed_is_tried_again(v1: Any, receiver: Receiver) -> None:
    flaky = Endpoint(v1, receiver, "customer.created")
    flaky.fails(times=1)
    v1.customers.create()
    first, second = flaky.wait_for(lambda came: len(came) == 2)

    assert first.event["id"] == second.event["id"]
