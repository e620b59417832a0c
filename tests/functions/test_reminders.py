"""What is told before it is too late: a saved card expires, a bank's deadline passes."""

from typing import Any

import pytest

from payments.edge import runtime
from payments.facts.settings import Settings
from tests.functions.books import sweep
from tests.functions.disputes import accept, disputed, save, submit
from tests.functions.disputes import path as dispute_path
from tests.functions.shop import Shop, expect
from tests.functions.world import Died, Json, World

BUYER, SELLER = "ada@example.com", "seller@shop.example"
#: The clock begins in September 2026; this is due on the first of November.
EXPIRY = {"card[exp_month]": "11", "card[exp_year]": "2026"}
NOTHING = {"told": 0, "left": 0, "too_late": 0}


@pytest.fixture
def shop(world: World) -> Shop:
    runtime.store().save(Settings(tenant="tulips", name="Tulip House", seller_email=SELLER))
    return Shop.open(world, "tulips")


def save_card(shop: Shop, **expiry: str) -> str:
    card = shop.save_card()
    renew(shop, card, **expiry)
    return card


def renew(shop: Shop, card: str, **expiry: str) -> None:
    shop.world.at_stripe("POST", f"/v1/payment_methods/{card}", **(expiry or EXPIRY))
    assert shop.world.deliver() == []


def run(shop: Shop, **units: float) -> Json:
    """Let time pass, and the schedule run once, and its mails be sent."""
    shop.world.advance(**units)
    found = dict(shop.world.run("run_schedules", {"job": "expiring_cards"}))
    shop.world.notify()
    return found


def warnings(shop: Shop) -> list[str]:
    return [line for line in shop.world.post.subjects(BUYER) if "expire" in line]


def test_a_card_that_expires_within_a_month_is_told_of_once(shop: Shop) -> None:
    save_card(shop)

    assert run(shop, days=39) == NOTHING
    assert run(shop, days=1) == {"told": 1, "left": 0, "too_late": 0}
    for _ in range(40):
        assert run(shop, days=1) == NOTHING

    assert warnings(shop) == ["Your saved card is about to expire"]
    (mail,) = shop.world.post.to(BUYER)
    text = mail["Content"]["Simple"]["Body"]["Text"]["Data"]
    assert "Tulip House" in text
    assert "November 30, 2026" in text
    assert "4242" in text


def test_a_card_that_the_bank_renewed_is_told_of_when_the_new_one_expires(shop: Shop) -> None:
    card = save_card(shop)
    shop.world.advance(days=40)
    renew(shop, card, **{"card[exp_month]": "1", "card[exp_year]": "2027"})

    assert run(shop, days=5) == NOTHING
    assert run(shop, days=61)["told"] == 1
    assert len(warnings(shop)) == 1


def test_a_month_that_was_told_is_not_told_again_when_a_renewal_is_taken_back(shop: Shop) -> None:
    january = {"card[exp_month]": "1", "card[exp_year]": "2027"}
    card = save_card(shop, **january)
    assert run(shop, days=110)["told"] == 1
    renew(shop, card, **{"card[exp_month]": "2", "card[exp_year]": "2027"})
    assert run(shop, days=21)["told"] == 1
    renew(shop, card, **january)

    assert run(shop) == NOTHING
    assert len(warnings(shop)) == 2
    (row,) = [row for (_, sk), row in shop.world.rows().items() if sk == f"CARD#{card}"]
    assert "due_at" not in row


def test_a_renewal_between_the_job_and_the_mail_sends_nothing(shop: Shop) -> None:
    card = save_card(shop)
    shop.world.advance(days=41)
    shop.world.run("run_schedules", {"job": "expiring_cards"})
    renew(shop, card, **{"card[exp_month]": "11", "card[exp_year]": "2039"})

    shop.world.notify()

    assert warnings(shop) == []


def disable(shop: Shop) -> None:
    shop.customer(enabled=False)


def without_address(shop: Shop) -> None:
    body = {"name": "Ada", "email": None, "online_payment_enabled": True}
    expect(200, shop.admin.put("/v1/customers/c-1", body))


