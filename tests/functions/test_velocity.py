"""How often may be tried, through a link, with a card, by a customer and from an address."""

from typing import Any

import pytest

from payments import config
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Json

DECLINES = "chargeCustomerFail"


def rule(scope: str, counts: str, limit: int | None, minutes: int = 60) -> Json:
    return {"scope": scope, "counts": counts, "limit": limit, "minutes": minutes}


def limit(shop: Shop, *rules: Json) -> None:
    path = f"/v1/payment-modules/{shop.module['id']}"
    version = expect(200, shop.admin.get(path))["version"]
    changed = shop.admin.send(
        "PATCH", path, {"velocity": list(rules)}, headers={"if-match": f'"{version}"'}
    )
    expect(200, changed)


def asked_of_stripe(shop: Shop) -> list[str]:
    return [name for name in shop.world.gate.passed if "/v1/" in name]


def press(
    shop: Shop, path: str, address: str = "203.0.113.7", headers: Json | None = None
) -> Answer:
    event = shop.world.event("POST", f"{path}/pay", None, headers or {}, address=address)
    return shop.world.invoke(event)


def tallies(shop: Shop) -> dict[Any, Json]:
    return {key: row for key, row in shop.world.rows().items() if key[1] == "TALLY"}


def test_the_fourth_charge_of_a_customer_in_the_window_never_reaches_stripe(shop: Shop) -> None:
    shop.save_card()
    limit(shop, rule("customer", "attempts", 3, 10))
    for _ in range(2):
        expect(201, shop.charge(shop.invoice()))
    shop.world.advance(minutes=4)
    expect(201, shop.charge(shop.invoice()))
    fourth = shop.invoice()
    shop.world.gate.passed.clear()

    refused = refuse(shop.world, lambda: shop.charge(fourth, key="the fourth"))
    answer = shop.charge(fourth)

    assert refused == (429, "velocity_limited")
    assert (answer.headers["retry-after"], answer.json["retry_after_s"]) == ("360", 360)
    assert (answer.json["scope"], answer.json["limit"]) == ("customer", 3)
    assert asked_of_stripe(shop) == []
    shop.world.advance(minutes=6)
    expect(201, shop.charge(fourth, key="the fourth"))


def test_one_customers_tries_are_not_anothers(shop: Shop) -> None:
    limit(shop, rule("customer", "attempts", 1))
    shop.customer("c-2")
    for ref in ("c-1", "c-2"):
        shop.save_card("visa" if ref == "c-1" else "mastercard", ref)
        expect(201, shop.charge(shop.invoice(customer=ref)))

    again = shop.invoice()

    assert refuse(shop.world, lambda: shop.charge(again)) == (429, "velocity_limited")


def test_one_card_is_counted_whoever_saved_it(shop: Shop) -> None:
    limit(shop, rule("card", "attempts", 1))
    shop.customer("c-2")
    for ref in ("c-1", "c-2"):
        shop.save_card("visa", ref)
    expect(201, shop.charge(shop.invoice()))
    second = shop.invoice(customer="c-2")

    refused = refuse(shop.world, lambda: shop.charge(second))

    assert refused == (429, "velocity_limited")


def test_a_request_that_comes_again_counts_once(shop: Shop) -> None:
    shop.save_card()
    limit(shop, rule("customer", "attempts", 1))
    invoice = shop.invoice()
    shop.world.fail("/v1/payment_intents", "timeout_lost", "timeout_lost")

    first = shop.charge(invoice, key="one")
    again = shop.charge(invoice, key="one")

    assert first.status == 202
    assert again.status in {201, 202, 402}
    marks = [row["marks"]["L"] for key, row in tallies(shop).items() if ":attempts:" in key[0]]
    assert {len(each) for each in marks} == {1}


@pytest.mark.parametrize("scope", ["link", "ip", "customer"])
def test_a_link_is_pressed_so_often_and_no_more(shop: Shop, scope: str) -> None:
    limit(shop, rule(scope, "attempts", 2))
    path = shop.link(shop.invoice())
    for _ in range(2):
        assert press(shop, path).status == 303
    shop.world.gate.passed.clear()

    third = press(shop, path)

    assert third.status == 429
    assert int(third.headers["retry-after"]) == 3600
    assert "You were not charged" in third.text
    assert asked_of_stripe(shop) == []
    elsewhere = press(shop, path, "198.51.100.1").status
    assert elsewhere == (303 if scope == "ip" else 429)


def test_somebody_stopped_by_address_uses_up_nobody_elses_tries(shop: Shop) -> None:
    limit(shop, rule("ip", "attempts", 1), rule("link", "attempts", 2))
    path = shop.link(shop.invoice())
    assert press(shop, path).status == 303
    for _ in range(5):
        assert press(shop, path).status == 429

    assert press(shop, path, "198.51.100.1").status == 303


def test_no_payers_address_is_in_any_row_or_log(shop: Shop) -> None:
    address = "203.0.113.77"

    assert press(shop, shop.link(shop.invoice()), address).status == 303

    assert any(":ip:" in key[0] for key in tallies(shop))
    assert address not in str(shop.world.rows())
    assert address not in shop.world.log.getvalue()


