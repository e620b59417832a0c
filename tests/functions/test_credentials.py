"""POST /v1/accounts/{id}/credentials: one Stripe account, two modes, keys that can be replaced."""

import json

import pytest

from payments.doors.gateway import Gateway
from payments.steps.accounts.key_probes import NEEDED_FOR, PROBES, SAME_ACCOUNT, fix_of
from tests.doubles.tenants import (
    another_publishable_key,
    another_secret_key,
    publishable_key,
    secret_key,
)
from tests.functions import refusals
from tests.functions.refusals import ALWAYS, Bad, foreign, invalid, refuse, refuse_body, without
from tests.functions.shop import Shop, expect
from tests.functions.test_certify import certify
from tests.functions.test_connect_account import EVERYTHING
from tests.functions.world import Json


def path(shop: Shop) -> str:
    return f"/v1/accounts/{shop.account['id']}/credentials"


def keys(mode: str = "test", tail: str = "second", tenant: str = "tulips") -> Json:
    """A further pair of keys of the tenant's Stripe account."""
    return {
        "mode": mode,
        "publishable_key": another_publishable_key(tenant, tail, mode),
        "secret_key": another_secret_key(tenant, tail, mode),
    }


def kept(shop: Shop, mode: str) -> Json:
    name = f"receivable/{shop.world.resources['stage']}/keys/tulips/{shop.account['id']}/{mode}"
    return dict(
        json.loads(shop.world.aws("secretsmanager").get_secret_value(SecretId=name)["SecretString"])
    )


def test_live_keys_are_added_beside_the_test_keys(shop: Shop) -> None:
    account = expect(200, shop.admin.post(path(shop), keys("live")))

    slots = account["credentials"]
    assert {mode: slot["status"] for mode, slot in slots.items()} == {
        "test": "active",
        "live": "active",
    }
    assert account["mode"] == "live"
    assert account["stripe_account"] == shop.account["stripe_account"]
    assert slots["test"]["publishable_key"] == publishable_key("tulips")
    assert slots["live"]["publishable_key"] == keys("live")["publishable_key"]
    assert slots["live"]["webhook"]["url"].endswith("/live")
    assert slots["test"]["webhook"] == shop.account["webhook"]
    assert "secret_key" not in json.dumps(account).replace("secret_key_last4", "")


def test_a_module_takes_the_keys_of_its_state(shop: Shop) -> None:
    state = f"/v1/payment-modules/{shop.module['id']}/state"
    on = {"state": "on"}
    assert refuse(shop.world, lambda: shop.admin.post(state, on)) == (422, "key_mode_mismatch")
    expect(200, shop.admin.post(path(shop), keys("live")))
    certify(shop)
    expect(200, shop.admin.post(state, {"state": "on"}))

    session = shop.session(shop.invoice())

    assert "cs_live_" in session


def test_what_test_money_has_paid_in_part_is_not_paid_with_live_money(shop: Shop) -> None:
    shop.save_card()
    other = shop.invoice()
    expect(201, shop.charge(other, amount=1000))
    expect(200, shop.admin.post(path(shop), keys("live")))
    certify(shop)
    state = f"/v1/payment-modules/{shop.module['id']}/state"
    expect(200, shop.admin.post(state, {"state": "on"}))

    refused = shop.operator.post(f"/v1/invoices/{other['id']}/pay-links", {})

    assert (refused.status, refused.code) == (403, "permission_denied")


def test_every_slot_of_an_account_is_reconciled_and_back_filled(shop: Shop) -> None:
    expect(200, shop.admin.post(path(shop), keys("live")))

    assert shop.world.run("reconcile_accounts", {"job": "backfill"}) == {"queued": 2}
    assert shop.world.run("reconcile_accounts", {}) == {"queued": 2}
    shop.world.work("reconcile_account", *shop.world.messages("reconciliations"))

    runs = expect(200, shop.admin.get("/v1/reconciliation/runs"))["data"]
    assert {(run["livemode"], run["status"]) for run in runs} == {(True, "done"), (False, "done")}


@pytest.mark.parametrize(("asked", "found"), [({}, True), ({"livemode": False}, False)])
def test_a_run_is_about_live_money_unless_asked_otherwise(
    shop: Shop, asked: Json, *, found: bool
) -> None:
    expect(200, shop.admin.post(path(shop), keys("live")))

    body = {"account": shop.account["id"], **asked}
    run = expect(202, shop.admin.post("/v1/reconciliation/runs", body))

    assert run["livemode"] is found


def test_keys_are_replaced(shop: Shop) -> None:
    account = expect(200, shop.admin.post(path(shop), keys()))

    assert kept(shop, "test")["secret_key"] == keys()["secret_key"]
    assert account["publishable_key"] == keys()["publishable_key"]
    assert account["secret_key_last4"] == keys()["secret_key"][-4:]
    assert account["status"] == "active"
    assert account["webhook"] == shop.account["webhook"]
    assert len(shop.world.at_stripe("GET", "/v1/webhook_endpoints")["data"]) == 1


