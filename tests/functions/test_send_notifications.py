"""The outbox: each message once, wherever a process dies and whatever SES says."""

from collections.abc import Callable
from typing import Any

import pytest

from payments import config
from payments.cases.notifications import notify
from payments.edge import runtime
from payments.facts.mailing import MailLimits
from payments.facts.settings import Settings
from tests.functions.shop import Shop
from tests.functions.world import Died, Json, World

BUYER, SELLER = "ada@example.com", "seller@shop.example"


@pytest.fixture
def shop(world: World) -> Shop:
    """The tulips' shop, whose seller wants to hear of sales."""
    runtime.store().save(Settings(tenant="tulips", name="Tulip House", seller_email=SELLER))
    return Shop.open(world, "tulips")


def notices(world: World, kind: str = "payment.received") -> list[Json]:
    return [row for (_, sk), row in world.rows().items() if sk.startswith(f"NOTICE#{kind}:")]


def parts(row: Json) -> dict[str, str]:
    shown = row["parts"]["M"].items()
    return {name: part["M"]["status"]["S"] for name, part in shown}


def test_a_payment_is_confirmed_to_the_buyer_and_to_the_seller_once(shop: Shop) -> None:
    shop.world.control("webhooks", mode="duplicate")
    invoice = shop.invoice()
    shop.pay(invoice)
    for _ in range(3):
        shop.world.deliver()
        shop.world.notify()

    assert shop.world.post.subjects(BUYER) == [
        f"Payment received: €40.00 for invoice {invoice['number']}"
    ]
    assert shop.world.post.subjects(SELLER) == [
        f"€40.00 received from Ada for invoice {invoice['number']}"
    ]
    (row,) = notices(shop.world)
    assert parts(row) == {"buyer": "sent", "seller": "sent", "bus": "sent"}
    assert "due_at" not in row


def test_the_row_of_the_outbox_holds_nobodys_name_or_address(shop: Shop) -> None:
    shop.pay(shop.invoice())
    shop.world.deliver()
    shop.world.notify()

    (row,) = notices(shop.world)
    assert not [word for word in (BUYER, SELLER, "Ada", "Tulip") if word in str(row)]


def test_a_record_that_the_stream_brings_again_sends_nothing(shop: Shop) -> None:
    shop.pay(shop.invoice())
    shop.world.deliver()
    shop.world.notify()
    shop.world._streamed.clear()
    shop.world.notify()

    assert len(shop.world.post.sent) == 2


def test_what_the_stream_lost_is_sent_by_the_schedule(shop: Shop) -> None:
    shop.pay(shop.invoice())
    shop.world.deliver()

    assert shop.world.run("send_notifications", {}) == {"done": 0, "left": 0}
    shop.world.advance(minutes=2)
    assert shop.world.run("send_notifications", {}) == {"done": 1, "left": 0}
    assert len(shop.world.post.sent) == 2


def test_wherever_the_sender_dies_nobody_gets_a_mail_twice_and_what_is_not_known_is_said(
    shop: Shop,
) -> None:
    """Every request of a sender is its last one once, before it was sent and after."""
    limits = MailLimits(address=1000)
    settings = runtime.store().settings("tulips")
    runtime.store().save(settings.having(mail_limits=limits), settings)
    unsure = 0
    for moment in ("before", "after"):
        for number in range(60):
            shop.world.post.sent.clear()
            shop.pay(shop.invoice())
            shop.world.deliver()
            shop.world.gate.arm(number, moment)
            try:
                shop.world.notify()
                died = False
            except Died:
                died = True
            shop.world.gate.arm(None)
            shop.world.advance(minutes=6)
            shop.world.run("send_notifications", {})
            seen = parts(notices(shop.world)[-1])
            sent = [mail["Destination"]["ToAddresses"][0] for mail in shop.world.post.sent]
            assert len(sent) == len(set(sent)), (number, moment)
            for reader, address in (("buyer", BUYER), ("seller", SELLER)):
                assert (seen[reader] == "sent") <= (address in sent), (number, moment)
                assert seen[reader] in {"sent", "unsure"}, (number, moment)
            unsure += "unsure" in seen.values()
            if not died:
                break
        assert not died
    assert unsure


