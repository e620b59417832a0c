"""The schedule: a reconciliation run is queued for every active account of every tenant."""

import json
from collections.abc import Callable

from tests.functions.shop import Shop, expect
from tests.functions.world import Json, World


def schedule(world: World) -> list[Json]:
    """Run the schedule and return what it queued."""
    queued = world.run("reconcile_accounts", {})["queued"]
    messages = [json.loads(record["body"]) for record in world.messages("reconciliations")]
    assert len(messages) == queued
    return messages


def test_every_active_account_of_every_tenant_gets_a_run(world: World) -> None:
    tulips, bakery = Shop.open(world, "tulips"), Shop.open(world, "bakery")

    messages = schedule(world)

    assert {message["tenant"] for message in messages} == {"tulips", "bakery"}
    for shop in (tulips, bakery):
        (run,) = expect(200, shop.admin.get("/v1/reconciliation/runs"))["data"]
        assert (run["account"], run["trigger"]) == (shop.account["id"], "schedule")
        assert (run["mode"], run["status"]) == ("heal", "queued")
        assert {"tenant": shop.tenant, "run": run["id"]} in messages


def test_an_account_in_error_gets_none(shop: Shop) -> None:
    shop.world.control("keys", key="sk_test_" + "tulips" * 4, revoked=True)
    expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/verify"))

    assert schedule(shop.world) == []


def test_without_accounts_nothing_is_queued(world: World) -> None:
    assert schedule(world) == []


def test_each_window_overlaps_the_last_by_more_than_a_session_lives(shop: Shop) -> None:
    for _ in range(2):
        shop.world.run("reconcile_accounts", {})
        shop.world.work("reconcile_account", *shop.world.messages("reconciliations"))
        shop.world.advance(hours=30)

    second, first = expect(200, shop.admin.get("/v1/reconciliation/runs"))["data"]

    assert first["window_from"] == "2026-09-20T13:00:00Z"
    assert first["window_to"] == "2026-09-21T14:00:01Z"
    assert second["window_from"] == "2026-09-20T13:00:01Z"
    assert second["window_to"] == "2026-09-22T20:00:01Z"


def test_a_run_that_was_not_carried_out_leaves_its_window_to_the_next(shop: Shop) -> None:
    shop.world.run("reconcile_accounts", {})
    list(shop.world.messages("reconciliations"))
    shop.world.advance(days=3)
    shop.world.run("reconcile_accounts", {})

    second, first = expect(200, shop.admin.get("/v1/reconciliation/runs"))["data"]

    assert second["window_from"] == first["window_from"]


def test_the_sample_event_queues_what_is_there(shop: Shop, sample: Callable[[str], Json]) -> None:
    assert shop.world.run("reconcile_accounts", sample("reconcile_accounts")) == {"queued": 1}
