"""Events that never came are fetched from Stripe's list, and applied as if they had."""

import json

import pytest

from tests.doubles.invocations import record
from tests.functions.books import assert_books_agree
from tests.functions.shop import Shop, expect
from tests.functions.world import Died, Json, World

BACKFILL = {"job": "backfill"}


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop.open(world, "tulips")


def backfill(world: World) -> None:
    """Run the schedule and what it queued, and apply what was fetched."""
    world.run("reconcile_accounts", BACKFILL)
    assert world.work("reconcile_account", *world.messages("reconciliations")) == []
    records = list(world.messages("events"))
    assert not records or world.work("apply_event", *records) == []


def lose_webhooks(shop: Shop) -> None:
    """Stripe tries every event once, and gets no answer."""
    shop.world.standin.deliveries.run_due(lambda *_: 0)


def kept(shop: Shop) -> list[Json]:
    return [row for (_, sk), row in shop.world.rows().items() if sk == "EVENT"]


def test_a_payment_whose_webhook_never_came_is_booked(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice)
    lose_webhooks(shop)

    backfill(shop.world)

    assert shop.read(invoice)["status"] == "paid"
    assert_books_agree(shop)


def test_what_came_by_webhook_is_not_fetched_again(shop: Shop) -> None:
    shop.pay(shop.invoice())
    assert shop.world.deliver() == []
    before = kept(shop)

    backfill(shop.world)

    assert kept(shop) == before


def test_an_event_is_fetched_once_however_often_it_is_listed(shop: Shop) -> None:
    shop.pay(shop.invoice())
    lose_webhooks(shop)
    backfill(shop.world)
    count = len(kept(shop))

    shop.world.run("reconcile_accounts", BACKFILL)
    shop.world.work("reconcile_account", *shop.world.messages("reconciliations"))

    assert list(shop.world.messages("events")) == []
    assert len(kept(shop)) == count


def test_every_active_account_is_asked_and_no_other(world: World) -> None:
    tulips, _ = Shop.open(world, "tulips"), Shop.open(world, "bakery")
    world.control("keys", key="sk_test_" + "bakery" * 4, revoked=True)
    broken = world.client("bakery").get("/v1/accounts").json["data"][0]
    expect(200, world.client("bakery").post(f"/v1/accounts/{broken['id']}/verify"))

    assert world.run("reconcile_accounts", BACKFILL) == {"queued": 1}
    (message,) = [json.loads(record["body"]) for record in world.messages("reconciliations")]
    assert message == {"tenant": "tulips", "backfill": tulips.account["id"], "mode": "test"}


def test_what_was_missed_for_days_is_found_page_by_page(shop: Shop) -> None:
    backfill(shop.world)
    invoices = [shop.invoice() for _ in range(30)]
    for invoice in invoices:
        shop.pay(invoice)
    lose_webhooks(shop)
    shop.world.advance(days=4)

    backfill(shop.world)

    assert {shop.read(invoice)["status"] for invoice in invoices} == {"paid"}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_backfill_that_dies_anywhere_is_made_good_by_the_next(shop: Shop, moment: str) -> None:
    invoice = shop.invoice()
    shop.pay(invoice)
    lose_webhooks(shop)
    message = record({"tenant": "tulips", "backfill": shop.account["id"], "mode": "test"})
    step = 0
    while True:
        shop.world.gate.arm(step, moment)
        try:
            shop.world.work("reconcile_account", message)
        except Died:
            step += 1
            continue
        break
    shop.world.gate.arm(None)
    shop.world.advance(minutes=5)
    shop.world.run("sweep_attempts", {})
    shop.world.work("apply_event", *shop.world.messages("events"))

    assert step > 5
    assert shop.read(invoice)["status"] == "paid"
    assert {row["status"]["S"] for row in kept(shop)} == {"applied"}
