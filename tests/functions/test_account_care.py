"""PATCH, disconnect, health and permissions of an account."""

import json
from datetime import timedelta

import pytest

from payments.doors.gateway import Gateway
from payments.edge import runtime
from payments.errors import KeysNotSameAccount
from payments.facts.stripe_accounts import ConnectedStripeAccount
from payments.steps.accounts.key_probes import NEEDED_FOR, PROBES, SAME_ACCOUNT
from tests.doubles.tenants import (
    another_publishable_key,
    another_secret_key,
    publishable_key,
    secret_key,
)
from tests.functions.refusals import ALWAYS, Bad, foreign, invalid, refuse, refuse_body
from tests.functions.shop import Shop, connection, expect
from tests.functions.test_connect_account import EVERYTHING
from tests.functions.world import Died, Json


def of(shop: Shop, name: str = "") -> str:
    return f"/v1/accounts/{shop.account['id']}{name}"


def shown(shop: Shop) -> Json:
    return expect(200, shop.admin.get(of(shop)))


def change(shop: Shop, **body: object) -> Json:
    return expect(200, shop.admin.send("PATCH", of(shop), body))


def endpoints(shop: Shop) -> list[Json]:
    return list(shop.world.at_stripe("GET", "/v1/webhook_endpoints")["data"])


# Name and addresses


def test_an_account_gets_another_name_and_its_old_one_is_free(shop: Shop) -> None:
    assert change(shop, name="Shop")["name"] == "Shop"

    other = connection("bakery", name="Main")
    assert expect(201, shop.admin.post("/v1/accounts", other))["name"] == "Main"
    assert refuse(shop.world, lambda: shop.admin.send("PATCH", of(shop), {"name": "main"})) == (
        409,
        "name_taken",
    )
    assert change(shop, name="SHOP")["name"] == "SHOP"


def test_a_name_that_was_given_free_can_be_taken_back(shop: Shop) -> None:
    change(shop, name="Shop")
    assert change(shop, name="Main")["name"] == "Main"


def test_what_is_not_given_stays(shop: Shop) -> None:
    account = change(shop, error_emails=["new@shop.example"])

    assert account == shop.account | {
        "error_emails": ["new@shop.example"],
        "credentials": account["credentials"],
    }
    assert change(shop, error_emails=[])["error_emails"] == []


BAD = (
    *(bad for bad in ALWAYS if bad.name != "nothing"),
    invalid("empty name", {"name": ""}),
    invalid("another mode", {"mode": "live"}),
    invalid("address that is none", {"error_emails": ["nobody"]}),
)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_changed_is_refused(showroom: Shop, bad: Bad) -> None:
    good = {"name": "Shop"}

    refused = refuse_body(showroom.admin, "PATCH", of(showroom), good, bad)

    assert refused == (bad.status, bad.code)


# Disconnect


def test_a_disconnected_account_keeps_nothing(shop: Shop) -> None:
    account = expect(200, shop.admin.post(of(shop, "/disconnect")))

    assert account["status"] == "disconnected"
    assert (account["publishable_key"], account["secret_key_last4"]) == (None, None)
    assert account["webhook"] is None
    assert endpoints(shop) == []
    for name in (f"keys/tulips/{shop.account['id']}/test", f"webhooks/{shop.account['id']}/test"):
        found = shop.world.aws("secretsmanager").get_secret_value(
            SecretId=f"receivable/{shop.world.resources['stage']}/{name}"
        )
        assert found["SecretString"] == "{}"
    module = expect(200, shop.admin.get(f"/v1/payment-modules/{shop.module['id']}"))
    assert module["state"] == "off"


def test_what_a_disconnected_account_is_asked_is_refused_in_words(shop: Shop) -> None:
    expect(200, shop.admin.post(of(shop, "/disconnect")))
    switch = f"/v1/payment-modules/{shop.module['id']}/state"

    answer = shop.admin.post(switch, {"state": "sandbox"})

    assert (answer.status, answer.code) == (409, "account_not_active")
    assert "add its keys to connect it again" in answer.json["detail"]
    assert shop.world.run("check_accounts", {}) == {"well": 0, "failing": 0, "left": 0}
    assert expect(200, shop.admin.post(of(shop, "/verify")))["status"] == "disconnected"
    assert expect(200, shop.admin.post(of(shop, "/disconnect")))["status"] == "disconnected"