def test_a_refusal_that_passes_is_tried_again_and_one_that_stays_is_not(shop: Shop) -> None:
    shop.world.post.troubles = ["TooManyRequestsException", "MessageRejected"]
    shop.pay(shop.invoice())
    shop.world.deliver()
    shop.world.notify()
    assert parts(notices(shop.world)[0]) == {"seller": "failed", "bus": "sent"}

    shop.world.advance(minutes=3)
    shop.world.run("send_notifications", {})
    assert parts(notices(shop.world)[0]) == {"seller": "failed", "buyer": "sent", "bus": "sent"}
    assert shop.world.post.to(SELLER) == []


@pytest.mark.parametrize("trouble", ["silent", "InternalFailure"])
def test_a_mail_whose_answer_was_lost_is_not_sent_again(shop: Shop, trouble: str) -> None:
    shop.world.post.troubles = [trouble]
    shop.pay(shop.invoice())
    shop.world.deliver()
    for _ in range(3):
        shop.world.notify()
        shop.world.advance(minutes=10)
        shop.world.run("send_notifications", {})

    assert len(shop.world.post.to(BUYER)) == (trouble == "silent")
    assert parts(notices(shop.world)[0])["buyer"] == "unsure"


def test_a_sender_that_is_at_it_is_not_disturbed(shop: Shop) -> None:
    shop.pay(shop.invoice())
    shop.world.deliver()
    send = shop.world.post.send_email

    def send_beside(**asked: Any) -> Any:
        shop.world.post.send_email = send
        shop.world.advance(minutes=3)
        shop.world.run("send_notifications", {})
        shop.world._streamed.clear()
        shop.world.notify()
        return send(**asked)

    shop.world.post.send_email = send_beside
    shop.world.notify()

    assert len(shop.world.post.to(BUYER)) == 1
    assert len(shop.world.post.to(SELLER)) == 1