BAD = (
    *ALWAYS,
    *(without(name) for name in ("mode", "publishable_key", "secret_key")),
    invalid("mode that is none", {"mode": "sandbox"}),
    invalid("name", {"name": "Main"}),
    invalid("secret key that is none", {"secret_key": "tulips-tulips"}),
    invalid("test keys in live mode", {"mode": "live"}, "key_mode_mismatch"),
    invalid("one live key", {"secret_key": keys("live")["secret_key"]}, "key_mode_mismatch"),
    invalid("keys of two accounts", {"publishable_key": publishable_key("bakery")},
            "keys_not_same_account"),
    invalid("keys of another account", keys(tenant="bakery"), "keys_not_same_account"),
    invalid("live keys of another account", keys("live", tenant="bakery"),
            "keys_not_same_account"),
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_its_keys_is_refused_and_changes_nothing(showroom: Shop, bad: Bad) -> None:
    before = kept(showroom, "test")

    refused = refuse_body(showroom.admin, "POST", path(showroom), keys(), bad)

    assert refused == (bad.status, bad.code)
    assert kept(showroom, "test") == before


def test_a_key_that_stripe_refuses_leaves_the_one_that_works(shop: Shop) -> None:
    shop.world.control("keys", key=keys()["secret_key"], revoked=True)

    answer = refuse(shop.world, lambda: shop.admin.post(path(shop), keys()))

    assert answer == (424, "stripe_account_error")
    assert kept(shop, "test")["secret_key"] == secret_key("tulips")


def test_nobody_replaces_another_tenants_keys(shop: Shop) -> None:
    assert foreign(shop, path(shop), keys(), "POST") == (404, "not_found")
    assert kept(shop, "test")["secret_key"] == secret_key("tulips")


def test_a_key_of_idempotency_twice_replaces_once(shop: Shop) -> None:
    refusals.use_key_twice(shop.admin, path(shop), keys(), keys(tail="third"), required=False)


@pytest.mark.parametrize("missing", [*(name for name, _, _ in PROBES), SAME_ACCOUNT])
def test_a_restricted_key_that_lacks_a_permission_replaces_nothing(
    shop: Shop, missing: str
) -> None:
    body = keys() | {"secret_key": keys()["secret_key"].replace("sk_", "rk_")}
    resource = missing.split(".", maxsplit=1)[0]
    lost = {missing, f"{resource}.write"} if missing.endswith(".read") else {missing}
    shop.world.control("keys", key=body["secret_key"], allow=sorted(EVERYTHING - lost))
    before = shop.world.facts()

    answer = shop.admin.post(path(shop), body)

    assert (answer.status, answer.code) == (424, "stripe_permission_missing")
    named = {check["permission"]: check["fix"] for check in answer.json["checks"]}
    assert missing in named
    assert named[missing] == fix_of(missing)
    assert missing in answer.json["detail"]
    assert shop.world.facts() == before
    assert kept(shop, "test")["secret_key"] == secret_key("tulips")


def test_a_restricted_key_with_every_permission_replaces_a_secret_key(shop: Shop) -> None:
    body = keys() | {"secret_key": keys()["secret_key"].replace("sk_", "rk_")}
    shop.world.control("keys", key=body["secret_key"], allow=sorted(NEEDED_FOR))

    assert expect(200, shop.admin.post(path(shop), body))["status"] == "active"


@pytest.mark.parametrize("mode", ["test", "live"])
def test_keys_that_do_not_tell_whose_they_are_prove_it_or_are_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Stripe lets a restricted key read its own account only if it may."""
    monkeypatch.setattr(Gateway, "own_account", lambda _: None)
    stranger = keys(mode, tenant="bakery")

    refused = refuse(shop.world, lambda: shop.admin.post(path(shop), stranger))
    own = shop.admin.post(path(shop), keys(mode))

    if mode == "test":
        assert refused == (422, "keys_not_same_account")
        assert own.status == 200
    else:
        assert refused == (own.status, own.code) == (424, "stripe_permission_missing")
        assert "account.read" in own.json["detail"]


def test_new_keys_are_in_secrets_manager_only(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = shop.admin.post(path(shop), keys())
    refused = shop.admin.post(path(shop), keys(tenant="bakery"))

    told = json.dumps(list(shop.world.rows().values())) + shop.world.log.getvalue()
    told += answer.text + refused.text + "".join(capfd.readouterr())
    for secret in (keys()["secret_key"], keys(tenant="bakery")["secret_key"]):
        assert secret not in told
