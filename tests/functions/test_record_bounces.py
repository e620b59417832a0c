"""Mails that come back, people who complain, and floods: who is written to, and who is not."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from payments.edge import runtime
from payments.facts.settings import Settings
from payments.steps.notifications.mail_limits import known_as
from tests.doubles.invocations import stream_record
from tests.doubles.post import report_of
from tests.functions.shop import Shop, expect
from tests.functions.world import Json, World

BUYER, SELLER = "ada@example.com", "seller@shop.example"
LIFT = "/v1/notifications/lift-suppression"


@pytest.fixture
def shop(world: World) -> Shop:
    """The tulips' shop, whose seller is told of what comes back."""
    runtime.store().save(Settings(tenant="tulips", name="Tulip House", seller_email=SELLER))
    return Shop.open(world, "tulips")


def bounce(mail: Json, kind: str = "Permanent", sub: str = "NoEmail", **more: Any) -> Json:
    """What SES tells of a mail that came back."""
    told = {"bounceType": kind, "bounceSubType": sub, "timestamp": "2026-09-21T14:00:08.432Z"}
    return _event("Bounce", mail, {"bounce": told}, **more)


def complaint(mail: Json, kind: str | None = "abuse", **more: Any) -> Json:
    told = {"timestamp": "2026-09-21T14:10:00.000Z"}
    told |= {"complaintFeedbackType": kind} if kind else {}
    return _event("Complaint", mail, {"complaint": told}, **more)


def _event(
    kind: str, mail: Json, what: Json, at: str = "2026-09-21T14:00:00Z", message: str = ""
) -> Json:
    return report_of(mail, kind, what, at=at, message=message or mail["MessageId"])


def send(shop: Shop, **asked: Any) -> tuple[Json, Json]:
    """Send an invoice by mail; return it, and the mail."""
    invoice = shop.invoice()
    shop.link(invoice, send=asked)
    shop.world.notify()
    return invoice, shop.world.post.sent[-1]


def hear(shop: Shop, *events: Json) -> list[str]:
    return [shop.world.run("record_bounces", event)["ended"] for event in events]


def messages(shop: Shop, invoice: Json) -> list[tuple[str, str, str | None]]:
    """Who was told of what, as the API shows it."""
    found = expect(200, shop.operator.get("/v1/notifications", invoice=invoice["id"]))["data"]
    return [
        (each["kind"], part["status"], part["reason"])
        for each in found
        for part in each["messages"]
        if part["reader"] == "buyer"
    ]


def test_a_mail_that_came_back_is_seen_with_its_invoice_and_by_the_merchant(shop: Shop) -> None:
    invoice, mail = send(shop)
    assert messages(shop, invoice) == [("invoice.sent", "sent", None)]

    assert hear(shop, bounce(mail)) == ["bounced"]
    shop.world.notify()

    assert messages(shop, invoice) == [("invoice.sent", "bounced", "no_such_mailbox")]
    story = expect(200, shop.operator.get(f"/v1/invoices/{invoice['id']}/timeline"))["data"]
    (told,) = [each for each in story if each["kind"] == "mail_bounced"]
    assert told["text"] == (
        "The mail to the payer came back (no such mailbox). Nothing more is sent to that address."
    )
    (notice,) = shop.world.post.to(SELLER)
    simple = notice["Content"]["Simple"]
    assert simple["Subject"]["Data"] == "A mail to Ada came back"
    assert invoice["number"] in simple["Body"]["Text"]["Data"]


def test_whatever_comes_twice_or_late_changes_nothing(shop: Shop) -> None:
    invoice, mail = send(shop)
    events = (bounce(mail), complaint(mail), bounce(mail), complaint(mail))
    assert hear(shop, *events) == ["bounced", "complained", "known", "known"]
    shop.world.notify()
    rows = shop.world.facts()

    for event in (*events, *reversed(events)):
        assert hear(shop, event) == ["known"]
    shop.world.notify()

    assert shop.world.facts() == rows
    assert len(shop.world.post.to(SELLER)) == 1
    assert messages(shop, invoice)[0][1] == "complained"


def test_a_report_that_comes_before_the_sender_has_written_what_it_sent(shop: Shop) -> None:
    taken = shop.world.post.send_email

    def send_and_bounce(**asked: Any) -> Any:
        shop.world.post.send_email = taken
        answer = taken(**asked)
        assert hear(shop, bounce({**asked, **answer})) == ["bounced"]
        return answer

    shop.world.post.send_email = send_and_bounce
    shop.pay(shop.invoice())
    shop.world.deliver()
    shop.world.notify()
    shop.world.notify()

    (row,) = rows(shop, "NOTICE#payment.received")
    assert {name: part["M"]["status"]["S"] for name, part in row["parts"]["M"].items()} == {
        "buyer": "sent",
        "seller": "sent",
        "bus": "sent",
    }
    assert shop.world.post.subjects(SELLER)[-1] == "A mail to Ada came back"


