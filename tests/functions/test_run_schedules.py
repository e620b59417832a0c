"""What the clock does: a declined card is charged again when its tenant's schedule says so."""

from collections.abc import Callable
from typing import Any

import pytest

from local.standin.payments import charging
from local.standin.payments.cards import GENERIC, LOST, NO_FUNDS, STOLEN, UNAUTHENTICATED, Card
from local.standin.payments.cards import Decline as BankDecline
from payments.edge import runtime
from payments.facts.settings import Settings
from tests.functions import refusals
from tests.functions.books import assert_books_agree, settle
from tests.functions.shop import Shop, expect
from tests.functions.world import Died, Json, World

SCHEDULE = (1, 2)
Bank = Callable[[BankDecline | None], None]


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    """Give what decides whether every card is declined from now on, and how."""

    def answer(decline: BankDecline | None) -> None:
        card = Card("visa", "4242424242424242", decline=decline)
        monkeypatch.setattr(charging, "card_behaviour", lambda _call, _method: card)

    return answer


@pytest.fixture
def shop(world: World) -> Shop:
    shop = Shop.open(world, "tulips")
    runtime.store().save(Settings(tenant="tulips", retry_schedule=SCHEDULE))
    shop.save_card()
    return shop


def decline(shop: Shop, bank: Bank, how: BankDecline = NO_FUNDS, **asked: Any) -> Json:
    """Give an invoice whose card was declined."""
    invoice = shop.invoice()
    bank(how)
    assert shop.charge(invoice, on_action_required="fail", **asked).status == 402
    return invoice


def wait(shop: Shop, **units: float) -> Json:
    """Let time pass, and the schedule run once."""
    shop.world.advance(**units)
    return dict(shop.world.run("run_schedules", {"job": "recovery"}))


def recovery(shop: Shop, invoice: Json) -> Json:
    return dict(shop.read(invoice)["recovery"])


def tried(shop: Shop) -> int:
    """How many charges Stripe was asked for."""
    return len(shop.world.truth(shop.account)["payment_intents"])


def test_a_declined_card_is_charged_again_when_it_is_due(shop: Shop, bank: Bank) -> None:
    invoice = decline(shop, bank)
    planned = recovery(shop, invoice)
    assert (planned["status"], planned["course"]) == ("scheduled", "retry")
    assert (planned["reason"], planned["next_at"]) == ("insufficient_funds", "2026-09-22T14:00:00Z")
    bank(None)

    assert wait(shop, hours=23) == {"tries": 0, "recovered": 0, "ended": 0, "left": 0}
    assert wait(shop, hours=1)["recovered"] == 1

    seen = shop.read(invoice)
    assert (seen["status"], [each["channel"] for each in seen["attempts"]]) == (
        "paid",
        ["charge", "auto"],
    )
    ended = seen["recovery"]
    assert (ended["status"], ended["recovered"], ended["tries"]) == ("recovered", 4000, 0)
    assert shop.world.charged(shop.account) == [4000]
    assert_books_agree(shop)
    assert wait(shop, days=10)["tries"] == 0


def test_only_as_often_as_the_schedule_says_and_then_it_is_the_payers_turn(
    shop: Shop, bank: Bank
) -> None:
    invoice = decline(shop, bank)

    assert wait(shop, days=1)["tries"] == 1
    assert (recovery(shop, invoice)["tries"], wait(shop, days=1)["tries"]) == (1, 0)
    assert wait(shop, days=1)["tries"] == 1

    asked = recovery(shop, invoice)
    assert (asked["status"], asked["course"], asked["tries"]) == ("asked", "new_card", 2)
    for _ in range(61):
        assert wait(shop, days=1)["tries"] == 0
    assert (recovery(shop, invoice)["status"], tried(shop)) == ("given_up", 3)
    assert shop.read(invoice)["status"] == "open"


def test_what_a_payer_then_pays_by_link_is_counted_as_recovered(shop: Shop, bank: Bank) -> None:
    invoice = decline(shop, bank, LOST)
    assert recovery(shop, invoice)["status"] == "asked"
    bank(None)
    shop.pay(invoice)
    shop.world.deliver()

    assert wait(shop, days=1)["recovered"] == 1

    ended = recovery(shop, invoice)
    assert (ended["status"], ended["recovered"]) == ("recovered", 4000)
    assert tried(shop) == 2


@pytest.mark.parametrize(
    ("how", "status", "course"),
    [
        (GENERIC, "scheduled", "retry"),
        (LOST, "asked", "new_card"),
        (UNAUTHENTICATED, "asked", "confirm"),
        (STOLEN, "stopped", "retry"),
    ],
)
def test_the_banks_words_decide_what_follows(
    shop: Shop, bank: Bank, how: BankDecline, status: str, course: str
) -> None:
    found = recovery(shop, decline(shop, bank, how))

    assert (found["status"], found["course"]) == (status, course)


def test_a_later_word_of_the_bank_ends_the_tries(shop: Shop, bank: Bank) -> None:
    invoice = decline(shop, bank)
    bank(STOLEN)

    wait(shop, days=1)

    assert recovery(shop, invoice)["status"] == "stopped"
    assert wait(shop, days=10)["tries"] == 0


def test_without_a_schedule_a_decline_is_left_to_staff(shop: Shop, bank: Bank) -> None:
    store = runtime.store()
    known = store.settings("tulips")
    store.save(known.model_copy(update={"retry_schedule": ()}), known)

    assert shop.read(decline(shop, bank))["recovery"] is None
    assert (wait(shop, days=10)["tries"], tried(shop)) == (0, 1)


