"""A tenant's own system gets events through the deployed schedule, and can prove their origin."""

import hmac
import json
import time
from collections.abc import Iterator
from hashlib import sha256
from http import HTTPStatus
from typing import Any

import pytest

from local.stack.stack import Stack
from tests.doubles.receiver import Receiver, listening
from tests.stack.shop import Shop, eventually, new_key, open_shop, required, troubles

SUBSCRIPTIONS = "/v1/subscriptions"
FIVE_DAYS = 5


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as made:
        yield made


@pytest.fixture
def own(stack: Stack, tenant: str) -> Shop:
    """A merchant of the test's own: nobody else's subscriptions, nobody else's events."""
    return open_shop(stack, tenant)


def post(shop: Shop, path: str, body: object = None) -> Any:
    return shop.client("admin").post(path, body, idempotency_key=new_key())


def signatures(headers: dict[str, str]) -> tuple[int, list[str]]:
    """The time and the signatures of a delivery, as a receiver reads them."""
    parts = [part.split("=", 1) for part in headers["Receivable-Signature"].split(",")]
    (at,) = [value for name, value in parts if name == "t"]
    return int(at), [value for name, value in parts if name == "v1"]


def signed(secret: str, at: int, body: str) -> str:
    return hmac.new(secret.encode(), f"{at}.{body}".encode(), sha256).hexdigest()


def deliveries(shop: Shop, subscription: Any) -> Any:
    path = f"{SUBSCRIPTIONS}/{subscription['id']}/deliveries"
    return required(shop.client("admin").get(path), HTTPStatus.OK)["data"]


def rows(shop: Shop) -> Iterator[Any]:
    """The deliveries as they stand in the table, to turn their clock."""
    table = shop.stack.deployment.resources["Table"]
    pages = shop.stack.aws("dynamodb").get_paginator("scan").paginate(TableName=table)
    for page in pages:
        for row in page["Items"]:
            if row["sk"]["S"].startswith("DELIVERY#") and f"T#{shop.tenant}#" in row["pk"]["S"]:
                yield row


def test_an_event_is_delivered_signed_by_both_secrets_logged_and_delivered_again(
    stack: Stack, own: Shop, receiver: Receiver
) -> None:
    asked = {"url": receiver.url, "types": ["invoice.paid", "order.release", "refund.*"]}
    made = required(post(own, SUBSCRIPTIONS, asked), HTTPStatus.CREATED)
    first = made["signing_secret"]
    rotated = required(post(own, f"{SUBSCRIPTIONS}/{made['id']}/secret/rotate"), HTTPStatus.OK)[
        "signing_secret"
    ]
    invoice = own.invoice(own.customer(), order_ref="order-1")
    own.payment(invoice)
    eventually(lambda: len(deliveries(own, made)), lambda seen: seen == 2)
    stack.run_schedule("DeliverEventsSchedule")

    eventually(lambda: receiver.got, lambda got: len(got) == 2, why=lambda: troubles(stack))
    headers, body = receiver.got[0]
    at, found = signatures(headers)
    assert abs(time.time() - at) < 300
    assert found == [signed(rotated, at, body), signed(first, at, body)]
    assert signed(first, at, body + " ") not in found
    events = {event["type"]: event for event in receiver.events}
    assert events["invoice.paid"]["invoice"] == invoice
    assert events["order.release"]["held_for"] is None

    log = eventually(
        lambda: deliveries(own, made),
        lambda seen: {each["status"] for each in seen} == {"delivered"},
    )
    assert {(each["attempts"], each["last_status"]) for each in log} == {(1, 200)}
    again = f"{SUBSCRIPTIONS}/{made['id']}/deliveries/{log[0]['id']}/redeliver"
    assert post(own, again).status < HTTPStatus.BAD_REQUEST
    stack.run_schedule("DeliverEventsSchedule")
    eventually(lambda: len(receiver.got), lambda seen: seen == 3)
    assert receiver.got[2][1] in {body for _, body in receiver.got[:2]}
    # The two of a sale and the one asked for; the schedule brings none of them again.
    stack.run_schedule("DeliverEventsSchedule")
    assert len(deliveries(own, made)) == 2


def test_a_receiver_that_fails_is_tried_again_later_and_after_five_days_no_more(
    stack: Stack, own: Shop, receiver: Receiver
) -> None:
    receiver.status = HTTPStatus.INTERNAL_SERVER_ERROR
    asked = {"url": receiver.url, "types": ["invoice.paid"]}
    made = required(post(own, SUBSCRIPTIONS, asked), HTTPStatus.CREATED)
    own.payment(own.invoice(own.customer()))
    eventually(lambda: len(deliveries(own, made)), lambda seen: seen == 1)
    stack.run_schedule("DeliverEventsSchedule")
    (failed,) = eventually(
        lambda: deliveries(own, made), lambda seen: bool(seen and seen[0]["last_status"])
    )
    assert (failed["status"], failed["last_status"]) == ("pending", 500)
    assert failed["next_attempt_at"] > failed["last_attempt_at"]

    age(own, made)
    stack.run_schedule("DeliverEventsSchedule")
    (disabled,) = eventually(
        lambda: listed(own),
        lambda seen: seen[0]["status"] == "disabled",
        why=lambda: troubles(stack),
    )
    assert "five days" in disabled["status_reason"]
    receiver.status = HTTPStatus.OK
    before = len(receiver.got)
    again = f"{SUBSCRIPTIONS}/{made['id']}/deliveries/{failed['id']}/redeliver"
    assert post(own, again).status < HTTPStatus.BAD_REQUEST
    stack.run_schedule("DeliverEventsSchedule")
    eventually(lambda: listed(own)[0]["status"], lambda seen: seen == "enabled")
    assert len(receiver.got) == before + 1


def listed(shop: Shop) -> Any:
    return required(shop.client("admin").get(SUBSCRIPTIONS), HTTPStatus.OK)["data"]


def age(shop: Shop, subscription: Any) -> None:
    """Let five days have passed since the first failure: the emulated AWS has no clock to turn."""
    table, dynamo = shop.stack.deployment.resources["Table"], shop.stack.aws("dynamodb")
    home = {"pk": {"S": f"T#{shop.tenant}#SUB#own"}}
    key = {**home, "sk": {"S": f"SUBSCRIPTION#{subscription['id']}"}}
    row = dynamo.get_item(TableName=table, Key=key)["Item"]
    ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - FIVE_DAYS * 86_400 - 60))
    dynamo.put_item(TableName=table, Item={**row, "failing_since": {"S": ago}})
    for delivery in rows(shop):
        due = {"sweep_at": {"S": ago}, "due_at": {"S": ago}}
        dynamo.put_item(TableName=table, Item={**delivery, **due})


def test_a_delivery_holds_ids_and_amounts_and_nobody(
    stack: Stack, own: Shop, receiver: Receiver
) -> None:
    asked = {"url": receiver.url, "types": ["invoice.paid"]}
    required(post(own, SUBSCRIPTIONS, asked), HTTPStatus.CREATED)
    buyer = f"{new_key()}@buyer.example"
    own.payment(own.invoice(own.customer(email=buyer, name="Ada Lovelace")))
    eventually(lambda: stack.mails(buyer), bool)
    stack.run_schedule("DeliverEventsSchedule")
    eventually(lambda: receiver.got, bool)

    assert "Ada" not in json.dumps(receiver.events)
    assert buyer not in json.dumps(receiver.events)