def rows(shop: Shop, kind: str) -> list[Json]:
    return [row for (_, sk), row in shop.world.rows().items() if sk.startswith(kind)]


@pytest.mark.parametrize("report", [bounce, complaint])
def test_nothing_more_is_sent_to_such_an_address_by_that_tenant(
    shop: Shop, report: Callable[[Json], Json]
) -> None:
    _, mail = send(shop)
    hear(shop, report(mail))
    paid = shop.invoice()
    shop.pay(paid)
    shop.world.deliver()
    shop.world.notify()
    bakery = Shop.open(shop.world, "bakery")
    send(bakery)

    assert len(shop.world.post.to(BUYER)) == 2
    reason = "bounced" if report is bounce else "complained"
    assert messages(shop, paid) == [("payment.received", "suppressed", reason)]


def test_whoever_sends_a_link_there_is_told_what_to_do_and_nothing_is_made(shop: Shop) -> None:
    _, mail = send(shop)
    link = shop.operator.post(f"/v1/invoices/{shop.invoice()['id']}/pay-links", {}).json["id"]
    hear(shop, bounce(mail))
    before = shop.world.facts()

    again = shop.operator.post(f"/v1/pay-links/{link}/send", {})
    invoice = expect(201, shop.storefront.post("/v1/invoices", shop.order()))
    made = shop.operator.post(f"/v1/invoices/{invoice['id']}/pay-links", {"send": {}})

    for refused in (again, made):
        assert (refused.status, refused.code) == (409, "address_suppressed")
        assert refused.json["reason"] == "bounced"
        assert LIFT in refused.json["detail"]
        assert BUYER not in refused.text
    new = {key for key in shop.world.facts() if key not in before}
    assert {sk for _, sk in new if "LINK" in sk or "NOTICE" in sk} == set()
    other = {"email": "ada@new.example"}
    assert shop.operator.post(f"/v1/pay-links/{link}/send", other).status == 202


def test_an_address_that_works_again_is_lifted_and_an_old_report_does_not_stop_it(
    shop: Shop,
) -> None:
    _, mail = send(shop)
    hear(shop, bounce(mail))
    shop.world.advance(hours=1)
    lifted = shop.operator.post(LIFT, {"email": "Ada@Example.com"})
    assert lifted.json == {
        "reason": "bounced",
        "since": "2026-09-21T14:00:00Z",
        "lifted_at": "2026-09-21T15:00:00Z",
    }
    # It was sent before, and only now somebody complains of it: that is about the old days.
    hear(shop, complaint(mail))
    _, second = send(shop)
    assert len(shop.world.post.to(BUYER)) == 2

    assert hear(shop, bounce(second, at="2026-09-21T15:00:01Z")) == ["bounced"]
    invoice = shop.invoice()
    refused = shop.operator.post(f"/v1/invoices/{invoice['id']}/pay-links", {"send": {}})
    assert refused.code == "address_suppressed"


def test_only_an_admin_writes_again_to_somebody_who_complained(shop: Shop) -> None:
    _, mail = send(shop)
    hear(shop, complaint(mail))

    assert shop.operator.post(LIFT, {"email": BUYER}).code == "permission_denied"
    assert shop.world.client("bakery").post(LIFT, {"email": BUYER}).status == 404
    assert shop.admin.post(LIFT, {"email": BUYER}).status == 200
    send(shop)
    assert len(shop.world.post.to(BUYER)) == 2
    acts = expect(200, shop.admin.get("/v1/audit"))["data"]
    assert {each["phase"] for each in acts if each["route"] == f"POST {LIFT}"} == {
        "intent",
        "outcome",
    }


@pytest.mark.parametrize(
    ("kind", "sub", "reason"),
    [
        ("Transient", "MailboxFull", "mailbox_full"),
        ("Transient", "General", "not_taken_now"),
        ("Undetermined", "Undetermined", "not_taken_now"),
    ],
)
def test_what_may_pass_is_shown_and_stops_nothing(
    shop: Shop, kind: str, sub: str, reason: str
) -> None:
    invoice, mail = send(shop)
    assert hear(shop, bounce(mail, kind, sub)) == ["bounced"]
    shop.world.notify()
    send(shop)

    assert messages(shop, invoice) == [("invoice.sent", "bounced", reason)]
    assert len(shop.world.post.to(BUYER)) == 2
    assert shop.world.post.to(SELLER) == []


