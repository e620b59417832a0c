"""Mails through the whole stack: the table's stream, the sender's role, the emulated SES."""

import json
from collections.abc import Callable
from http import HTTPStatus

import pytest

from local.stack import Stack
from tests.stack.shop import Shop, eventually, new_key, required

SELLER = "seller@shop.example"


@pytest.mark.claim("CR-9")
def test_a_sale_is_confirmed_to_the_buyer_and_to_the_seller_by_one_mail_each(
    stack: Stack, shop: Shop, deliver: Callable[[str], None]
) -> None:
    admin = shop.client("admin")
    seen = admin.get("/v1/settings").headers["etag"]
    required(admin.patch("/v1/settings", {"seller_email": SELLER}, if_match=seen), HTTPStatus.OK)
    deliver("duplicate")
    buyer = f"{new_key()}@buyer.example"
    invoice = shop.invoice(shop.customer(email=buyer))
    shop.pay_at(shop.open_checkout(shop.link(invoice)))
    number = shop.settled(invoice)["number"]

    def sales() -> list[object]:
        return [mail for mail in stack.mails(SELLER) if number in mail["subject"]]

    (mail,) = eventually(lambda: stack.mails(buyer), bool)
    eventually(sales, bool)
    deliver("reorder")
    stack.run_schedule("SendNotificationsSchedule")
    assert "40.00" in mail["subject"]
    assert "40.00" in mail["html"]
    assert len(stack.mails(buyer)) == len(sales()) == 1


@pytest.mark.claim("CR-10")
def test_a_payer_without_funds_is_told_to_use_another_method(stack: Stack, shop: Shop) -> None:
    buyer = f"{new_key()}@buyer.example"
    customer = shop.customer(email=buyer)
    card = shop.save_card(customer, "pm_card_chargeCustomerFail")
    invoice = shop.invoice(customer)
    answer = shop.charge(invoice, payment_method=card)

    (mail,) = eventually(lambda: stack.mails(buyer), bool)
    assert answer.status == 402
    assert shop.read(invoice)["status"] == "open"
    assert "another card" in mail["text"]
    assert f"{stack.api}/p/" in mail["text"]
    assert "insufficient" not in mail["text"]


@pytest.mark.claim("OH-8", "OH-9")
def test_a_link_is_mailed_with_the_invoice_as_pdf_and_the_merchants_message(
    stack: Stack, shop: Shop
) -> None:
    buyer = f"{new_key()}@buyer.example"
    invoice = shop.invoice(shop.customer(email=buyer))
    link = shop.link(invoice, message="Danke <b>sehr</b>", send={})

    (mail,) = eventually(lambda: stack.mails(buyer), bool)
    (file,) = mail["files"]
    assert f"{stack.api}{link}" in mail["text"]
    assert "Danke &lt;b&gt;sehr&lt;/b&gt;" in mail["html"]
    assert file["kind"] == "application/pdf"


@pytest.mark.claim("KO-11")
def test_an_order_is_released_by_an_event_once_settled_money_covers_it(
    stack: Stack, shop: Shop, deliver: Callable[[str], None]
) -> None:
    deliver("duplicate")
    heard = Listener(stack)
    invoice = shop.invoice(shop.customer(), order_ref="order-77")
    shop.pay_at(shop.open_checkout(shop.link(invoice, amount=1500)))
    eventually(lambda: heard.of(invoice), lambda kinds: "invoice.partially_paid" in kinds)
    assert "order.release" not in heard.of(invoice)

    shop.pay_at(shop.open_checkout(shop.link(invoice)))
    eventually(lambda: heard.of(invoice), lambda kinds: "order.release" in kinds)
    deliver("reorder")
    stack.run_schedule("SendNotificationsSchedule")
    assert heard.of(invoice) == ["invoice.partially_paid", "invoice.paid", "order.release"]


class Listener:
    """A rule of the owner's own on the stack's bus, and a queue behind it."""

    def __init__(self, stack: Stack) -> None:
        name, self._sqs = new_key(), stack.aws("sqs")
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        bus, pattern = "receivable-local", json.dumps({"source": ["receivable"]})
        events = stack.aws("events")
        events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)
        target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
        events.put_targets(Rule=name, EventBusName=bus, Targets=[target])
        self._heard: list[dict[str, str]] = []

    def of(self, invoice: str) -> list[str]:
        """The types of an invoice's events, in the order in which they came."""
        asked = {"QueueUrl": self._url, "MaxNumberOfMessages": 10}
        while found := self._sqs.receive_message(**asked).get("Messages"):
            for message in found:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                self._heard.append(json.loads(message["Body"])["detail"])
        return [event["type"] for event in self._heard if event.get("invoice") == invoice]
