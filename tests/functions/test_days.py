"""Days are those of the merchant's own time zone, and labelled where nobody has chosen one."""

import re

import pytest

from tests.functions.shop import Shop, expect
from tests.functions.test_amounts import change
from tests.functions.test_open_pay_link import page

#: The world's clock begins at 14:00 in UTC: in Auckland it is the next day.
FAR = "Pacific/Auckland"


def cash(shop: Shop, at: str) -> str:
    """Take cash at some time, and give the path of a link of its invoice."""
    invoice = shop.invoice(due="2026-09-21")
    body = {"amount": 1000, "method": "cash", "received_at": at}
    expect(201, shop.admin.post(f"/v1/invoices/{invoice['id']}/offline-payments", body))
    return shop.link(invoice)


def days(shop: Shop, path: str) -> list[str]:
    return re.findall(r"\w+ \d+, 20\d\d(?: \(UTC\))?", page(shop, path).text)


def test_a_payment_was_made_on_the_merchants_day(shop: Shop) -> None:
    change(shop, "/v1/settings", time_zone="Asia/Tokyo")
    path = cash(shop, "2026-03-01T01:30:00+09:00")

    assert "March 1, 2026" in days(shop, path)


def test_without_a_time_zone_a_day_says_that_it_is_in_utc(shop: Shop) -> None:
    path = cash(shop, "2026-03-01T01:30:00+09:00")

    assert shop.admin.get("/v1/settings").json["time_zone"] == "UTC"
    assert "February 28, 2026 (UTC)" in days(shop, path)


def test_an_invoice_is_overdue_once_the_merchants_day_is_over(shop: Shop) -> None:
    path = cash(shop, "2026-03-01T01:30:00+09:00")
    assert "Due on September 21, 2026" in page(shop, path).text

    change(shop, "/v1/settings", time_zone=FAR)

    assert "Was due on September 21, 2026" in page(shop, path).text


def test_a_link_that_ends_at_midnight_ends_with_the_day_before(shop: Shop) -> None:
    change(shop, "/v1/settings", time_zone="Europe/Berlin")
    path = shop.link(shop.invoice(), expires_at="2026-10-01T00:00:00+02:00")
    shop.world.advance(days=20)

    assert "It could be used until September 30, 2026. Ask" in page(shop, path).text


def test_the_receipt_and_the_sheet_tell_the_merchants_day(shop: Shop) -> None:
    change(shop, "/v1/settings", time_zone=FAR)
    invoice = shop.invoice()
    path = f"/v1/invoices/{invoice['id']}/pay-links"
    expect(201, shop.operator.post(path, {"send": {"email": "ada@buyer.example"}}))
    shop.world.notify()
    shop.pay(invoice)
    shop.world.deliver()
    shop.world.notify()

    (sent,) = shop.world.post.to("ada@buyer.example")
    (receipt,) = shop.world.post.to("ada@example.com")
    sheet = sent["Content"]["Simple"]["Attachments"][0]["RawContent"]
    assert b"September 22, 2026".hex().encode() in sheet
    assert "September 22, 2026" in receipt["Content"]["Simple"]["Body"]["Text"]["Data"]


BAD = ("Berlin", "CEST", "europe/berlin", "../etc/passwd", "", "+02:00", "Factory", 2, "x" * 99)


@pytest.mark.parametrize("bad", BAD)
def test_a_time_zone_that_the_database_does_not_name_is_refused(
    showroom: Shop, bad: object
) -> None:
    seen = {"if-match": showroom.admin.get("/v1/settings").headers["etag"]}

    answer = showroom.admin.send("PATCH", "/v1/settings", {"time_zone": bad}, headers=seen)

    assert (answer.status, answer.code) == (422, "validation_failed")