def test_cards_that_are_tried_in_an_open_page_close_it(shop: Shop) -> None:
    limit(shop, rule("link", "declines", 3))
    invoice = shop.invoice()
    path = shop.link(invoice)
    url = shop.press_pay(path)
    session = url.rsplit("/", 1)[-1]

    def status() -> str:
        return str(shop.world.at_stripe("GET", f"/v1/checkout/sessions/{session}")["status"])

    for _ in range(2):
        shop.world.press(url, "visa_chargeDeclined")
        shop.world.deliver()
    assert status() == "open"
    shop.world.press(url, "visa_chargeDeclinedLostCard")
    shop.world.deliver()

    assert status() == "expired"
    assert shop.read(invoice)["attempts"][0]["status"] == "expired"
    assert press(shop, path).status == 429
    shop.world.advance(minutes=61)
    shop.pay(invoice)
    shop.world.deliver()
    assert shop.read(invoice)["status"] == "paid"


def test_cards_that_are_tried_faster_than_their_declines_are_told_are_all_counted(
    shop: Shop,
) -> None:
    limit(shop, rule("link", "declines", 2))
    url = shop.press_pay(shop.link(shop.invoice()))

    for card in ("visa_chargeDeclined", "chargeDeclinedExpiredCard"):
        shop.world.press(url, card)
    shop.world.deliver()

    session = shop.world.at_stripe("GET", f"/v1/checkout/sessions/{url.rsplit('/', 1)[-1]}")
    assert session["status"] == "expired"


def test_a_decline_that_is_told_three_times_counts_once(shop: Shop) -> None:
    limit(shop, rule("link", "declines", 2))
    shop.world.control("webhooks", mode="duplicate")
    url = shop.press_pay(shop.link(shop.invoice()))

    shop.world.press(url, "visa_chargeDeclined")
    for _ in range(3):
        shop.world.deliver()

    session = shop.world.at_stripe("GET", f"/v1/checkout/sessions/{url.rsplit('/', 1)[-1]}")
    assert session["status"] == "open"


def test_a_saved_card_that_is_declined_again_and_again_is_not_charged_any_more(shop: Shop) -> None:
    limit(shop, rule("card", "declines", 2, 1440))
    shop.save_card(DECLINES)
    for _ in range(2):
        expect(402, shop.charge(shop.invoice()))
    third = shop.invoice()
    shop.world.gate.passed.clear()

    assert refuse(shop.world, lambda: shop.charge(third)) == (429, "velocity_limited")
    assert asked_of_stripe(shop) == []


def test_a_rule_without_a_window_is_for_an_hour(shop: Shop) -> None:
    body = {
        "name": "Second",
        "account": shop.account["id"],
        "velocity": [{"scope": "link", "counts": "attempts", "limit": 2}],
    }

    made = expect(201, shop.admin.post("/v1/payment-modules", body))

    assert rule("link", "attempts", 2, 60) in made["velocity"]


def test_a_rule_can_be_taken_away(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    limit(shop, *(rule(scope, "attempts", None) for scope in ("link", "ip", "customer")))

    for _ in range(3):
        assert press(shop, path).status == 303

    assert tallies(shop) == {}


def test_what_counts_no_longer_is_deleted_by_dynamodb(shop: Shop) -> None:
    limit(shop, rule("link", "attempts", 30, 60))
    now = shop.world.now().timestamp()

    press(shop, shop.link(shop.invoice()))

    kept = {int(row["ttl"]["N"]) for row in tallies(shop).values()}
    assert all(now < ttl <= now + 2 * 3600 for ttl in kept)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:fffe", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),
    ],
)
def test_a_household_of_ipv6_is_one_payer(shop: Shop, one: str, other: str, same: bool) -> None:
    limit(shop, rule("ip", "attempts", 1))
    path = shop.link(shop.invoice())
    assert press(shop, path, one).status == 303

    assert press(shop, path, other).status == (429 if same else 303)


CDN = "CloudFront-Viewer-Address"


@pytest.mark.parametrize("told", ["198.51.100.{}:443", "[2001:db8:{}::1]:443", "198.51.100.{}"])
def test_behind_a_cdn_the_payers_address_is_in_the_header_that_the_deployment_names(
    shop: Shop, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_IP_HEADER", CDN)
    config.settings.cache_clear()
    limit(shop, rule("ip", "attempts", 1))
    path = shop.link(shop.invoice())

    answers = [press(shop, path, headers={CDN: told.format(each)}) for each in (7, 8, 7)]

    assert [answer.status for answer in answers] == [303, 303, 429]


def test_a_header_that_the_deployment_does_not_name_is_nobodys_address(shop: Shop) -> None:
    limit(shop, rule("ip", "attempts", 1))
    path = shop.link(shop.invoice())
    headers = [{CDN: f"198.51.100.{each}:1", "X-Forwarded-For": f"198.51.100.{each}"}
               for each in (7, 8)]  # fmt: skip

    answers = [press(shop, path, headers=each) for each in headers]

    assert [answer.status for answer in answers] == [303, 429]
