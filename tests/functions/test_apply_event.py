"""The queue of kept events: each is a hint to look, in any order and any number of times."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from payments.cases.webhooks import apply_event
from payments.doors.doors import Doors
from payments.doors.queue import Queue
from payments.facts.event import InboxEvent
from tests.doubles.invocations import record
from tests.functions.shop import Shop, connected_twice, expect
from tests.functions.signing import a_body, deliver
from tests.functions.world import Died, Json, World


def address(shop: Shop, event: str) -> Json:
    return {"tenant": shop.tenant, "account": shop.account["id"], "mode": "test", "event": event}


def tell(shop: Shop, kind: str, about: str, **changes: Any) -> str:
    """Let Stripe say `kind` about an object of its own; return how the event ended."""
    body = a_body(type=kind, data={"object": {"id": about}}, **changes)
    assert deliver(shop, body).status == 200
    records = list(shop.world.messages("events"))
    assert shop.world.work("apply_event", *records) == []
    return status_of(shop, json.loads(body)["id"])


def status_of(shop: Shop, event: str) -> str:
    rows = [row for (_, sk), row in shop.world.rows().items() if sk == "EVENT"]
    return next(str(row["status"]["S"]) for row in rows if row["id"]["S"] == event)


def paid_in_silence(shop: Shop) -> tuple[Json, Json]:
    """An invoice that was paid while Stripe's deliveries were off, and its PaymentIntent."""
    shop.world.control("webhooks", mode="drop")
    invoice = shop.invoice()
    shop.pay(invoice)
    return invoice, shop.world.truth(shop.account)["payment_intents"][-1]


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("payment_intent.succeeded", "id"),
        ("payment_intent.payment_failed", "id"),
        ("payment_intent.processing", "id"),
        ("payment_intent.requires_action", "id"),
        ("payment_intent.canceled", "id"),
        ("charge.updated", "latest_charge"),
        ("checkout.session.completed", "session"),
        ("checkout.session.async_payment_succeeded", "session"),
    ],
)
def test_whatever_the_event_says_stripes_present_word_is_booked(
    shop: Shop, kind: str, about: str
) -> None:
    invoice, intent = paid_in_silence(shop)
    session = shop.world.at_stripe("GET", "/v1/checkout/sessions")["data"][0]["id"]

    assert tell(shop, kind, {"session": session}.get(about) or intent[about]) == "applied"

    assert shop.read(invoice)["status"] == "paid"
    assert shop.world.booked() == [4000]


def test_the_invoice_gets_a_note_with_all_that_is_known(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice)

    assert shop.world.deliver() == []

    (payment,) = shop.read(invoice)["payments"]
    (charge,) = shop.world.truth(shop.account)["charges"]
    assert payment["note"]["charge"] == charge["id"]
    assert payment["note"]["payment_intent"] == charge["payment_intent"]
    assert (payment["note"]["brand"], payment["note"]["last4"]) == ("visa", "4242")
    assert (payment["note"]["amount"], payment["gross"]) == (4000, 4000)
    assert payment["note"]["fee"] == payment["fee"]["amount"] > 0
    assert payment["note"]["receipt_url"] == charge["receipt_url"]
    assert payment["note"]["paid_at"] == payment["paid_at"] == "2026-09-21T14:00:00Z"


def test_every_event_twice_and_in_the_wrong_order_books_once(shop: Shop) -> None:
    shop.world.control("webhooks", mode="hold")
    invoice = shop.invoice()
    shop.pay(invoice)
    shop.world.standin.deliveries._held.reverse()
    shop.world.control("webhooks", mode="duplicate")

    assert shop.world.deliver() == []

    assert shop.read(invoice)["status"] == "paid"
    assert shop.world.booked() == [4000]


def test_a_failure_that_comes_after_the_success_changes_nothing(shop: Shop) -> None:
    invoice = shop.invoice()
    url = shop.session(invoice)
    shop.world.control("webhooks", mode="hold")
    shop.world.press(url, "visa_chargeDeclined")
    shop.world.press(url)
    shop.world.standin.deliveries._held.reverse()
    shop.world.control("webhooks", mode="deliver")

    assert shop.world.deliver() == []

    assert shop.read(invoice)["status"] == "paid"


def test_a_message_twice_applies_once(shop: Shop) -> None:
    invoice, intent = paid_in_silence(shop)
    assert tell(shop, "payment_intent.succeeded", intent["id"]) == "applied"
    (event,) = [row for (_, sk), row in shop.world.rows().items() if sk == "EVENT"]
    before = shop.world.rows()

    again = record(address(shop, event["id"]["S"]))

    assert shop.world.work("apply_event", again, again) == []
    assert shop.world.rows() == before
    assert shop.read(invoice)["amounts"]["paid"] == 4000


