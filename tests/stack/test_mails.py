"""Mails through the whole stack: the table's stream, the sender's role, the emulated SES."""

import json
import time
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.stack.client import Client
from local.stack.ses_simulator import DOMAIN
from local.stack.stack import Stack
from local.standin.engine.deliveries import signature
from tests.stack.shop import Shop, eventually, logged, new_key, required, table_rows, troubles
from tests.stack.test_webhooks import send, unapplied, webhook_secret

SELLER = "seller@shop.example"


@pytest.mark.claim("CR-9")
def test_a_sale_is_confirmed_to_the_buyer_and_to_the_seller_by_one_mail_each(
    stack: Stack, shop: Shop, deliver: Callable[[str], None]
) -> None:
    tell_seller(shop)
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


def tell_seller(shop: Shop) -> None:
    """Let the merchant be told of sales and disputes."""
    admin = shop.client("admin")
    seen = admin.get("/v1/settings").headers["etag"]
    required(admin.patch("/v1/settings", {"seller_email": SELLER}, if_match=seen), HTTPStatus.OK)


@pytest.mark.claim("CR-9")
def test_each_mail_comes_once_though_every_event_comes_four_times_in_any_order(
    stack: Stack, shop: Shop, deliver: Callable[[str], None]
) -> None:
    """A link sent, two payments, a refund, a decline and a dispute; then all events once more."""
    tell_seller(shop)
    buyer = f"{new_key()}@buyer.example"
    customer = shop.customer(email=buyer)
    deliver("duplicate")
    sent = shop.invoice(customer)
    link, key = f"/v1/invoices/{sent}/pay-links", new_key()
    for _ in range(3):
        required(shop.client().post(link, {"send": {}}, idempotency_key=key), HTTPStatus.CREATED)
    payment = shop.payment(sent)
    shop.refund(payment, amount=1000)
    declined = shop.invoice(customer)
    card = shop.save_card(customer, "pm_card_chargeCustomerFail")
    assert shop.charge(declined, payment_method=card).status == HTTPStatus.PAYMENT_REQUIRED
    disputed = shop.invoice(customer)
    shop.pay_at(shop.open_checkout(shop.link(disputed)), "pm_card_createDispute")
    shop.settled(disputed)

    def counted() -> dict[str, int]:
        numbers = [shop.read(each)["number"] for each in (sent, declined, disputed)]
        found = [mail for mail in stack.mails() if any(n in mail["subject"] for n in numbers)]
        return dict(Counter(f"{mail['to']} {mail['subject']}" for mail in found))

    # The invoice, two receipts, a refund, a decline; two sales and a dispute.
    eventually(counted, lambda seen: len(seen) == 8, why=lambda: troubles(stack))
    again(stack, shop, {sent, declined, disputed})
    stack.run_schedule("SendNotificationsSchedule")
    eventually(lambda: unapplied(shop), lambda left: left == [], why=lambda: troubles(stack))
    assert set(counted().values()) == {1}
    assert len(counted()) == 8


def again(stack: Stack, shop: Shop, invoices: set[str]) -> None:
    """Deliver what Stripe said of some invoices twice more, the newest first."""
    secret, now = webhook_secret(stack, shop), int(time.time())
    told = [each for each in shop.truth()["events"] if any(i in str(each) for i in invoices)]
    assert len(told) > 5
    for event in [*reversed(told), *reversed(told)]:
        body = json.dumps(event).encode()
        assert send(stack, shop.account, body, signature(secret, now, body)).status == HTTPStatus.OK


def test_a_mail_that_comes_back_is_shown_stops_the_next_and_is_lifted(
    stack: Stack, shop: Shop
) -> None:
    """The mailbox stands in for SES's simulator; the rule, the function and its role are real."""
    tell_seller(shop)
    buyer = f"bounce+{new_key()}@{DOMAIN}"
    invoice = shop.invoice(shop.customer(email=buyer, name="Bo Unce"))
    link = shop.link(invoice, send={})

    def told() -> list[tuple[str, str]]:
        path = f"/v1/notifications?invoice={invoice}"
        found = required(shop.client("viewer").get(path), HTTPStatus.OK)["data"]
        return [
            (each["kind"], part["status"])
            for each in found
            for part in each["messages"]
            if part["reader"] == "buyer"
        ]

    eventually(
        told, lambda seen: seen == [("invoice.sent", "bounced")], why=lambda: troubles(stack)
    )
    story = required(shop.client().get(f"/v1/invoices/{invoice}/timeline"), HTTPStatus.OK)["data"]
    assert "mail_bounced" in [each["kind"] for each in story]
    eventually(lambda: [mail["subject"] for mail in stack.mails(SELLER)], seen_by("Bo Unce"))
    links = f"/v1/invoices/{invoice}/pay-links"
    refused = shop.client().post(links, {"send": {}}, idempotency_key=new_key())
    assert (refused.status, refused.json["code"]) == (409, "address_suppressed")

    shop.pay_at(shop.open_checkout(link))
    shop.settled(invoice)
    eventually(told, lambda seen: ("payment.received", "suppressed") in seen)
    assert len(stack.mails(buyer)) == 1
    lifted = shop.client().post("/v1/notifications/lift-suppression", {"email": buyer})
    assert lifted.status == HTTPStatus.OK
    assert shop.client().post("/v1/notifications/lift-suppression", {"email": "x@y.example"}).status
    assert not [row for row in table_rows(stack) if buyer in str(row) and "CUS#" not in str(row)]
    assert logged(stack, buyer) == []


def seen_by(name: str) -> Callable[[list[str]], bool]:
    return lambda subjects: f"A mail to {name} came back" in subjects


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


@pytest.mark.claim("OH-8")
@pytest.mark.claim("OH-9")
def test_a_link_is_mailed_with_the_invoice_as_pdf_and_the_merchants_message(
    stack: Stack, shop: Shop
) -> None:
    buyer = f"{new_key()}@buyer.example"
    invoice = shop.invoice(shop.customer(email=buyer))
    link = shop.link(invoice, message="Danke <b>sehr</b>", send={})

    (mail,) = eventually(lambda: stack.mails(buyer), bool)
    (file,) = mail["files"]
    number = shop.read(invoice)["number"]
    assert f"{stack.api}{link}" in mail["text"]
    assert f"{stack.api}{link}" in mail["html"]
    assert "Danke &lt;b&gt;sehr&lt;/b&gt;" in mail["html"]
    for shown in (number, "€40.00"):
        assert shown in mail["text"]
        assert shown in mail["html"]
    assert (file["name"], file["kind"]) == (f"{number}.pdf", "application/pdf")
    pdf = Client(stack.api).get(urlsplit(file["url"]).path).text
    assert pdf.startswith("%PDF-")
    # The link works as it stands in the mail, and nothing has to be logged in to.
    shop.pay_at(shop.open_checkout(urlsplit(address_in(mail)).path))
    shop.settled(invoice)


def address_in(mail: Any) -> str:
    """Return what the button leads to."""
    return next(word for word in mail["text"].split() if "/p/" in word)


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
