"""Webhooks as Stripe sends them: forged, repeated, out of order, and through the queue."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.stack.client import Answer, Client
from local.stack.stack import Stack
from local.standin.engine.deliveries import signature
from tests.stack.shop import Shop, eventually, troubles


def test_a_forged_or_stale_or_changed_event_is_refused_and_nothing_is_kept_of_it(
    stack: Stack, shop: Shop
) -> None:
    invoice = shop.invoice(shop.customer())
    body, now, secret = event(), int(time.time()), webhook_secret(stack, shop)
    headers = {
        "no signature": "",
        "another secret": signature("whsec_" + "forged" * 4, now, body),
        "too old": signature(secret, now - 301, body),
        "from the future": signature(secret, now + 310, body),
        "another body": signature(secret, now, body + b" "),
        "empty secret": signature("", now, body),
    }

    answers = {name: send(stack, shop.account, body, header) for name, header in headers.items()}

    assert {
        name: (answer.status, answer.json["code"]) for name, answer in answers.items()
    } == dict.fromkeys(headers, (400, "invalid_signature"))
    assert kept(stack, shop, body) is None
    assert shop.read(invoice)["version"] == 1
    good = send(stack, shop.account, body, signature(secret, now, body))
    assert good.status == 200
    assert kept(stack, shop, body) is not None


def test_an_unknown_account_is_404_and_one_tenants_secret_opens_no_others_endpoint(
    stack: Stack, shop: Shop, other: Shop
) -> None:
    body, now = event(), int(time.time())
    header = signature(webhook_secret(stack, shop), now, body)

    unknown = send(stack, "acc_00000000000000000000000000", body, header)
    foreign = send(stack, other.account, body, header)
    live = send(stack, shop.account, body, header, mode="live")

    assert (unknown.status, live.status, foreign.status) == (404, 404, 400)


@pytest.mark.parametrize("mode", ["duplicate", "reorder"])
def test_events_delivered_twice_or_out_of_order_count_once(
    shop: Shop, deliver: Callable[[str], None], mode: str
) -> None:
    customer = shop.customer()
    shop.save_card(customer)
    linked, charged = shop.invoice(customer), shop.invoice(customer)
    deliver(mode)

    shop.charge(charged, amount=1500)
    shop.pay_at(shop.open_checkout(shop.link(linked)))

    shop.settled(linked)
    eventually(lambda: unapplied(shop), lambda left: left == [], why=lambda: troubles(shop.stack))
    for invoice, paid in ((linked, 4000), (charged, 1500)):
        seen = shop.read(invoice)
        assert seen["amounts"]["paid"] == paid
        assert [payment["gross"] for payment in seen["payments"]] == [paid]


def test_a_kept_event_waits_in_the_queue_until_a_worker_takes_it(stack: Stack, shop: Shop) -> None:
    invoice = shop.invoice(shop.customer())
    checkout = shop.open_checkout(shop.link(invoice))

    with resting_workers(stack):
        before = waiting(stack)
        shop.pay_at(checkout)
        eventually(lambda: waiting(stack), lambda depth: depth > before)
        assert shop.read(invoice)["status"] == "open"

    assert len(shop.settled(invoice)["payments"]) == 1


def event() -> bytes:
    """Make an event that speaks of nothing we know."""
    return json.dumps(
        {
            "id": f"evt_{uuid.uuid4().hex}",
            "object": "event",
            "type": "payment_intent.succeeded",
            "livemode": False,
            "data": {"object": {"id": "pi_unknown", "object": "payment_intent"}},
        }
    ).encode()


def send(stack: Stack, account: str, body: bytes, header: str, mode: str = "test") -> Answer:
    """Deliver an event as Stripe does."""
    headers = {"content-type": "application/json; charset=utf-8", "stripe_signature": header}
    return Client(stack.api).send(
        "POST", f"/webhooks/stripe/{account}/{mode}", body, headers=headers
    )


def webhook_secret(stack: Stack, shop: Shop) -> str:
    """Return the secret that Stripe and we share."""
    name = f"receivable/local/webhooks/{shop.account}/test"
    value = stack.aws("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    return str(json.loads(value)["current"])


def inbox(stack: Stack, shop: Shop, event_id: str) -> Any:
    """Return an event's row, or None."""
    key = {"pk": f"T#{shop.tenant}#EVT#{shop.account}:test:{event_id}", "sk": "EVENT"}
    return (
        stack.aws("dynamodb")
        .get_item(
            TableName=stack.deployment.resources["Table"],
            Key={name: {"S": value} for name, value in key.items()},
        )
        .get("Item")
    )


def kept(stack: Stack, shop: Shop, body: bytes) -> Any:
    """Return the row of the event that `body` is."""
    return inbox(stack, shop, json.loads(body)["id"])


def unapplied(shop: Shop) -> list[str]:
    """Return the events of Stripe that were kept and not yet brought into the books."""
    rows = [(event["id"], inbox(shop.stack, shop, event["id"])) for event in shop.truth()["events"]]
    return [name for name, row in rows if row and row["status"]["S"] == "pending"]


def waiting(stack: Stack) -> int:
    """Return how many events are in the queue."""
    asked = "ApproximateNumberOfMessages"
    queue = stack.deployment.resources["EventQueue"]
    found = stack.aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=[asked])
    return int(found["Attributes"][asked])


@contextmanager
def resting_workers(stack: Stack) -> Iterator[None]:
    """Keep the queue's workers from taking anything."""
    functions = stack.aws("lambda")
    (mapping,) = functions.list_event_source_mappings(
        FunctionName=stack.deployment.resources["ApplyEventFunction"]
    )["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