def test_an_expired_session_frees_the_invoice(shop: Shop) -> None:
    invoice = shop.invoice()
    session = shop.session(invoice).rpartition("/")[2]
    shop.world.at_stripe("POST", f"/v1/checkout/sessions/{session}/expire")

    assert shop.world.deliver() == []

    seen = shop.read(invoice)
    assert (seen["attempts"][0]["status"], seen["amounts"]["reserved"]) == ("expired", 0)


def test_an_event_that_was_queued_before_it_was_kept_comes_again(shop: Shop) -> None:
    failed = shop.world.work("apply_event", record(address(shop, "evt_early"), "early"))

    assert failed == ["early"]


def test_an_attempt_that_is_not_here_yet_comes_again_and_alone(shop: Shop) -> None:
    shop.world.control("webhooks", mode="drop")
    invoice = shop.invoice()
    intent = shop.sell_elsewhere(tenant="tulips", invoice=invoice["id"], attempt="att_later")
    for about in (intent["id"], "pi_nobody"):
        deliver(shop, a_body(data={"object": {"id": about}}))
    records = list(shop.world.messages("events"))

    failed = shop.world.work("apply_event", *records)

    assert len(failed) == 1
    assert shop.read(invoice)["status"] == "open"
    assert shop.world.booked() == []


def test_stripe_out_of_reach_makes_the_event_come_again(shop: Shop) -> None:
    invoice, intent = paid_in_silence(shop)
    deliver(shop, a_body(data={"object": {"id": intent["id"]}}))
    records = list(shop.world.messages("events"))
    shop.world.fail("/v1/payment_intents/*", "500", "500", method="GET")

    assert len(shop.world.work("apply_event", *records)) == 1
    assert shop.world.work("apply_event", *records) == []

    assert shop.read(invoice)["status"] == "paid"


def test_what_the_merchant_sells_elsewhere_is_ignored(shop: Shop) -> None:
    intent = shop.sell_elsewhere()

    assert tell(shop, "payment_intent.succeeded", intent["id"]) == "ignored"
    assert tell(shop, "charge.updated", intent["latest_charge"]) == "ignored"
    assert shop.world.booked() == []


def test_a_payment_that_names_another_tenant_is_its_pages_all_the_same(shop: Shop) -> None:
    invoice, intent = paid_in_silence(shop)
    form = {"metadata[tenant]": "bakery"}
    shop.world.at_stripe("POST", f"/v1/payment_intents/{intent['id']}", **form)

    assert tell(shop, "payment_intent.succeeded", intent["id"]) == "applied"
    assert shop.read(invoice)["status"] == "paid"


def test_a_payment_in_another_currency_than_asked_for_is_quarantined(shop: Shop) -> None:
    invoice, intent = paid_in_silence(shop)
    scope = shop.world.standin.store.scope_of("payment_intent", intent["id"])
    shop.world.standin.store.update(scope, intent | {"currency": "usd"})

    assert tell(shop, "payment_intent.succeeded", intent["id"]) == "quarantined"
    assert shop.read(invoice)["status"] == "open"


def test_a_live_event_at_a_test_endpoint_is_quarantined_unasked(shop: Shop) -> None:
    _, intent = paid_in_silence(shop)
    shop.world.gate.arm(None)

    assert tell(shop, "payment_intent.succeeded", intent["id"], livemode=True) == "quarantined"

    assert not [name for name in shop.world.gate.passed if "/v1/" in name]
    assert shop.world.booked() == []


@pytest.mark.parametrize(
    ("kind", "about"),
    [("payment_intent.succeeded", "pi_forged"), ("checkout.session.completed", "cs_forged")],
)
def test_an_object_that_stripe_does_not_know_is_quarantined(
    shop: Shop, kind: str, about: str
) -> None:
    assert tell(shop, kind, about) == "quarantined"


@pytest.mark.parametrize("kind", ["customer.created", "invoice.paid", "charge.succeeded", "x"])
def test_a_kind_of_event_that_was_not_asked_for_is_ignored_unasked(shop: Shop, kind: str) -> None:
    shop.world.gate.arm(None)

    assert tell(shop, kind, "obj_1") == "ignored"

    assert not [name for name in shop.world.gate.passed if "/v1/" in name]


def test_one_bad_message_does_not_hold_up_the_others(shop: Shop) -> None:
    invoice, intent = paid_in_silence(shop)
    deliver(shop, a_body(data={"object": {"id": intent["id"]}}))
    good = list(shop.world.messages("events"))
    bad = [record({"tenant": "tulips"}, "poor"), record(address(shop, "evt_no"), "unknown")]

    failed = shop.world.work("apply_event", bad[0], *good, bad[1])

    assert failed == ["poor", "unknown"]
    assert shop.read(invoice)["status"] == "paid"


