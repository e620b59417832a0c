"""/v1/reconciliation: ask for a comparison with Stripe, and read what it found."""

import re

import pytest

from tests.functions import refusals
from tests.functions.refusals import ALWAYS, Bad, invalid, refuse, refuse_body, without
from tests.functions.shop import Shop, expect
from tests.functions.world import Json

RUNS, BREAKS = "/v1/reconciliation/runs", "/v1/reconciliation/breaks"


def test_a_run_is_queued_as_the_contract_shows(shop: Shop) -> None:
    asked = {"account": shop.account["id"], "mode": "heal"}

    run = expect(202, shop.operator.post(RUNS, asked))

    assert re.fullmatch("run_[0-9a-z]{26}", run["id"])
    assert run == {
        "id": run["id"],
        "account": shop.account["id"],
        "mode": "heal",
        "livemode": False,
        "trigger": "request",
        "status": "queued",
        "status_reason": None,
        "window_from": "2026-08-22T14:00:01Z",
        "window_to": "2026-09-21T14:00:01Z",
        "checked": 0,
        "matched": 0,
        "healed": 0,
        "breaks": {},
        "residual": 0,
        "created_at": "2026-09-21T14:00:00Z",
        "finished_at": None,
    }
    assert len(list(shop.world.messages("reconciliations"))) == 1


def test_a_run_that_is_done_shows_its_figures(shop: Shop) -> None:
    run = expect(202, shop.operator.post(RUNS, {"account": shop.account["id"]}))
    shop.world.work("reconcile_account", *shop.world.messages("reconciliations"))

    done = expect(200, shop.operator.get(f"{RUNS}/{run['id']}"))

    assert (done["status"], done["finished_at"]) == ("done", "2026-09-21T14:00:00Z")
    assert (done["checked"], done["breaks"], done["residual"]) == (0, {}, 0)


def test_a_window_is_kept_as_asked_for(shop: Shop) -> None:
    window = {"from": "2026-09-01T02:00:00+02:00", "to": "2026-09-02T00:00:00Z"}

    run = expect(202, shop.operator.post(RUNS, {"account": shop.account["id"], **window}))

    assert run["window_from"] in {"2026-09-01T02:00:00+02:00", "2026-09-01T00:00:00Z"}
    assert run["window_to"] == "2026-09-02T00:00:00Z"


def test_a_key_twice_queues_one_run(shop: Shop) -> None:
    good = {"account": shop.account["id"], "mode": "heal"}

    refusals.use_key_twice(shop.operator, RUNS, good, good | {"mode": "report"}, required=False)

    assert len(expect(200, shop.operator.get(RUNS))["data"]) == 1


BAD = (
    *ALWAYS,
    without("account"),
    invalid("mode that is none", {"mode": "repair"}),
    invalid("time without a zone", {"from": "2026-09-01T00:00:00"}),
    invalid("time in words", {"from": "yesterday"}),
    invalid("window that ends before it begins", {"from": "2026-09-02T00:00:00Z",
                                                  "to": "2026-09-01T00:00:00Z"}),
    invalid("window of nothing", {"from": "2026-09-02T00:00:00Z", "to": "2026-09-02T00:00:00Z"}),
    invalid("window that ends before anybody counted", {"to": "0001-01-01T00:00:00Z"}),
    invalid("window that begins before Stripe did", {"from": "0001-01-01T00:00:00Z"}),
    invalid("the inner name of a field", {"window_from": "2026-09-02T00:00:00Z"}),
    invalid("account that leaves its place", {"account": "acc#1"}),
    Bad("an account that nobody has", 404, "not_found", {"account": "acc_nobody"}),
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_a_run_is_refused_and_queues_nothing(showroom: Shop, bad: Bad) -> None:
    good = {"account": showroom.account["id"]}

    assert refuse_body(showroom.operator, "POST", RUNS, good, bad) == (bad.status, bad.code)
    assert list(showroom.world.messages("reconciliations")) == []


def test_an_account_that_is_not_active_is_not_compared(shop: Shop) -> None:
    shop.world.control("keys", key="sk_test_" + "tulips" * 4, revoked=True)
    expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/verify"))

    refused = refuse(shop.world, lambda: shop.operator.post(RUNS, {"account": shop.account["id"]}))

    assert refused == (409, "account_not_active")


def test_another_tenants_account_runs_and_breaks_do_not_exist(shop: Shop) -> None:
    run = expect(202, shop.operator.post(RUNS, {"account": shop.account["id"]}))
    body = {"account": shop.account["id"]}

    assert refusals.foreign(shop, RUNS, body, "POST") == (404, "not_found")
    assert refusals.foreign(shop, f"{RUNS}/{run['id']}") == (404, "not_found")
    stranger = shop.world.client("bakery")
    assert [stranger.get(path).json["data"] for path in (RUNS, BREAKS)] == [[], []]


def test_runs_are_listed_newest_first_with_a_cursor(shop: Shop) -> None:
    made = [
        expect(202, shop.operator.post(RUNS, {"account": shop.account["id"]}))["id"]
        for _ in range(5)
    ]

    seen, cursor = [], {}
    while True:
        page = expect(200, shop.operator.get(RUNS, limit=2, **cursor))
        seen += [run["id"] for run in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert seen == sorted(made, reverse=True)


def test_breaks_are_filtered_by_their_status(shop: Shop) -> None:
    shop.world.control("webhooks", mode="drop")
    shop.pay(shop.invoice())
    shop.sell_elsewhere(tenant="tulips", invoice="inv_1", attempt="att_nowhere")
    expect(202, shop.operator.post(RUNS, {"account": shop.account["id"]}))
    shop.world.work("reconcile_account", *shop.world.messages("reconciliations"))

    found = {
        status: len(expect(200, shop.operator.get(BREAKS, status=status))["data"])
        for status in ("open", "resolved")
    }

    assert found == {"open": 1, "resolved": 0}
    assert expect(200, shop.operator.get(BREAKS))["next_cursor"] is None


@pytest.mark.parametrize("path", [RUNS, BREAKS])
@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"limit": "1.5"}], ids=str)
def test_a_page_that_cannot_be_is_refused(showroom: Shop, path: str, query: Json) -> None:
    refused = refuse(showroom.world, lambda: showroom.operator.get(path, **query))

    assert refused == (422, "validation_failed")


def test_a_status_that_is_none_is_refused(showroom: Shop) -> None:
    refused = refuse(showroom.world, lambda: showroom.operator.get(BREAKS, status="lost"))

    assert refused == (422, "validation_failed")


def test_a_run_of_nobody_is_not_found(showroom: Shop) -> None:
    refused = refuse(showroom.world, lambda: showroom.operator.get(f"{RUNS}/run_nobody"))

    assert refused == (404, "not_found")
