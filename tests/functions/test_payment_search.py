"""GET /v1/payments: what was paid, found by customer, invoice, status and date."""

import pytest

from tests.functions.refunds import again, ask, paid
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, expect
from tests.functions.world import Json


@pytest.mark.claim("CR-4")
def test_payments_are_listed_by_customer_invoice_status_and_date(shop: Shop) -> None:
    shop.customer("c-2")
    first = paid(shop)
    shop.world.advance(days=1)
    second, third = paid(shop, customer="c-2"), paid(shop)
    expect(201, ask(shop, third, amount=1))

    def found(**asked: object) -> list[str]:
        page = expect(200, shop.operator.get("/v1/payments", **asked))
        return [payment["id"] for payment in page["data"]]

    assert found() == [third["id"], second["id"], first["id"]]
    assert found(customer="c-2") == [second["id"]]
    assert found(invoice=first["invoice"]) == [first["id"]]
    assert found(invoice=first["invoice"], status="refunded") == []
    assert found(status="succeeded") == [second["id"], first["id"]]
    assert found(status="partially_refunded", customer="c-1") == [third["id"]]
    assert found(**{"from": "2026-09-22T00:00:00Z"}) == [third["id"], second["id"]]
    assert found(to="2026-09-22T02:00:00+02:00") == [first["id"]]
    assert found(invoice=first["invoice"], to="2026-09-21T14:00:00Z") == []
    one = expect(200, shop.operator.get("/v1/payments", limit=1))
    assert [payment["id"] for payment in one["data"]] == [third["id"]]
    assert found(limit=9, cursor=one["next_cursor"]) == [second["id"], first["id"]]


def test_a_payment_shows_what_stripe_kept_and_where_the_rest_went(shop: Shop) -> None:
    payment = paid(shop)

    (charge,) = shop.world.truth(shop.account)["charges"]
    shown = again(shop, payment)
    assert (shown["gross"], shown["currency"], shown["method"]) == (4000, "eur", "stripe")
    assert shown["net"] == 4000 - shown["fee"]["amount"]
    assert shown["note"]["charge"] == charge["id"]
    assert shown["allocations"] == [{"invoice": payment["invoice"], "amount": 4000}]
    assert (shown["unapplied"], shown["refunds"], shown["refundable"]) == (0, [], 4000)
    assert (shown["status"], shown["customer"]) == ("succeeded", "c-1")


def test_money_that_came_at_a_time_written_in_another_zone_is_found_by_its_moment(
    shop: Shop,
) -> None:
    path = f"/v1/invoices/{shop.invoice()['id']}/offline-payments"
    body = {"amount": 100, "method": "cash"}
    written = {
        "2026-09-01T01:00:00+02:00": "2026-08-31T23:00:00Z",
        "2026-08-31T20:30:00.750-03:00": "2026-08-31T23:30:00Z",
    }
    for at, in_utc in written.items():
        booked = expect(201, shop.operator.post(path, body | {"received_at": at}))
        assert booked["payment"]["paid_at"] == in_utc

    def found(**asked: str) -> list[str]:
        page = expect(200, shop.operator.get("/v1/payments", **asked))
        return sorted(payment["paid_at"] for payment in page["data"])

    assert found(to="2026-09-01T00:00:00Z") == list(written.values())
    assert found(**{"from": "2026-08-31T23:30:00Z"}) == ["2026-08-31T23:30:00Z"]
    assert found(**{"from": "2026-09-01T00:00:00Z"}) == []


BEYOND = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"status": "x"},
        {"from": "x"},
        {"customer": ""},
        {"invoice": ""},
        {"from": "1700000000"},
        {"to": "20261231"},
        {"from": BEYOND[0]},
        {"to": BEYOND[1]},
    ],
)
def test_a_page_that_cannot_be_is_refused(showroom: Shop, query: Json) -> None:
    refused = refuse(showroom.world, lambda: showroom.operator.get("/v1/payments", **query))

    assert refused == (422, "validation_failed")