def test_while_a_payer_is_at_the_hosted_page_no_card_is_charged(shop: Shop, bank: Bank) -> None:
    invoice = decline(shop, bank)
    bank(None)
    shop.world.advance(hours=23, minutes=30)
    session = shop.session(invoice)

    assert wait(shop, minutes=30) == {"tries": 0, "recovered": 0, "ended": 0, "left": 1}

    assert shop.world.press(session, "visa").status == 303
    shop.world.deliver()
    wait(shop, hours=1)
    assert (recovery(shop, invoice)["status"], recovery(shop, invoice)["recovered"]) == (
        "recovered",
        4000,
    )
    assert shop.world.charged(shop.account) == [4000]


@pytest.mark.parametrize("how", ["void", "uncollectible"])
def test_what_is_no_longer_owed_is_not_charged(shop: Shop, bank: Bank, how: str) -> None:
    invoice = decline(shop, bank)
    bank(None)
    expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/{how}"))

    wait(shop, days=1)

    ended = recovery(shop, invoice)
    assert (ended["status"], ended["reason"]) == ("stopped", f"invoice_{how}")
    assert shop.world.charged(shop.account) == []


def test_only_what_is_left_is_charged(shop: Shop, bank: Bank) -> None:
    invoice = decline(shop, bank)
    bank(None)
    body = {"amount": 1500, "method": "cash"}
    expect(201, shop.operator.post(f"/v1/invoices/{invoice['id']}/offline-payments", body))

    wait(shop, days=1)

    assert shop.world.charged(shop.account) == [2500]
    assert shop.read(invoice)["status"] == "paid"


def test_a_customer_who_may_no_longer_pay_online_is_not_charged(shop: Shop, bank: Bank) -> None:
    invoice = decline(shop, bank)
    bank(None)
    shop.customer(enabled=False)

    wait(shop, days=1)

    assert recovery(shop, invoice)["reason"] == "customer_not_enabled"
    assert shop.world.charged(shop.account) == []


def test_a_module_that_is_off_only_makes_it_wait(shop: Shop, bank: Bank) -> None:
    invoice = decline(shop, bank)
    bank(None)
    state = f"/v1/payment-modules/{shop.module['id']}/state"
    expect(200, shop.admin.post(state, {"state": "off"}))

    assert wait(shop, days=1)["left"] == 1
    assert shop.world.charged(shop.account) == []
    expect(200, shop.admin.post(state, {"state": "sandbox"}))
    assert wait(shop, hours=1)["recovered"] == 1
    assert shop.read(invoice)["status"] == "paid"


def test_somebody_who_may_can_stop_it(shop: Shop, bank: Bank) -> None:
    invoice = decline(shop, bank)
    bank(None)
    path = f"/v1/invoices/{invoice['id']}/recovery/stop"

    assert expect(200, shop.operator.post(path))["status"] == "stopped"
    assert expect(200, shop.operator.post(path))["reason"] == "asked_to"

    assert wait(shop, days=10)["tries"] == 0
    assert refusals.foreign(shop, path, {}, "POST") == (404, "not_found")
    assert shop.operator.post(f"/v1/invoices/{shop.invoice()['id']}/recovery/stop").status == 404


def test_a_recovery_that_never_holds_still_is_not_said_to_be_stopped(
    shop: Shop, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/v1/invoices/{decline(shop, bank)['id']}/recovery/stop"
    shop.world.never_still("RECOVERY", monkeypatch)

    refused = shop.operator.post(path)

    assert (refused.status, refused.code) == (503, "too_much_contention")


def test_recoveries_are_listed_by_status(shop: Shop, bank: Bank) -> None:
    first, second = decline(shop, bank), decline(shop, bank, LOST)

    found = {
        status: [
            each["invoice"]
            for each in expect(200, shop.operator.get("/v1/recoveries", status=status))["data"]
        ]
        for status in ("scheduled", "asked", "recovered")
    }

    assert found == {"scheduled": [first["id"]], "asked": [second["id"]], "recovered": []}
    assert expect(200, shop.world.client("bakery").get("/v1/recoveries"))["data"] == []


def test_two_runs_at_once_make_one_try(shop: Shop, bank: Bank) -> None:
    invoice = decline(shop, bank)
    bank(None)
    shop.world.fail("/v1/payment_intents/*/confirm", "timeout_applied", "timeout_lost")

    wait(shop, days=1)
    assert wait(shop)["tries"] == 0
    settle(shop, invoice)
    wait(shop, hours=1)

    assert shop.world.charged(shop.account) == [4000]
    assert recovery(shop, invoice)["status"] == "recovered"


def count_steps(shop: Shop) -> int:
    shop.world.gate.arm(None)
    wait(shop, days=1)
    return len(shop.world.gate.passed)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("declined", [False, True])
def test_a_try_that_breaks_off_at_any_request_takes_the_money_once(
    shop: Shop, bank: Bank, moment: str, declined: bool
) -> None:
    sample = decline(shop, bank)
    bank(NO_FUNDS if declined else None)
    steps = count_steps(shop)
    expect(200, shop.operator.post(f"/v1/invoices/{sample['id']}/recovery/stop"))

    for step in range(steps):
        before = len(shop.world.charged(shop.account))
        invoice = decline(shop, bank)
        bank(NO_FUNDS if declined else None)
        shop.world.advance(days=1)
        shop.world.gate.arm(step, moment)
        with pytest.raises(Died):
            wait(shop)
        shop.world.gate.arm(None)
        settle(shop, invoice)
        bank(None)
        for _ in range(3):
            wait(shop, days=2)
        seen = shop.read(invoice)
        assert (seen["status"], seen["recovery"]["status"]) == ("paid", "recovered"), step
        assert len(shop.world.charged(shop.account)) == before + 1, step
    assert_books_agree(shop)
