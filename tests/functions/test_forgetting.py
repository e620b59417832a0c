"""A person's rights: everything that is kept of them, and nothing of it any more."""

import json
from typing import Any

import pytest

from payments.cases.customers import erasure
from payments.edge import runtime
from tests.functions import refusals
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, expect
from tests.functions.world import Died, Json, World

ERASURE = "/v1/customers/c-1/erasure"
ERASE, EXPORT = "/v1/customers/c-1/erase", "/v1/customers/c-1/data-export"
PERSON = {"name": "Canary Nightingale", "email": "canary.nightingale@example.com"}
WORDS = {
    "message": "Dear Canary-Message",
    "line": "Ring engraved Canary-Line",
    "reference": "Transfer Canary-Reference",
    "reason": "Canary-Reason",
}
PERSONAL = [*PERSON.values(), *WORDS.values()]


def live(shop: Shop) -> list[Json]:
    """Do everything with a customer that leaves a trace of them; return the invoices."""
    known = PERSON | {"online_payment_enabled": True}
    expect(200, shop.operator.put("/v1/customers/c-1", known))
    line = {"description": WORDS["line"], "quantity": 1, "unit_amount": 4000}
    invoices = [shop.invoice(lines=[line]) for _ in range(5)]
    linked, charged, cash, declined, open_one = invoices
    shop.pay(linked, message=WORDS["message"])
    shop.world.deliver()
    card = shop.save_card()
    paid = expect(201, shop.charge(charged, payment_method=card))["payment"]
    back = {"amount": 700, "reason": WORDS["reason"]}
    expect(201, shop.admin.post(f"/v1/payments/{paid['id']}/refunds", back))
    offline = {"amount": 5000, "method": "cash", "reference": WORDS["reference"]}
    expect(201, shop.operator.post(f"/v1/invoices/{cash['id']}/offline-payments", offline))
    assert shop.charge(declined, payment_method=shop.save_card("chargeCustomerFail")).status == 402
    shop.link(open_one, message=WORDS["message"])
    shop.world.deliver()
    return invoices


def found(world: World, words: list[str]) -> set[str]:
    """Which words stand in the table, anywhere."""
    text = json.dumps(list(world.rows().values()))
    return {word for word in words if word in text}


def described(world: World) -> list[str]:
    """Where the description of a card stands."""
    text = json.dumps(list(world.rows().values()))
    return [digits for digits in ("4242", "0341") if f'"{digits}"' in text]


def books(shop: Shop, invoices: list[Json]) -> Any:
    amounts = [shop.read(invoice)["amounts"] for invoice in invoices]
    balance = expect(200, shop.operator.get("/v1/ledger/trial-balance"))
    assert balance["balanced"]
    credit = expect(200, shop.operator.get("/v1/customers/c-1/credit"))
    return amounts, balance, credit


def test_everything_that_is_kept_is_told(shop: Shop) -> None:
    invoices = live(shop)

    told = expect(200, shop.admin.get(EXPORT))

    assert told["customer"]["email"] == PERSON["email"]
    assert {each["invoice"]["id"] for each in told["invoices"]} == {each["id"] for each in invoices}
    assert not [word for word in PERSONAL if word not in json.dumps(told)]
    assert len(told["payment_methods"]) == 2
    assert [credit["balance"] for credit in told["credits"]] == [1000]
    assert "digest" not in json.dumps(told)


def test_an_export_comes_in_pages(shop: Shop) -> None:
    invoices = live(shop)
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = expect(200, shop.admin.get(EXPORT, **query))
        seen += [each["invoice"]["id"] for each in page["invoices"]]
        cursor = page["next_cursor"]
        if not cursor:
            break

    assert sorted(seen) == sorted(each["id"] for each in invoices)


def test_after_erasing_nothing_about_the_person_is_in_the_table_and_the_books_balance(
    shop: Shop,
) -> None:
    invoices = live(shop)
    before = books(shop, invoices)
    assert found(shop.world, PERSONAL) == set(PERSONAL)
    assert described(shop.world)

    erased = expect(200, shop.admin.post(ERASE))

    assert erased == {
        "ref": "c-1",
        "status": "done",
        "erased_at": erased["ended_at"],
        "ended_at": erased["erased_at"],
        "invoices": 5,
        "left": [],
    }
    assert expect(200, shop.admin.get(ERASURE)) == erased
    assert found(shop.world, PERSONAL) == set()
    assert described(shop.world) == []
    assert books(shop, invoices) == before
    assert shop.world.at_stripe("GET", "/v1/customers")["data"] == []
    assert shop.cards() == []
    again = expect(200, shop.admin.post(ERASE))
    assert again == erased


