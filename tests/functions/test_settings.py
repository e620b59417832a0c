"""/v1/settings: what a tenant has decided for itself, and what follows from it."""

import pytest

from payments import config
from tests.functions import refusals
from tests.functions.refusals import ALWAYS, Bad, invalid, refuse
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Json

SETTINGS = "/v1/settings"
DEFAULTS = {
    "name": None,
    "logo": None,
    "colour": None,
    "seller_email": None,
    "time_zone": "UTC",
    "return_origins": [],
    "refund_limit": [],
    "late_payment": "credit",
    "overpayment": "credit",
    "retry_schedule": [],
    "mail_limits": {"address": 50, "invoice": 5, "tenant": 5000},
    "version": 0,
}
DECIDED: Json = {
    "name": "Tulips & Co",
    "logo": "https://cdn.shop.example/logo.png",
    "colour": "#0b5fff",
    "seller_email": "sales@shop.example",
    "time_zone": "Europe/Amsterdam",
    "return_origins": ["https://shop.example"],
    "refund_limit": [{"amount": 2000, "currency": "eur"}],
    "late_payment": "refund",
    "overpayment": "refund",
    "retry_schedule": [1, 2],
    "mail_limits": {"address": 20, "invoice": 3, "tenant": 0},
}


def patch(shop: Shop, changes: Json, version: int | None = 0) -> Answer:
    seen = {} if version is None else {"if-match": f'"{version}"'}
    return shop.admin.send("PATCH", SETTINGS, changes, headers=seen)


def test_a_tenant_begins_with_the_defaults_and_changes_what_it_names(shop: Shop) -> None:
    before = shop.admin.get(SETTINGS)
    assert (expect(200, before), before.headers["etag"]) == (DEFAULTS, '"0"')

    decided = patch(shop, DECIDED)
    again = patch(shop, {"name": None, "retry_schedule": []}, 1)

    assert expect(200, decided) == {**DECIDED, "version": 1}
    assert decided.headers["etag"] == '"1"'
    assert expect(200, again) == {**DECIDED, "name": None, "retry_schedule": [], "version": 2}
    assert expect(200, shop.admin.get(SETTINGS)) == again.json


def test_who_has_not_seen_the_present_settings_changes_none(shop: Shop) -> None:
    expect(200, patch(shop, {"name": "Tulips"}))

    stale = refuse(shop.world, lambda: patch(shop, {"name": "Roses"}))
    blind = refuse(shop.world, lambda: patch(shop, {"name": "Roses"}, None))

    assert (stale, blind) == ((412, "version_mismatch"), (428, "precondition_required"))
    assert expect(200, shop.admin.get(SETTINGS))["name"] == "Tulips"


BAD = (
    *ALWAYS,
    invalid("tenant", {"tenant": "bakery"}),
    invalid("version", {"version": 3}),
    invalid("a colour by name", {"colour": "red"}),
    invalid("a colour with more in it", {"colour": "#0b5fff;}"}),
    invalid("an address that is none", {"seller_email": "sales"}),
    invalid("a logo that is none", {"logo": "javascript:alert(1)"}),
    invalid("a logo without https", {"logo": "http://shop.example/l.png"}),
    invalid("an origin with a path", {"return_origins": ["https://shop.example/x"]}),
    invalid("an origin without https", {"return_origins": ["http://shop.example"]}),
    invalid("an origin on the machine", {"return_origins": ["http://127.0.0.1:8700"]}),
    invalid("endless origins", {"return_origins": ["https://a.example"] * 21}),
    invalid("no origins at all", {"return_origins": None}),
    invalid("a bare limit", {"refund_limit": 2000}),
    invalid("a limit below nothing", {"refund_limit": [{"amount": -1, "currency": "eur"}]}),
    invalid("two limits in a currency", {"refund_limit": DECIDED["refund_limit"] * 2}),
    invalid(
        "a limit in no currency",
        {"refund_limit": [{"amount": 1, "currency": "zzz"}]},
        "currency_not_supported",
    ),
    invalid("a third way", {"late_payment": "keep"}),
    invalid("a third way for what is too much", {"overpayment": "keep"}),
    invalid("a try at once", {"retry_schedule": [0]}),
    invalid("tries as text", {"retry_schedule": ["3"]}),
    invalid("tries without end", {"retry_schedule": [1] * 9}),
)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_decided_is_refused(showroom: Shop, bad: Bad) -> None:
    def send() -> Answer:
        headers = {"if-match": '"0"', **bad.headers}
        return showroom.admin.send("PATCH", SETTINGS, raw=bad.text(DECIDED), headers=headers)

    assert refuse(showroom.world, send) == (bad.status, bad.code)


def test_only_the_local_stack_sends_payers_to_this_machine(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE", "local")
    config.settings.cache_clear()

    origins = ["http://127.0.0.1:8700"]

    assert expect(200, patch(shop, {"return_origins": origins}))["return_origins"] == origins


def test_a_tenant_sees_its_own_settings_only(shop: Shop) -> None:
    expect(200, patch(shop, DECIDED))

    assert expect(200, shop.world.client("bakery").get(SETTINGS)) == DEFAULTS
    assert refusals.roles_that_may(shop.world, f"GET {SETTINGS}") == {"admin"}


def test_a_large_refund_is_an_admins_also_where_it_is_asked_for_in_parts(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.save_card()
    payment = expect(201, shop.charge(invoice))["payment"]["id"]
    path = f"/v1/payments/{payment}/refunds"
    expect(200, patch(shop, {"refund_limit": [{"amount": 2000, "currency": "eur"}]}))

    large = refuse(shop.world, lambda: shop.operator.post(path, {"amount": 2001}))
    expect(201, shop.operator.post(path, {"amount": 1500}))
    second = refuse(shop.world, lambda: shop.operator.post(path, {"amount": 501}))
    expect(201, shop.operator.post(path, {"amount": 500}))

    assert large == second == (403, "permission_denied")
    assert shop.operator.post(path, {}).json["refund_limit"] == 2000
    assert expect(201, shop.admin.post(path, {}))["amount"] == 2000


def test_where_there_are_limits_a_currency_without_one_is_an_admins(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.save_card()
    payment = expect(201, shop.charge(invoice))["payment"]["id"]
    path = f"/v1/payments/{payment}/refunds"
    expect(200, patch(shop, {"refund_limit": [{"amount": 9000, "currency": "usd"}]}))

    refused = refuse(shop.world, lambda: shop.operator.post(path, {"amount": 1}))

    assert refused == (403, "permission_denied")
    expect(201, shop.admin.post(path, {"amount": 1}))