def test_a_disconnected_account_is_connected_again_by_its_keys(shop: Shop) -> None:
    expect(200, shop.admin.post(of(shop, "/disconnect")))
    keys = {key: connection("tulips")[key] for key in ("mode", "publishable_key", "secret_key")}
    foreign_keys = {
        "mode": "test",
        "publishable_key": publishable_key("bakery"),
        "secret_key": secret_key("bakery"),
    }

    assert refuse(shop.world, lambda: shop.admin.post(of(shop, "/credentials"), foreign_keys)) == (
        422,
        "keys_not_same_account",
    )
    account = expect(200, shop.admin.post(of(shop, "/credentials"), keys))

    assert account["status"] == "active"
    assert len(endpoints(shop)) == 1
    switch = f"/v1/payment-modules/{shop.module['id']}/state"
    expect(200, shop.admin.post(switch, {"state": "sandbox"}))
    shop.pay(invoice := shop.invoice())
    shop.world.deliver()
    assert shop.read(invoice)["status"] == "paid"


def test_what_is_open_is_closed_at_stripe_first(shop: Shop) -> None:
    url = shop.session(shop.invoice())

    expect(200, shop.admin.post(of(shop, "/disconnect")))

    assert shop.world.press(url).status != 303
    assert shop.world.charged(shop.account) == []


def test_money_that_came_before_is_booked_first(shop: Shop) -> None:
    shop.pay(invoice := shop.invoice())

    expect(200, shop.admin.post(of(shop, "/disconnect")))

    assert shop.read(invoice)["status"] == "paid"


def test_what_cannot_be_closed_keeps_its_keys(shop: Shop) -> None:
    shop.pay(shop.invoice(currency="usd"), "pm_usBankAccount")
    shop.world.deliver()

    answer = shop.admin.post(of(shop, "/disconnect"))

    assert (answer.status, answer.code) == (409, "payment_in_progress")
    assert answer.json["open"] == 1
    assert shown(shop)["status"] == "active"


def test_keys_that_cannot_close_what_is_open_are_told_so(shop: Shop) -> None:
    shop.session(shop.invoice())
    shop.world.control("keys", key=secret_key("tulips"), revoked=True)

    answer = shop.admin.post(of(shop, "/disconnect"))

    assert (answer.status, answer.code) == (409, "payment_in_progress")
    assert "add keys that work first" in answer.json["detail"]


def test_an_account_whose_key_is_revoked_is_disconnected_if_nothing_is_open(shop: Shop) -> None:
    shop.world.control("keys", key=secret_key("tulips"), revoked=True)

    assert expect(200, shop.admin.post(of(shop, "/disconnect")))["status"] == "disconnected"


def test_a_disconnection_cut_short_anywhere_is_ended_by_the_next(shop: Shop) -> None:
    keys = {key: connection("tulips")[key] for key in ("mode", "publishable_key", "secret_key")}
    step, world = 0, shop.world
    while True:
        world.gate.arm(step, "after")
        try:
            expect(200, shop.admin.post(of(shop, "/disconnect")))
        except Died:
            step += 1
        else:
            break
        world.gate.arm(None)
        world.advance(minutes=2)
        expect(200, shop.admin.post(of(shop, "/disconnect")))
        assert endpoints(shop) == [], step
        expect(200, shop.admin.post(of(shop, "/credentials"), keys))
        assert len(endpoints(shop)) == 1, step
    assert step > 10


# Health


def health(shop: Shop) -> Json:
    return expect(200, shop.operator.get(of(shop, "/health")))


def test_a_healthy_account(shop: Shop) -> None:
    shop.pay(shop.invoice())
    shop.world.deliver()

    seen = health(shop)

    assert seen["healthy"] is True
    assert (seen["key_kind"], seen["key_mode"], seen["clock_skew_s"]) == ("secret", "test", 0)
    assert {check["permission"] for check in seen["checks"] if check["ok"]} == {*NEEDED_FOR}
    endpoint = seen["endpoint"]
    assert endpoint["exists"]
    assert endpoint["api_version"] == endpoint["expected_api_version"]
    assert endpoint["missing_events"] == []
    assert seen["last_event"]["received"] is True
    assert seen["last_event_at"].startswith("2026-09-21T14:00:01")
    assert seen["capabilities"]["card_payments"] == "active"
    assert seen["problems"] == []
    assert secret_key("tulips") not in json.dumps(seen)


def problems(seen: Json) -> str:
    assert seen["healthy"] is False
    return " ".join(f"{each['problem']} {each['fix']}" for each in seen["problems"])


@pytest.mark.parametrize("missing", sorted(NEEDED_FOR))
def test_a_missing_permission_is_named_with_its_fix(shop: Shop, missing: str) -> None:
    resource = missing.split(".", maxsplit=1)[0]
    lost = {missing, f"{resource}.write"} if missing.endswith(".read") else {missing}
    shop.world.control("keys", key=secret_key("tulips"), allow=sorted(EVERYTHING - lost))

    seen = health(shop)

    words = resource.replace("_", " ").capitalize()
    assert f"The key lacks {missing}." in problems(seen)
    assert f"access to {words}" in problems(seen)