def test_a_payment_of_a_void_invoice_is_booked_and_named(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = shop.invoice()
    url = shop.session(invoice)
    monkeypatch.setattr(
        "payments.cases.invoices.invoicing.free_claim", lambda found, **_: found.having(claim=None)
    )
    shop.operator.post(f"/v1/invoices/{invoice['id']}/void")
    shop.world.press(url)

    assert shop.world.deliver() == []

    seen = shop.read(invoice)
    assert (seen["status"], seen["facets"]["exception"]) == ("void", "paid_late")
    assert shop.world.booked() == [4000]


def test_two_tenants_with_the_same_names_are_kept_apart(world: World) -> None:
    tulips, bakery = Shop.open(world, "tulips"), Shop.open(world, "bakery")
    mine, theirs = tulips.invoice(number="1"), bakery.invoice(number="1")
    bakery.pay(theirs)

    assert world.deliver() == []

    assert (tulips.read(mine)["status"], bakery.read(theirs)["status"]) == ("open", "paid")
    assert (world.booked("tulips"), world.booked("bakery")) == ([], [4000])


def test_a_stripe_account_that_was_connected_twice_books_once_through_its_own(shop: Shop) -> None:
    second = connected_twice(shop)
    invoice = shop.invoice()
    shop.pay(invoice)

    assert shop.world.deliver() == []

    rows = [row for (_, sk), row in shop.world.rows().items() if sk == "EVENT"]
    ends = {row["status"]["S"] for row in rows if row["account"]["S"] == second}
    assert ends == {"ignored"}
    assert shop.read(invoice)["amounts"]["paid"] == 4000


def test_a_card_is_saved_under_the_account_in_which_it_was_asked_for(shop: Shop) -> None:
    connected_twice(shop)

    shop.save_card()

    (card,) = (row for (_, sk), row in shop.world.rows().items() if sk.startswith("CARD#"))
    assert card["account"]["S"] == shop.account["id"]
    assert expect(201, shop.charge(shop.invoice()))["payment"]["gross"] == 4000


def test_an_attempt_that_ended_is_paid_late_and_still_booked(shop: Shop) -> None:
    invoice, intent = paid_in_silence(shop)
    attempt = shop.read(invoice)["attempts"][0]["id"]
    key = f"T#tulips#INV#{invoice['id']}", f"ATTEMPT#{attempt}"
    row = shop.world.dynamo.rows[key]
    shop.world.dynamo.keep(row | {"status": {"S": "expired"}})

    assert tell(shop, "payment_intent.succeeded", intent["id"]) == "applied"

    assert shop.read(invoice)["status"] == "paid"


def test_an_event_that_the_sweep_queues_again_meanwhile_is_done_all_the_same(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice, intent = paid_in_silence(shop)
    apply = apply_event._apply

    def apply_slowly(event: InboxEvent, doors: Doors) -> str:
        end = apply(event, doors)
        doors.store.save(event.model_copy(update={"sweep_at": doors.now()}), event)
        return end

    monkeypatch.setattr(apply_event, "_apply", apply_slowly)

    assert tell(shop, "payment_intent.succeeded", intent["id"]) == "applied"
    assert shop.read(invoice)["status"] == "paid"


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], int]]:
    """Note which messages are hidden from other workers, and for how many seconds."""
    noted: list[tuple[list[str], int]] = []

    def hide(_: Queue, receipts: Iterable[str], seconds: int) -> None:
        noted.append(([each.removeprefix("receipt of ") for each in receipts], seconds))

    monkeypatch.setattr(Queue, "hide", hide)
    return noted


def test_a_worker_that_is_killed_leaves_its_events_to_the_next_within_a_minute(
    shop: Shop, hidden: list[tuple[list[str], int]]
) -> None:
    shop.pay(shop.invoice())
    shop.world.standin.deliveries.run_due(shop.world._receive)
    records = list(shop.world.messages("events"))
    shop.world.gate.arm(2)

    with pytest.raises(Died):
        shop.world.work("apply_event", *records)
    shop.world.gate.arm(None)

    assert hidden == [([each["messageId"] for each in records], 50)]
    assert shop.world.work("apply_event", *records) == []


def test_an_event_that_failed_waits_so_that_an_outage_does_not_use_up_its_tries(
    shop: Shop, hidden: list[tuple[list[str], int]]
) -> None:
    shop.pay(shop.invoice())
    shop.world.standin.deliveries.run_due(shop.world._receive)
    good, *_ = records = list(shop.world.messages("events"))
    bad = record({"tenant": "tulips", "account": "a", "mode": "test", "event": "evt_none"}, "bad")

    assert shop.world.work("apply_event", good, bad) == ["bad"]

    assert len(records) > 1
    assert hidden == [([good["messageId"], "bad"], 50), (["bad"], 360)]


def test_what_there_is_no_time_for_comes_again_and_is_not_begun(
    shop: Shop, hidden: list[tuple[list[str], int]]
) -> None:
    shop.pay(shop.invoice())
    shop.world.standin.deliveries.run_due(shop.world._receive)
    records = list(shop.world.messages("events"))
    shop.world.gate.arm(None)
    shop.world.remaining_ms = 15_000

    left = shop.world.work("apply_event", *records)

    assert left == [each["messageId"] for each in records]
    assert shop.world.gate.passed == []
    assert hidden == [(left, 360)]