def test_what_stripe_tells_later_brings_nothing_back(shop: Shop) -> None:
    """Every event comes once more, money comes late, and everything is reconciled."""
    invoices = live(shop)
    late = shop.invoice()
    page = shop.session(late)
    shop.world.advance(hours=30)
    shop.world.run("sweep_attempts", {})
    shop.world.control("webhooks", mode="duplicate")

    expect(200, shop.admin.post(ERASE))
    before = books(shop, invoices)
    shop.world.deliver()
    asked = {"account": shop.account["id"], "mode": "heal"}
    expect(202, shop.operator.post("/v1/reconciliation/runs", asked))
    shop.world.work("reconcile_account", *shop.world.messages("reconciliations"))
    shop.world.deliver()

    assert page
    assert found(shop.world, PERSONAL) == set()
    assert described(shop.world) == []
    assert books(shop, invoices) == before


def test_a_payment_that_comes_after_all_tells_nothing_of_its_payer(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was under way when the person was erased: nothing was seen of it."""
    invoice = shop.invoice()
    page = shop.session(invoice)
    monkeypatch.setattr("payments.cases.customers.erasure._require_idle", lambda *_: None)
    monkeypatch.setattr("payments.doors.gateway.Gateway.delete_customer", lambda *_: None)
    expect(200, shop.admin.post(ERASE))

    shop.world.press(page)
    assert shop.world.deliver() == []

    assert shop.read(invoice)["status"] == "paid"
    assert described(shop.world) == []
    assert found(shop.world, ["receipt/"]) == set()


def test_nothing_new_begins_for_who_was_erased(shop: Shop) -> None:
    invoices = live(shop)
    link = shop.link(invoices[-1])
    expect(200, shop.admin.post(ERASE))
    order = shop.order()
    body = {"module": shop.module["id"]}

    for send, refused in (
        (lambda: shop.operator.put("/v1/customers/c-1", PERSON), (409, "customer_erased")),
        (lambda: shop.storefront.post("/v1/invoices", order), (409, "customer_erased")),
        (
            lambda: shop.operator.post("/v1/customers/c-1/setup-sessions", body),
            (403, "customer_not_enabled"),
        ),
        (
            lambda: shop.operator.post(f"/v1/invoices/{invoices[-1]['id']}/pay-links", {}),
            (403, "customer_not_enabled"),
        ),
        (lambda: shop.charge(invoices[-1]), (403, "customer_not_enabled")),
    ):
        assert refuse(shop.world, send) == refused
    pressed = shop.world.public.post(f"{link}/pay", key=None)
    assert pressed.headers["location"].partition("?")[0].endswith(link)


def test_nobody_is_erased_while_a_payment_is_open(shop: Shop) -> None:
    page = shop.session(shop.invoice())

    refused = refuse(shop.world, lambda: shop.admin.post(ERASE))

    assert refused == (409, "payment_in_progress")
    shop.world.press(page)
    shop.world.deliver()
    assert shop.admin.post(ERASE).status == 200


def test_erasing_cut_short_anywhere_is_finished_by_the_next_request(shop: Shop) -> None:
    live(shop)
    start = dict(shop.world.dynamo.rows)
    shop.world.gate.arm(None)
    expect(200, shop.admin.post(ERASE))
    steps = len(shop.world.gate.passed)
    assert steps > 40

    for step in range(steps):
        shop.world.dynamo.load(start)
        shop.world.gate.arm(step, "after")
        with pytest.raises(Died):
            shop.admin.post(ERASE)
        shop.world.gate.arm(None)
        assert expect(200, shop.admin.post(ERASE))["left"] == []
        assert found(shop.world, PERSONAL) == set(), step
        assert described(shop.world) == [], step


def test_where_stripe_cannot_delete_is_said_and_tried_again(shop: Shop) -> None:
    live(shop)
    (customer,) = shop.world.at_stripe("GET", "/v1/customers")["data"]
    shop.world.fail(f"/v1/customers/{customer['id']}", "500", "500", method="DELETE")

    first = expect(200, shop.admin.post(ERASE))

    slot = {"account": shop.account["id"], "mode": "test"}
    assert first["left"] == [slot | {"code": "stripe_unavailable"}]
    assert found(shop.world, PERSONAL) == set()
    assert expect(200, shop.admin.post(ERASE))["left"] == []
    assert shop.world.at_stripe("GET", "/v1/customers")["data"] == []


def test_a_request_repeated_after_erasing_tells_nothing_of_the_person(shop: Shop) -> None:
    order = shop.order(lines=[{"description": WORDS["line"], "quantity": 1, "unit_amount": 100}])
    first = expect(201, shop.storefront.post("/v1/invoices", order, key="a-key"))
    expect(200, shop.admin.post(ERASE))

    again = expect(201, shop.storefront.post("/v1/invoices", order, key="a-key"))

    assert again["id"] == first["id"]
    assert WORDS["line"] not in json.dumps(again)


def test_other_customers_keep_everything(shop: Shop) -> None:
    expect(200, shop.operator.put("/v1/customers/c-2", PERSON | {"online_payment_enabled": True}))
    invoice = shop.invoice(customer="c-2")
    shop.save_card(ref="c-2")

    expect(200, shop.admin.post(ERASE))

    assert shop.read(invoice)["lines"][0]["description"] == "Tulips"
    assert len(shop.cards("c-2")) == 1
    assert shop.charge(invoice).status == 201


def test_export_and_erasing_are_in_the_audit_trail_without_the_person(shop: Shop) -> None:
    live(shop)
    expect(200, shop.admin.get(EXPORT))
    expect(200, shop.admin.post(ERASE))

    page = expect(200, shop.admin.get("/v1/audit", object="c-1"))

    routes = {record["route"] for record in page["data"]}
    assert routes == {
        "GET /v1/customers/{ref}/data-export",
        "POST /v1/customers/{ref}/erase",
    }
    assert not [word for word in PERSONAL if word in json.dumps(page)]


def test_another_tenants_customer_is_nobody(shop: Shop) -> None:
    assert refusals.foreign(shop, EXPORT) == (404, "not_found")
    assert refusals.foreign(shop, ERASE, {}, "POST") == (404, "not_found")


def finish(shop: Shop) -> int:
    """Let the schedule go on with what no request has finished."""
    shop.world.advance(minutes=2)
    return int(shop.world.run("sweep_attempts", {})["erasures"])


def test_what_is_too_much_for_one_request_goes_on_by_itself_and_says_how_far_it_is(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "PAGE", 2)
    invoices = live(shop)
    before = books(shop, invoices)
    left = iter([60, 1] + [60] * 3)
    monkeypatch.setattr(runtime, "time_left", lambda: next(left))
    runtime.doors.cache_clear()

    asked = expect(202, shop.admin.post(ERASE))

    assert (asked["status"], asked["invoices"], asked["ended_at"]) == ("running", 2, None)
    assert expect(200, shop.admin.get(ERASURE)) == asked
    monkeypatch.setattr(runtime, "time_left", lambda: 60)
    runtime.doors.cache_clear()
    assert finish(shop) == 1
    done = expect(200, shop.admin.get(ERASURE))
    assert (done["status"], done["invoices"]) == ("done", 5)
    assert found(shop.world, PERSONAL) == set()
    assert described(shop.world) == []
    assert books(shop, invoices) == before
    assert finish(shop) == 0


def test_an_erasure_that_dies_is_finished_by_the_schedule(shop: Shop) -> None:
    live(shop)
    start = dict(shop.world.dynamo.rows)
    shop.world.gate.arm(None)
    expect(200, shop.admin.post(ERASE))
    steps = len(shop.world.gate.passed)

    for step in range(12, steps, 7):
        shop.world.dynamo.load(start)
        shop.world.gate.arm(step, "after")
        with pytest.raises(Died):
            shop.admin.post(ERASE)
        shop.world.gate.arm(None)
        finish(shop)
        assert expect(200, shop.admin.get(ERASURE))["status"] == "done", step
        assert found(shop.world, PERSONAL) == set(), step


def test_what_names_a_person_elsewhere_is_erased_too(shop: Shop) -> None:
    order = shop.order(order_ref="Canary-Order for Nightingale")
    invoice = expect(201, shop.storefront.post("/v1/invoices", order, key="ordered"))
    card = shop.save_card()
    expect(201, shop.charge(invoice, payment_method=card))
    shop.world.deliver()
    (customer,) = shop.world.at_stripe("GET", "/v1/customers")["data"]
    words = ["Canary-Order", customer["id"], "seti_"]
    assert found(shop.world, words) == set(words)

    expect(200, shop.admin.post(ERASE))

    assert found(shop.world, ["Canary-Order"]) == set()
    names = (customer["id"], "seti_")
    rows = shop.world.rows().items()
    standing = {sk for (_, sk), row in rows if any(name in str(row) for name in names)}
    # The inbox keeps ids of Stripe's objects for ninety days, and whose customer a name there was
    # is known for good, so that what Stripe tells of it later is understood.
    assert standing <= {"EVENT", "RESERVATION"}
    again = expect(201, shop.storefront.post("/v1/invoices", order, key="ordered"))
    assert "Canary-Order" not in json.dumps(again)


def test_nobody_asks_how_far_the_erasing_of_another_tenants_customer_is(shop: Shop) -> None:
    assert shop.admin.get(ERASURE).status == 404
    expect(200, shop.admin.post(ERASE))

    assert refusals.foreign(shop, ERASURE) == (404, "not_found")