def test_of_two_senders_in_the_same_second_only_one_sends(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.pay(shop.invoice())
    shop.world.deliver()
    compose, send = notify.compose, shop.world.post.send_email

    def send_and_die(**asked: Any) -> Any:
        shop.world.post.send_email = send
        send(**asked)
        raise Died

    def compose_beside(*asked: Any) -> Any:
        """The other one has read the same row, claims it, sends, and is heard of no more."""
        monkeypatch.setattr(notify, "compose", compose)
        shop.world.post.send_email = send_and_die
        shop.world._streamed.clear()
        with pytest.raises(Died):
            shop.world.notify()
        return compose(*asked)

    monkeypatch.setattr(notify, "compose", compose_beside)
    shop.world.notify()
    shop.world.advance(minutes=10)
    shop.world.run("send_notifications", {})

    assert len(shop.world.post.to(BUYER)) == 1


def test_without_an_address_to_send_from_nothing_is_sent_and_that_is_said(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime.doors().mail, "_address", "")
    shop.pay(shop.invoice())
    shop.world.deliver()
    shop.world.notify()

    assert shop.world.post.sent == []
    assert parts(notices(shop.world)[0]) == {
        "buyer": "skipped",
        "seller": "skipped",
        "bus": "sent",
    }


def test_a_row_that_fails_keeps_no_other_waiting(shop: Shop, sample: Callable[[str], Json]) -> None:
    shop.pay(shop.invoice())
    shop.world.deliver()
    shop.world._streamed.clear()
    nowhere = sample("send_notifications")["Records"]
    shop.world.run("send_notifications", {"Records": nowhere})
    shop.world.notify()

    assert len(shop.world.post.sent) == 2


def test_an_invoice_is_mailed_with_its_link_the_message_and_itself_as_pdf(shop: Shop) -> None:
    invoice = shop.invoice()
    message = "Danke & <b>bis bald</b>\r\nBcc: eve@example.com"
    asked = {"message": message.replace("\r", ""), "send": {}}
    made = shop.operator.post(f"/v1/invoices/{invoice['id']}/pay-links", asked, key="send-1")
    shop.operator.post(f"/v1/invoices/{invoice['id']}/pay-links", asked, key="send-1")
    shop.world.notify()

    (mail,) = shop.world.post.to(BUYER)
    body = mail["Content"]["Simple"]["Body"]
    (file,) = mail["Content"]["Simple"]["Attachments"]
    assert made.json["url"] in body["Text"]["Data"]
    assert made.json["url"] in body["Html"]["Data"]
    assert "Danke &amp; &lt;b&gt;bis bald" in body["Html"]["Data"]
    assert "<b>bis bald" not in body["Html"]["Data"]
    assert file["RawContent"].startswith(b"%PDF-")
    assert file["FileName"] == f"{invoice['number']}.pdf"


def test_a_link_is_sent_again_to_another_address_which_is_not_kept(shop: Shop) -> None:
    invoice = shop.invoice()
    made = shop.operator.post(f"/v1/invoices/{invoice['id']}/pay-links", {})
    path = f"/v1/pay-links/{made.json['id']}/send"
    for _ in range(2):
        assert shop.operator.post(path, {"email": "boss@buyer.example"}, key="once").status == 202
    shop.world.notify()

    assert len(shop.world.post.to("boss@buyer.example")) == 1
    assert "boss@buyer.example" not in str(notices(shop.world, "invoice.sent"))


def test_nobody_sends_another_tenants_link(shop: Shop) -> None:
    made = shop.operator.post(f"/v1/invoices/{shop.invoice()['id']}/pay-links", {})
    path = f"/v1/pay-links/{made.json['id']}/send"

    assert shop.world.client("bakery", "operator").post(path, {}).status == 404


@pytest.mark.parametrize("email", ["a@b.example,eve@c.example", "a@b.example\nBcc: e@x.example"])
def test_no_second_reader_gets_into_an_address(shop: Shop, email: str) -> None:
    made = shop.operator.post(f"/v1/invoices/{shop.invoice()['id']}/pay-links", {})
    asked = shop.operator.post(f"/v1/pay-links/{made.json['id']}/send", {"email": email})
    shop.world.notify()

    assert shop.world.post.sent == []
    assert asked.status == 422 or parts(notices(shop.world, "invoice.sent")[0]) == {
        "buyer": "failed",
        "bus": "skipped",
    }


@pytest.mark.parametrize(
    ("card", "subject"),
    [
        ("chargeCustomerFail", "did not go through"),
        ("authenticationRequired", "Please confirm your payment"),
    ],
)
def test_a_payer_whose_saved_card_fails_gets_one_neutral_mail_with_a_link(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, card: str, subject: str
) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://pay.shop.example")
    forget_settings()
    saved = shop.save_card(card)
    invoice = shop.invoice()
    shop.charge(invoice, payment_method=saved)
    for _ in range(2):
        shop.world.deliver()
        shop.world.notify()

    (mail,) = shop.world.post.to(BUYER)
    text = mail["Content"]["Simple"]["Body"]["Text"]["Data"]
    assert subject in mail["Content"]["Simple"]["Subject"]["Data"]
    assert "https://pay.shop.example/p/" in text
    assert shop.world.post.to(SELLER) == []
    link = text.split("https://pay.shop.example")[1].split()[0]
    assert shop.world.public.get(link).status == 200


def forget_settings() -> None:
    config.settings.cache_clear()


def test_a_refund_is_told_to_the_payer_and_a_dispute_to_the_merchant(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice)
    shop.world.deliver()
    payment = shop.read(invoice)["payments"][0]
    shop.admin.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 1000})
    disputed = shop.invoice()
    shop.pay(disputed, "createDispute")
    for _ in range(3):
        shop.world.deliver()
        shop.world.notify()

    refunds = [line for line in shop.world.post.subjects(BUYER) if "Refund" in line]
    disputes = [line for line in shop.world.post.subjects(SELLER) if "disputes" in line]
    assert refunds == [f"Refund of €10.00 for invoice {invoice['number']}"]
    assert disputes == [f"Ada disputes €40.00 of invoice {disputed['number']}"]