def switch_off(shop: Shop) -> None:
    state = f"/v1/payment-modules/{shop.module['id']}/state"
    expect(200, shop.admin.post(state, {"state": "off"}))


def switch_on(shop: Shop) -> None:
    state = f"/v1/payment-modules/{shop.module['id']}/state"
    expect(200, shop.admin.post(state, {"state": "sandbox"}))


@pytest.mark.parametrize(
    ("hinder", "mend"),
    [(disable, Shop.customer), (without_address, Shop.customer), (switch_off, switch_on)],
)
def test_who_cannot_be_told_today_is_told_once_they_can(shop: Shop, hinder: Any, mend: Any) -> None:
    save_card(shop)
    hinder(shop)

    assert run(shop, days=41) == {"told": 0, "left": 1, "too_late": 0}
    assert run(shop, hours=1) == NOTHING
    assert run(shop, days=1)["left"] == 1
    mend(shop)
    assert run(shop, days=1)["told"] == 1
    assert len(warnings(shop)) == 1


def test_of_a_card_that_has_expired_meanwhile_nobody_is_told(shop: Shop) -> None:
    save_card(shop)

    assert run(shop, days=80) == {"told": 0, "left": 0, "too_late": 1}
    assert run(shop, days=1) == NOTHING
    assert warnings(shop) == []


def erase(shop: Shop, _: str) -> None:
    expect(200, shop.admin.post("/v1/customers/c-1/erase", {"confirm": "c-1"}))


def detach(shop: Shop, card: str) -> None:
    expect(200, shop.operator.send("DELETE", f"/v1/customers/c-1/payment-methods/{card}"))


@pytest.mark.parametrize("end", [erase, detach])
@pytest.mark.parametrize("early", [True, False])
def test_of_a_card_that_is_gone_nobody_is_told(shop: Shop, end: Any, early: bool) -> None:
    card = save_card(shop)
    shop.world.advance(days=41)
    if not early:
        shop.world.run("run_schedules", {"job": "expiring_cards"})
    end(shop, card)

    assert run(shop) == NOTHING
    assert warnings(shop) == []


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_job_that_dies_at_any_request_tells_once(shop: Shop, moment: str) -> None:
    for step in range(40):
        card = save_card(shop)
        if step == 0:
            shop.world.advance(days=41)
        shop.world.post.sent.clear()
        shop.world.gate.arm(step, moment)
        try:
            shop.world.run("run_schedules", {"job": "expiring_cards"})
            died = False
        except Died:
            died = True
        shop.world.gate.arm(None)
        for _ in range(3):
            run(shop, hours=1)
        assert len(warnings(shop)) == 1, step
        detach(shop, card)
        if not died:
            break
    assert step > 3
    assert not died


def days_told(shop: Shop) -> list[str]:
    return [line for line in shop.world.post.subjects(SELLER) if "left to answer" in line]


def live(shop: Shop, days: int, times: int = 4) -> None:
    """Let days pass, with the sweep every few hours."""
    for _ in range(days * times):
        shop.world.advance(hours=24 / times)
        for _ in range(2):
            sweep(shop)
            shop.world.notify()


def test_a_deadline_is_told_of_seven_three_and_one_days_before_each_once(shop: Shop) -> None:
    invoice, dispute = disputed(shop)
    assert dispute["due_by"] == "2026-09-29T23:59:59Z"
    live(shop, 8)

    assert [line[:6] for line in days_told(shop)] == ["7 days", "3 days", "1 day "]
    told = [event for event in shop.world.post.told if event["type"] == "dispute.deadline"]
    assert [event["dispute"]["days_left"] for event in told] == [7, 3, 1]
    assert {event["dispute"]["due_by"] for event in told} == {"2026-09-29T23:59:59+00:00"}
    assert {event["invoice"] for event in told} == {invoice["id"]}


def test_the_reminder_comes_to_the_hour(shop: Shop) -> None:
    disputed(shop)
    sweep(shop)
    shop.world.advance(days=1, hours=9, minutes=59)
    sweep(shop)
    shop.world.notify()
    assert days_told(shop) == []

    shop.world.advance(minutes=1)
    sweep(shop)
    shop.world.notify()
    assert len(days_told(shop)) == 1