def test_looking_changes_nothing_at_stripe_and_nothing_here(shop: Shop) -> None:
    (endpoint,) = endpoints(shop)
    shop.world.at_stripe("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")
    before = shop.world.facts()

    seen = health(shop)

    assert "is gone at Stripe" in problems(seen)
    assert "/verify makes it anew" in problems(seen)
    assert endpoints(shop) == []
    assert shop.world.facts() == before


def test_a_disabled_endpoint_is_seen(shop: Shop) -> None:
    (endpoint,) = endpoints(shop)
    path = f"/v1/webhook_endpoints/{endpoint['id']}"
    shop.world.at_stripe("POST", path, disabled="true")

    assert "is disabled at Stripe" in problems(health(shop))


def test_an_endpoint_that_does_not_hear_everything_is_seen(shop: Shop) -> None:
    (endpoint,) = endpoints(shop)
    path = f"/v1/webhook_endpoints/{endpoint['id']}"
    shop.world.at_stripe("POST", path, **{"enabled_events[0]": "refund.created"})

    seen = health(shop)

    assert "does not hear of every event" in problems(seen)
    assert "payment_intent.succeeded" in seen["endpoint"]["missing_events"]


def test_a_revoked_key_is_seen(shop: Shop) -> None:
    shop.world.control("keys", key=secret_key("tulips"), revoked=True)

    assert "Stripe refuses the secret key. Send a key that works" in problems(health(shop))


def test_no_word_of_a_refusal_decides_what_is_tried(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reason that speaks of permission is no missing permission."""
    why = "The two keys have no permission to be of different accounts."

    def refuse(*_: object) -> None:
        raise KeysNotSameAccount(why)

    monkeypatch.setattr("payments.steps.accounts.verification.prove_same_account", refuse)

    slot = expect(200, shop.admin.post(of(shop, "/verify")))

    assert (slot["status"], slot["status_reason"], slot["checks"]) == ("error", why, [])


def test_card_payments_that_stripe_has_switched_off_are_seen(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = ConnectedStripeAccount(
        id="acct_1",
        charges_enabled=True,
        payouts_enabled=True,
        capabilities={"card_payments": "inactive"},
    )
    monkeypatch.setattr(Gateway, "own_account", lambda _: off)

    assert "Stripe lets the account take no payments" in problems(health(shop))


def test_an_event_that_has_not_come_is_seen(shop: Shop) -> None:
    shop.pay(shop.invoice())
    shop.world.wait_for_books()
    shop.world.advance(minutes=16)

    seen = health(shop)

    assert "has not come" in problems(seen)
    assert seen["last_event"]["received"] is False


def test_a_clock_that_is_wrong_is_seen(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    here = shop.world.now
    monkeypatch.setattr(runtime, "now", lambda: here() + timedelta(minutes=3))
    runtime.doors.cache_clear()

    seen = health(shop)

    assert seen["clock_skew_s"] == -180
    assert "differ by 180 s" in problems(seen)


def test_both_modes_are_looked_at(shop: Shop) -> None:
    keys = {
        "mode": "live",
        "publishable_key": another_publishable_key("tulips", "live", "live"),
        "secret_key": another_secret_key("tulips", "live", "live"),
    }
    expect(200, shop.admin.post(of(shop, "/credentials"), keys))
    shop.world.control("keys", key=keys["secret_key"], revoked=True)

    seen = health(shop)

    assert seen["mode"] == seen["key_mode"] == "live"
    assert seen["credentials"]["test"]["problems"] == []
    assert len(seen["credentials"]["live"]["problems"]) == 1
    problems(seen)


def test_a_disconnected_account_is_not_asked(shop: Shop) -> None:
    expect(200, shop.admin.post(of(shop, "/disconnect")))

    assert "The account is disconnected." in problems(health(shop))


def test_stripe_being_down_is_not_an_illness(shop: Shop) -> None:
    shop.world.fail("/v1/payment_intents", "500", "500", method="GET")

    answer = shop.operator.get(of(shop, "/health"))

    assert (answer.status, answer.code) == (503, "stripe_unavailable")


def test_the_permissions_a_restricted_key_needs_are_listed(shop: Shop) -> None:
    listed = expect(200, shop.operator.get("/v1/accounts/permissions"))["data"]

    assert {each["permission"] for each in listed} == {
        SAME_ACCOUNT,
        *(name for name, _, _ in PROBES),
    }
    assert all(each["needed_for"] and each["how"] for each in listed)


@pytest.mark.parametrize(
    ("method", "name", "body"),
    [("PATCH", "", {"name": "Mine"}), ("POST", "/disconnect", None), ("GET", "/health", None)],
)
def test_another_tenants_account_is_not_there(
    showroom: Shop, method: str, name: str, body: Json | None
) -> None:
    assert foreign(showroom, of(showroom, name), body, method) == (404, "not_found")