def test_a_customer_is_written_to_in_their_language(shop: Shop) -> None:
    body = {"name": "Ada", "email": BUYER, "online_payment_enabled": True, "locale": "de-AT"}
    assert shop.admin.put("/v1/customers/c-1", body).json["locale"] == "de-AT"
    invoice = shop.invoice()
    shop.pay(invoice)
    shop.world.deliver()
    shop.world.notify()

    assert shop.world.post.subjects(BUYER) == [
        f"Zahlung erhalten: € 40,00 für Rechnung {invoice['number']}"
    ]


def kinds(world: World) -> list[str]:
    return [event["type"] for event in world.post.told]


def test_an_order_is_released_once_when_settled_money_covers_it(shop: Shop) -> None:
    shop.world.control("webhooks", mode="duplicate")
    invoice = shop.invoice(order_ref="order-1")
    shop.pay(invoice, amount=1500)
    tell(shop.world)
    assert kinds(shop.world) == ["invoice.partially_paid"]
    assert shop.world.post.told[0]["held_for"] == "unpaid"

    shop.pay(invoice)
    for _ in range(3):
        tell(shop.world)
    assert kinds(shop.world) == ["invoice.partially_paid", "invoice.paid", "order.release"]
    assert shop.world.post.told[2]["order_ref"] == "order-1"
    assert len({event["id"] for event in shop.world.post.told}) == 3


def test_an_order_whose_part_a_bank_took_back_is_released_once_it_is_all_paid_again(
    shop: Shop,
) -> None:
    """What is paid then is settled, and nobody disputes it."""
    invoice = shop.invoice()
    shop.pay(invoice, "createDispute", amount=1500)
    tell(shop.world)
    (dispute,) = shop.read(invoice)["disputes"]
    assert shop.operator.post(f"/v1/disputes/{dispute['id']}/accept").status == 200
    tell(shop.world)
    assert shop.read(invoice)["held_for"] == "charged_back"
    assert "order.release" not in kinds(shop.world)

    shop.pay(invoice)
    tell(shop.world)

    assert kinds(shop.world)[-2:] == ["invoice.paid", "order.release"]
    assert shop.read(invoice)["held_for"] is None


def test_an_order_is_released_when_no_more_is_asked_for_than_was_paid(shop: Shop) -> None:
    """Nobody pays after that, so nothing else would release it."""
    invoice = shop.invoice(order_ref="order-8")
    shop.pay(invoice, amount=1500)
    tell(shop.world)
    mails = len(shop.world.post.sent)

    for total in (2000, 1500):
        version = shop.read(invoice)["version"]
        path = f"/v1/invoices/{invoice['id']}"
        headers = {"if-match": f'"{version}"'}
        changed = shop.operator.send("PATCH", path, {"total": total}, headers=headers)
        assert changed.status == 200
        tell(shop.world)

    assert kinds(shop.world) == ["invoice.partially_paid", "invoice.paid", "order.release"]
    paid, released = shop.world.post.told[1:]
    assert (paid["payment"], paid["amount"], released["order_ref"]) == (None, 0, "order-8")
    assert shop.read(invoice)["held_for"] is None
    assert len(shop.world.post.sent) == mails


def test_a_bank_debit_that_is_under_way_releases_nothing(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice, "pm_sepaDebit")
    tell(shop.world)

    assert shop.read(invoice)["facets"]["collection"] == "processing"
    assert "order.release" not in kinds(shop.world)


def test_what_the_bus_does_not_take_is_put_again_and_no_mail_with_it(shop: Shop) -> None:
    put = shop.world.post.put_events
    shop.world.post.put_events = lambda **_: {"FailedEntryCount": 1}
    shop.pay(shop.invoice())
    tell(shop.world)
    shop.world.post.put_events = put
    shop.world.advance(minutes=3)
    shop.world.run("send_notifications", {})

    assert kinds(shop.world) == ["invoice.paid", "order.release"]
    assert len(shop.world.post.sent) == 2


def test_an_event_names_nobody(shop: Shop) -> None:
    shop.pay(shop.invoice())
    tell(shop.world)

    assert not [word for word in (BUYER, SELLER, "Ada") if word in str(shop.world.post.told)]