@pytest.mark.parametrize("how", ["submitted", "accepted"])
def test_an_answer_ends_the_reminders(shop: Shop, how: str) -> None:
    _, dispute = disputed(shop)
    live(shop, 2)
    assert len(days_told(shop)) == 1
    if how == "submitted":
        expect(200, save(shop, dispute))
        expect(200, submit(shop, dispute))
    else:
        expect(200, accept(shop, dispute))

    live(shop, 6)

    assert len(days_told(shop)) == 1
    kinds = [event["type"] for event in shop.world.post.told]
    assert kinds.count("dispute.deadline") == 1


def test_evidence_that_is_only_kept_does_not_end_them(shop: Shop) -> None:
    _, dispute = disputed(shop)
    live(shop, 2)
    expect(200, save(shop, dispute))
    live(shop, 6)

    assert len(days_told(shop)) == 3
    assert expect(200, shop.operator.get(dispute_path(dispute)))["status"] == "needs_response"


def test_an_answer_between_the_sweep_and_the_mail_is_not_asked_for(shop: Shop) -> None:
    _, dispute = disputed(shop)
    shop.world.advance(days=2)
    sweep(shop)
    expect(200, save(shop, dispute))
    expect(200, submit(shop, dispute))

    shop.world.notify()

    assert days_told(shop) == []


def test_without_an_address_of_the_seller_the_accounts_are_told(world: World) -> None:
    shop = Shop.open(world, "tulips")
    disputed(shop)

    live(shop, 2)

    assert len(world.post.subjects("ar@shop.example")) == 1


def test_a_merchant_is_reminded_though_the_payer_was_forgotten(shop: Shop) -> None:
    disputed(shop)
    erase(shop, "")

    live(shop, 2)

    assert len(days_told(shop)) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_sweep_that_dies_at_any_request_reminds_once(shop: Shop, moment: str) -> None:
    disputed(shop)
    shop.world.advance(days=2)
    for step in range(60):
        shop.world.gate.arm(step, moment)
        try:
            sweep(shop)
            died = False
        except Died:
            died = True
        shop.world.gate.arm(None)
        if not died:
            break
    live(shop, 1)

    assert not died
    assert len(days_told(shop)) == 1


def test_an_invoice_says_what_holds_its_order(shop: Shop) -> None:
    invoice = shop.invoice()
    assert (shop.read(invoice)["held_for"], shop.read(invoice)["released_at"]) == ("unpaid", None)
    shop.pay(invoice, "pm_sepaDebit")
    shop.world.deliver()
    assert shop.read(invoice)["held_for"] == "processing"

    paid = shop.invoice()
    shop.pay(paid)
    shop.world.deliver()
    assert shop.read(paid)["held_for"] is None
    assert shop.read(paid)["released_at"]


def test_the_timeline_says_who_was_told_and_who_was_not_and_names_no_address(shop: Shop) -> None:
    shop.world.post.troubles = ["silent", "MessageRejected"]
    invoice = shop.invoice()
    shop.pay(invoice)
    shop.world.deliver()
    shop.world.notify()

    story = expect(200, shop.operator.get(f"/v1/invoices/{invoice['id']}/timeline"))["data"]

    told = {each["kind"]: each["text"] for each in story if each["kind"].startswith("notice_")}
    assert told == {
        "notice_unsure": "The payer may have been told of the payment, and is not told again "
        "(no answer).",
        "notice_failed": told["notice_failed"],
        "notice_sent": "The event bus was told of the payment.",
    }
    assert told["notice_failed"].startswith("The merchant could not be told of the payment (")
    assert "@" not in str(story)


def test_a_bank_that_gives_two_days_is_told_of_with_two_days(shop: Shop) -> None:
    _, dispute = disputed(shop)
    about = {"account": shop.account["stripe_account"], "dispute": dispute["stripe_id"]}

    shop.world.control("disputes", within_s=2 * 24 * 60 * 60, **about)
    shop.world.deliver()
    shop.world.notify()

    assert [line[:6] for line in days_told(shop)] == ["2 days"]