def test_taking_a_mail_out_of_the_spam_folder_is_no_complaint(shop: Shop) -> None:
    _, mail = send(shop)
    assert hear(shop, complaint(mail, "not-spam")) == ["nothing"]


def test_a_report_about_another_message_or_an_unknown_row_is_not_believed(
    shop: Shop, sample: Callable[[str], Json]
) -> None:
    _, mail = send(shop)
    before = shop.world.facts()

    assert hear(shop, bounce(mail, message="another")) == ["unknown"]
    assert hear(shop, sample("record_bounces")) == ["unknown"]
    foreign = bounce(mail)
    foreign["detail"]["mail"]["tags"] = {"ses:configuration-set": ["receivable-test"]}
    assert hear(shop, foreign) == ["nothing"]
    assert shop.world.facts() == before


def test_many_dead_addresses_are_no_storm(shop: Shop) -> None:
    for number in range(8):
        _, mail = send(shop, email=f"nobody-{number}@buyer.example")
        hear(shop, bounce(mail))
        shop.world.notify()
    assert len(shop.world.post.to(SELLER)) == 5

    shop.world.advance(days=1)
    _, mail = send(shop, email="nobody@buyer.example")
    hear(shop, bounce(mail, at="2026-09-22T14:00:00Z"))
    shop.world.notify()
    assert len(shop.world.post.to(SELLER)) == 6


def test_where_the_merchants_own_mails_come_back_those_who_watch_the_account_are_told(
    shop: Shop,
) -> None:
    shop.pay(shop.invoice())
    shop.world.deliver()
    shop.world.notify()
    (mail,) = shop.world.post.to(SELLER)
    hear(shop, bounce(mail))
    shop.world.notify()

    assert shop.world.post.subjects("ar@shop.example") == ["A mail to your own address came back"]


def test_no_row_and_no_log_holds_the_address(shop: Shop) -> None:
    _, mail = send(shop, email="secret.person@buyer.example")
    hear(shop, bounce(mail))
    shop.world.notify()

    assert "secret.person" not in str(shop.world.rows())
    assert "secret.person" not in shop.world.log.getvalue()
    assert "secret.person" not in json.dumps(shop.world.post.told)


def limit(shop: Shop, **limits: int) -> None:
    seen = shop.admin.get("/v1/settings").headers["etag"]
    asked = {"mail_limits": limits}
    answer = shop.admin.send("PATCH", "/v1/settings", asked, headers={"if-match": seen})
    assert answer.status == 200, answer.text


def test_send_pressed_again_and_again_sends_five_and_then_says_so(shop: Shop) -> None:
    invoice = shop.invoice()
    link = shop.operator.post(f"/v1/invoices/{invoice['id']}/pay-links", {}).json["id"]
    path = f"/v1/pay-links/{link}/send"
    # A person who presses faster than mails are sent is stopped by the sender.
    assert [shop.operator.post(path, {}).status for _ in range(7)] == [202] * 7
    shop.world.notify()
    refused = shop.operator.post(path, {})

    assert len(shop.world.post.to(BUYER)) == 5
    assert [status for _, status, _ in messages(shop, invoice)].count("capped") == 2
    assert ("invoice.sent", "capped", "invoice_limit") in messages(shop, invoice)
    assert (refused.status, refused.code) == (429, "mail_limited")
    assert (refused.json["scope"], refused.json["limit"]) == ("invoice", 5)
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    assert shop.operator.post(path, {"email": "boss@buyer.example"}).status == 202
    shop.world.advance(days=1)
    assert shop.operator.post(path, {}).status == 202


@pytest.mark.parametrize(("scope", "most"), [("address", 2), ("tenant", 3)])
def test_over_a_limit_nothing_is_sent_and_the_merchant_is_told_once(
    shop: Shop, scope: str, most: int
) -> None:
    limit(shop, **{scope: most})
    invoices = [shop.invoice() for _ in range(4)]
    for invoice in invoices:
        shop.pay(invoice)
        shop.world.deliver()
        shop.world.notify()
    shop.world.notify()

    capped = [invoice for invoice in invoices if messages(shop, invoice)[0][1] == "capped"]
    assert len(shop.world.post.to(BUYER)) == 2
    assert len(capped) == 2
    assert messages(shop, capped[-1]) == [("payment.received", "capped", f"{scope}_limit")]
    notes = [line for line in shop.world.post.subjects(SELLER) if line.startswith("Too many")]
    assert len(notes) == 1
    story = shop.operator.get(f"/v1/invoices/{capped[-1]['id']}/timeline").text
    assert "too many mails were sent before" in story