def tell(world: World) -> None:
    world.deliver()
    world.notify()


def test_credit_that_pays_an_invoice_is_told_and_releases_its_order_as_a_payment_does(
    shop: Shop,
) -> None:
    spent, invoice = shop.invoice(), shop.invoice(order_ref="order-7")
    body = {"amount": 8000, "method": "bank_transfer"}
    made = shop.operator.post(f"/v1/invoices/{spent['id']}/offline-payments", body)
    payment = made.json["payment"]["id"]
    shop.world.notify()
    told = len(shop.world.post.told)
    for amount in (500, 3500):
        allocated = {"invoice": invoice["id"], "amount": amount}
        answer = shop.operator.post(f"/v1/payments/{payment}/allocations", allocated)
        assert answer.status == 201
        shop.world.notify()

    partly, paid, released = shop.world.post.told[told:]
    assert [each["type"] for each in (partly, paid, released)] == [
        *("invoice.partially_paid", "invoice.paid", "order.release"),
    ]
    assert [partly["amount"], paid["amount"]] == [500, 3500]
    assert {each["invoice"] for each in (partly, paid, released)} == {invoice["id"]}
    assert (paid["payment"], released["order_ref"]) == (payment, "order-7")
    assert shop.read(invoice)["released_at"] == "2026-09-21T14:00:00Z"
    assert len(shop.world.post.to(BUYER)) == 1


@pytest.mark.parametrize(
    ("card", "events"),
    [
        ("visa", ["created", "succeeded"]),
        ("pendingRefund", ["created", "pending", "succeeded"]),
        ("refundFail", ["created", "succeeded", "failed"]),
        ("refundRequiresAction", ["created", "pending", "canceled"]),
    ],
)
@pytest.mark.parametrize("origin", ["api", "stripe"])
def test_each_step_of_a_refund_is_an_event_once(
    shop: Shop, card: str, events: list[str], origin: str
) -> None:
    payment = paid_by(shop, card)
    if origin == "api":
        shop.operator.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 1000})
    else:
        charge = payment["note"]["charge"]
        shop.world.at_stripe("POST", "/v1/refunds", charge=charge, amount="1000")
    for days in (0, 1, 3):
        shop.world.advance(days=days)
        shop.world.standin.run_jobs()
        shop.world.deliver()
        shop.world.notify()
    (refund,) = shop.world.truth(shop.account)["refunds"]
    if refund["status"] == "requires_action":
        shop.world.at_stripe("POST", f"/v1/refunds/{refund['id']}/cancel")
        shop.world.deliver()
        shop.world.notify()

    told = [each for each in shop.world.post.told if each["type"].startswith("refund.")]
    assert [each["type"] for each in told] == [f"refund.{event}" for event in events]
    assert {each["refund"]["amount"] for each in told} == {1000}
    assert len({each["id"] for each in told}) == len(events)
    assert told[-1]["refund"]["status"] == events[-1]


def paid_by(shop: Shop, card: str) -> Json:
    invoice = shop.invoice()
    shop.pay(invoice, card)
    shop.world.deliver()
    return dict(shop.read(invoice)["payments"][0])


def test_money_that_came_too_late_is_given_back_and_that_is_told(shop: Shop) -> None:
    settings = runtime.store().settings("tulips")
    runtime.store().save(settings.model_copy(update={"late_payment": "refund"}), settings)
    invoice = shop.invoice()
    shop.pay(invoice)
    key = next(key for key in shop.world.rows() if key[1] == "INVOICE" and invoice["id"] in key[0])
    row = dict(shop.world.dynamo.rows[key])
    row.pop("claim")
    shop.world.dynamo.rows[key] = {**row, "voided_at": {"S": "2026-09-21T14:00:00Z"}}
    shop.world.deliver()
    shop.world.run("sweep_attempts", {})
    shop.world.deliver()
    shop.world.notify()

    told = [each["type"] for each in shop.world.post.told]
    assert told == ["refund.created", "refund.succeeded"]