def test_a_seller_of_many_things_hears_of_every_sale(shop: Shop) -> None:
    limit(shop, address=1)
    for _ in range(4):
        shop.pay(shop.invoice())
        shop.world.deliver()
        shop.world.notify()

    sales = [line for line in shop.world.post.subjects(SELLER) if "received" in line]
    assert len(sales) == 4


def test_one_mail_tells_of_a_card_that_keeps_being_declined(shop: Shop) -> None:
    seen = shop.admin.get("/v1/settings").headers["etag"]
    asked = {"retry_schedule": [1, 1, 1]}
    assert shop.admin.send("PATCH", "/v1/settings", asked, headers={"if-match": seen}).status == 200
    card = shop.save_card("chargeCustomerFail")
    invoice = shop.invoice()
    shop.charge(invoice, payment_method=card)
    shop.world.notify()
    shop.charge(invoice, payment_method=card)
    shop.world.notify()
    for _ in range(5):
        shop.world.advance(days=1, hours=1)
        shop.world.run("run_schedules", {"job": "recovery"})
        shop.world.notify()

    told = [line for line in shop.world.post.subjects(BUYER) if "did not go through" in line]
    tries = [each["channel"] for each in shop.read(invoice)["attempts"]]
    assert tries.count("auto") > 1
    assert len(told) == 1


def test_of_two_declines_one_is_told_whichever_the_stream_brings_first(shop: Shop) -> None:
    card = shop.save_card("chargeCustomerFail")
    invoice = shop.invoice()
    for _ in range(2):
        shop.charge(invoice, payment_method=card)
    failed = [key for key in shop.world.rows() if key[1].startswith("NOTICE#payment.failed")]
    for key in sorted(failed, reverse=True):
        shop.world.run("send_notifications", {"Records": [stream_record(key)]})

    assert len(failed) == 2
    assert len(shop.world.post.to(BUYER)) == 1


def test_another_card_that_is_declined_is_news(shop: Shop) -> None:
    invoice = shop.invoice()
    for card in ("chargeCustomerFail", "chargeCustomerFail"):
        shop.charge(invoice, payment_method=shop.save_card(card))
        shop.world.notify()

    assert len(shop.world.post.to(BUYER)) == 2


def test_what_became_of_mails_is_asked_for_one_thing_at_a_time(shop: Shop) -> None:
    assert shop.operator.get("/v1/notifications").status == 422
    both = shop.operator.get("/v1/notifications", invoice="inv_1", customer="c-1")
    assert both.status == 422
    assert shop.operator.get("/v1/notifications", invoice="inv_none").status == 404
    assert shop.operator.get("/v1/notifications", customer="c-1").json["data"] == []
    assert shop.storefront.get("/v1/notifications", customer="c-1").status == 403
    invoice, _ = send(shop)
    bakery = shop.world.client("bakery", "operator")
    assert bakery.get("/v1/notifications", invoice=invoice["id"]).status == 404


def test_what_became_of_many_mails_is_read_page_by_page(shop: Shop) -> None:
    invoice = shop.invoice()
    for _ in range(5):
        shop.link(invoice, send={})
        shop.world.notify()
    seen: list[str] = []
    asked: Json = {"invoice": invoice["id"], "limit": 2}
    for size in (2, 2, 1):
        page = expect(200, shop.operator.get("/v1/notifications", **asked))
        assert len(page["data"]) == size
        seen += [each["id"] for each in page["data"]]
        asked["cursor"] = page["next_cursor"]

    assert asked["cursor"] is None
    assert seen == sorted(set(seen), reverse=True)


def test_a_deadline_reaches_the_merchant_whose_own_address_is_dead(shop: Shop) -> None:
    shop.pay(shop.invoice())
    shop.world.deliver()
    shop.world.notify()
    (mail,) = shop.world.post.to(SELLER)
    hear(shop, bounce(mail))
    shop.pay(shop.invoice(), "createDispute")
    for _ in range(9):
        shop.world.deliver()
        shop.world.notify()
        shop.world.advance(days=1)
        shop.world.run("sweep_attempts", {})

    told = [line for line in shop.world.post.subjects("ar@shop.example") if "left to" in line]
    assert [line[:6] for line in told] == ["7 days", "3 days", "1 day "]


def test_a_tenant_that_wants_no_mails_is_not_told_of_each_day(shop: Shop) -> None:
    limit(shop, tenant=0)
    shop.pay(shop.invoice())
    shop.world.deliver()
    shop.world.notify()
    shop.world.notify()

    assert shop.world.post.sent == []


def test_what_an_address_is_known_by_differs_from_tenant_to_tenant(shop: Shop) -> None:
    """Nobody who has two tenants' rows can tell that they write to the same person."""
    names = {known_as(BUYER, tenant, runtime.doors()) for tenant in ("tulips", "bakery")}

    assert len(names) == 2
