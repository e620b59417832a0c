"""/v1/accounts: keys are tried, kept in Secrets Manager only, and never shown."""

import json
import re
from typing import Any

import pytest

from local.standin.control import RESOURCES
from payments.doors.gateway import Gateway
from payments.doors.keys import account_pointer
from payments.edge import runtime
from payments.facts.connection import ConnectedAccount
from payments.steps.accounts.key_probes import PROBES
from tests.doubles.invocations import DOMAIN
from tests.doubles.tenants import (
    another_publishable_key,
    another_secret_key,
    publishable_key,
    secret_key,
)
from tests.functions import refusals
from tests.functions.refusals import ALWAYS, Bad, invalid, refuse, refuse_body, without
from tests.functions.shop import Shop, connection, expect
from tests.functions.world import Answer, Died, Json, World

LIVE = "standin" + "tulips" * 4
PERMISSIONS = [name for name, _, _ in PROBES]
EVERYTHING = {f"{resource}.{verb}" for resource in RESOURCES for verb in ("read", "write")}


def test_an_account_is_connected_as_the_contract_shows(world: World) -> None:
    account = expect(201, world.client().post("/v1/accounts", connection("tulips")))

    slot = account.pop("credentials").pop("test")
    assert slot == {name: account[name] for name in slot}
    checks, webhook = account.pop("checks"), account.pop("webhook")
    assert re.fullmatch("acc_[0-9a-z]{26}", account.pop("id"))
    assert re.fullmatch("acct_[A-Za-z0-9]+", account.pop("stripe_account"))
    assert account == {
        "name": "Main",
        "mode": "test",
        "method": "api_keys",
        "status": "active",
        "status_reason": None,
        "publishable_key": publishable_key("tulips"),
        "secret_key_last4": "lips",
        "previous_key": None,
        "error_emails": ["ar@shop.example"],
        "created_at": "2026-09-21T14:00:00Z",
        "verified_at": "2026-09-21T14:00:00Z",
    }
    assert {check["permission"] for check in checks} == {*PERMISSIONS, "setup_intents.write"}
    assert all(check == {**check, "ok": True, "fix": None} for check in checks)
    assert webhook["url"].startswith(f"https://{DOMAIN}/webhooks/stripe/acc_")


def test_the_endpoint_at_stripe_is_the_one_that_is_shown(shop: Shop) -> None:
    (endpoint,) = shop.world.at_stripe("GET", "/v1/webhook_endpoints")["data"]

    shown = {"url": endpoint["url"], "api_version": endpoint["api_version"]}
    assert shown | {"previous_until": None} == shop.account["webhook"]
    assert endpoint["api_version"] == shop.world.standin.api_version
    assert endpoint["metadata"] == {"tenant": "tulips", "account": shop.account["id"]}
    assert "payment_intent.succeeded" in endpoint["enabled_events"]


def test_secrets_are_in_secrets_manager_only(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    world, secrets = shop.world, shop.world.aws("secretsmanager")
    place = f"{shop.account['id']}/test"

    kept = secrets.get_secret_value(
        SecretId=f"receivable/{world.resources['stage']}/keys/tulips/{place}"
    )
    hook = secrets.get_secret_value(
        SecretId=f"receivable/{world.resources['stage']}/webhooks/{place}"
    )
    signing = json.loads(hook["SecretString"])["current"]
    assert json.loads(kept["SecretString"])["secret_key"] == secret_key("tulips")
    shown = [
        shop.admin.get("/v1/accounts").text,
        shop.admin.get(f"/v1/accounts/{shop.account['id']}").text,
    ]

    told = json.dumps(list(world.rows().values())) + world.log.getvalue() + "".join(shown)
    told += "".join(capfd.readouterr())
    assert secret_key("tulips") not in told
    assert signing not in told


def test_a_key_twice_makes_one_account_and_one_endpoint(world: World) -> None:
    other = connection("tulips", name="Other")

    refusals.use_key_twice(world.client(), "/v1/accounts", connection("tulips"), other)

    assert len(world.at_stripe("GET", "/v1/webhook_endpoints")["data"]) == 1
    assert len(world.client().get("/v1/accounts").json["data"]) == 1


BAD = (
    *ALWAYS,
    *(without(name) for name in ("name", "mode", "publishable_key", "secret_key")),
    invalid("empty name", {"name": ""}),
    invalid("name with a line break", {"name": "Ma\nin"}),
    invalid("mode that is none", {"mode": "sandbox"}),
    invalid("secret key that is none", {"secret_key": "tulips-tulips"}),
    invalid("publishable key in the secret's place", {"secret_key": publishable_key("tulips")}),
    invalid("secret key in the publishable's place", {"publishable_key": secret_key("tulips")}),
    invalid("short secret key", {"secret_key": "sk_test_1"}),
    invalid("secret key with a tail", {"secret_key": secret_key("tulips") + "\n"}),
    invalid("address that is none", {"error_emails": ["nobody"]}),
    invalid("eleven addresses", {"error_emails": ["a@shop.example"] * 11}),
    invalid("address that is a number", {"error_emails": [1]}),
    invalid("live key in test mode", {"secret_key": f"sk_live_{LIVE}"}, "key_mode_mismatch"),
    invalid("test keys in live mode", {"mode": "live"}, "key_mode_mismatch"),
    invalid("keys of two accounts", {"publishable_key": publishable_key("bakery")},
            "keys_not_same_account"),
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_an_account_is_refused_and_stores_nothing(showroom: Shop, bad: Bad) -> None:
    good = connection("tulips", name="Second")
    secrets = showroom.world.aws("secretsmanager").list_secrets

    before = secrets()["SecretList"]
    refused = refuse_body(showroom.admin, "POST", "/v1/accounts", good, bad)

    assert refused == (bad.status, bad.code)
    assert len(secrets()["SecretList"]) == len(before)
    assert secret_key("tulips") not in showroom.world.log.getvalue()


def test_a_live_account_is_connected_with_live_keys(world: World) -> None:
    keys = {"secret_key": f"sk_live_{LIVE}", "publishable_key": f"pk_live_{LIVE}", "mode": "live"}

    account = expect(201, world.client().post("/v1/accounts", connection("tulips", **keys)))

    assert (account["mode"], account["status"]) == ("live", "active")
    assert account["webhook"]["url"].endswith("/live")


@pytest.mark.parametrize("missing", [*PERMISSIONS, "setup_intents.write"])
def test_a_restricted_key_is_told_which_permission_it_lacks(world: World, missing: str) -> None:
    key = "rk_test_" + "tulips" * 4
    resource = missing.split(".", maxsplit=1)[0]
    lost = {missing, f"{resource}.write"} if missing.endswith(".read") else {missing}
    world.control("keys", key=key, allow=sorted(EVERYTHING - lost))

    account = expect(201, world.client().post("/v1/accounts", connection("tulips", secret_key=key)))

    failed = {check["permission"] for check in account["checks"] if not check["ok"]}
    assert failed == lost & {*PERMISSIONS, "setup_intents.write"}
    assert all(check["fix"] for check in account["checks"] if not check["ok"])
    assert account["status"] == "error"
    assert missing in account["status_reason"]
    assert account["webhook"] is None


def test_a_restricted_key_with_every_permission_is_active(world: World) -> None:
    key = "rk_test_" + "tulips" * 4
    world.control("keys", key=key, allow=sorted({*PERMISSIONS, "setup_intents.write"}))

    account = expect(201, world.client().post("/v1/accounts", connection("tulips", secret_key=key)))

    assert account["status"] == "active", account["status_reason"]


def test_a_revoked_key_is_an_account_in_error(world: World) -> None:
    world.control("keys", key=secret_key("tulips"), revoked=True)

    account = expect(201, world.client().post("/v1/accounts", connection("tulips")))

    assert (account["status"], account["webhook"]) == ("error", None)
    assert account["status_reason"] == "Stripe refuses the secret key."


def test_a_key_that_works_again_is_active_after_verify(world: World) -> None:
    world.control("keys", key=secret_key("tulips"), revoked=True)
    account = expect(201, world.client().post("/v1/accounts", connection("tulips")))
    world.control("keys", key=secret_key("tulips"), revoked=False)

    verified = expect(200, world.client().post(f"/v1/accounts/{account['id']}/verify"))

    assert verified["status"] == "active"
    assert verified["webhook"]["url"].endswith(f"/{account['id']}/test")


def test_verify_does_not_take_for_granted_what_connecting_could_not_try(world: World) -> None:
    key = "rk_test_" + "tulips" * 4
    world.control("keys", key=key, allow=sorted(EVERYTHING - {"setup_intents.write"}))
    keys = {"secret_key": key, "publishable_key": publishable_key("bakery")}
    account = expect(201, world.client().post("/v1/accounts", connection("tulips", **keys)))
    path = f"/v1/accounts/{account['id']}/verify"

    untried = expect(200, world.client().post(path))
    world.control("keys", key=key, allow=sorted(EVERYTHING))
    tried = expect(200, world.client().post(path))

    assert (untried["status"], tried["status"]) == ("error", "error")
    assert "setup_intents.write" in untried["status_reason"]
    assert tried["status_reason"] == "The two keys belong to different Stripe accounts."
    assert world.at_stripe("GET", "/v1/webhook_endpoints")["data"] == []


def test_a_publishable_key_that_stripe_refuses_is_an_error_at_verify_too(world: World) -> None:
    world.control("keys", key=publishable_key("tulips"), revoked=True)
    account = expect(201, world.client().post("/v1/accounts", connection("tulips")))

    verified = expect(200, world.client().post(f"/v1/accounts/{account['id']}/verify"))

    assert (account["status"], verified["status"]) == ("error", "error")
    assert verified["status_reason"] == "Stripe refuses the publishable key."


def test_an_account_whose_connection_died_before_its_keys_were_kept_can_be_verified(
    world: World,
) -> None:
    client, body = world.client(), connection("tulips")
    world.gate.arm(None)
    expect(201, client.post("/v1/accounts", connection("bakery", name="dry run")))
    world.gate.arm(world.gate.passed.index("create_secret"), "before")
    with pytest.raises(Died):
        client.post("/v1/accounts", body, key="k")
    world.gate.arm(None)
    account = expect(200, client.get("/v1/accounts", limit=1))["data"][0]
    path = f"/v1/accounts/{account['id']}/verify"
    assert refuse(world, lambda: client.post(path)) == (409, "account_busy")
    world.advance(minutes=2)

    verified = expect(200, client.post(f"/v1/accounts/{account['id']}/verify"))

    assert (account["status"], verified["status"]) == ("verifying", "error")
    assert "keys were not kept" in verified["status_reason"]
    world.advance(minutes=2)
    assert expect(201, client.post("/v1/accounts", body, key="k"))["status"] == "active"


def test_verify_repairs_an_endpoint_that_is_gone(shop: Shop) -> None:
    (endpoint,) = shop.world.at_stripe("GET", "/v1/webhook_endpoints")["data"]
    shop.world.at_stripe("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")

    expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/verify"))

    (repaired,) = shop.world.at_stripe("GET", "/v1/webhook_endpoints")["data"]
    assert repaired["url"] == endpoint["url"]
    shop.pay(invoice := shop.invoice())
    shop.world.deliver()
    assert shop.read(invoice)["status"] == "paid"


def test_verify_keeps_an_endpoint_that_works(shop: Shop) -> None:
    before = shop.world.at_stripe("GET", "/v1/webhook_endpoints")["data"]

    expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/verify"))

    assert shop.world.at_stripe("GET", "/v1/webhook_endpoints")["data"] == before


def test_verify_tells_an_endpoint_of_an_earlier_version_what_it_has_to_hear(shop: Shop) -> None:
    endpoint = shop.world.at_stripe("GET", "/v1/webhook_endpoints")["data"][0]
    path = f"/v1/webhook_endpoints/{endpoint['id']}"
    shop.world.at_stripe("POST", path, **{"enabled_events[0]": "payment_intent.succeeded"})

    expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/verify"))

    now = shop.world.at_stripe("GET", path)
    assert now["enabled_events"] == endpoint["enabled_events"]
    assert "refund.created" in now["enabled_events"]


def test_a_key_revoked_later_is_an_error_at_the_next_verify(shop: Shop) -> None:
    shop.world.control("keys", key=secret_key("tulips"), revoked=True)

    account = expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/verify"))

    assert account["status"] == "error"
    module = expect(200, shop.admin.get(f"/v1/payment-modules/{shop.module['id']}"))
    assert module["state"] == "off"
    assert shop.charge(shop.invoice()).code == "module_off"


def test_two_accounts_cannot_have_one_name(shop: Shop) -> None:
    answer = refuse(shop.world, lambda: shop.admin.post("/v1/accounts", connection("tulips")))

    assert answer == (409, "name_taken")


# One Stripe account is connected once.


def again(shop: Shop, tenant: str = "tulips", **changes: Any) -> Answer:
    body = connection(shop.tenant, **({"name": "Again"} | changes))
    return shop.world.client(tenant).post("/v1/accounts", body)


def restricted(shop: Shop) -> Json:
    """Keys of the shop's Stripe account, the secret one with what is needed and no more."""
    secret = another_secret_key(shop.tenant, "more").replace("sk_", "rk_")
    shop.world.control("keys", key=secret, allow=sorted({*PERMISSIONS, "setup_intents.write"}))
    return {"secret_key": secret, "publishable_key": another_publishable_key(shop.tenant, "more")}


@pytest.mark.parametrize("tenant", ["tulips", "bakery"])
def test_a_stripe_account_is_connected_once_by_its_keys(shop: Shop, tenant: str) -> None:
    seen = refuse(shop.world, lambda: again(shop, tenant))
    other_keys = refuse(shop.world, lambda: again(shop, tenant, **restricted(shop)))
    said = again(shop, tenant).json

    assert seen == other_keys == (409, "stripe_account_taken")
    assert said.get("account") == (shop.account["id"] if tenant == "tulips" else None)
    assert expect(200, shop.world.client("bakery").get("/v1/accounts"))["data"] == []
    endpoints = shop.world.at_stripe("GET", "/v1/webhook_endpoints")["data"]
    assert [each["url"] for each in endpoints] == [shop.account["webhook"]["url"]]


def test_a_key_that_may_not_tell_whose_it_is_is_known_by_the_endpoint_that_stands_there(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gateway, "own_account", lambda _: None)

    assert refuse(shop.world, lambda: again(shop)) == (409, "stripe_account_taken")
    assert refuse(shop.world, lambda: again(shop, "bakery")) == (409, "stripe_account_taken")


def test_keys_of_an_account_that_is_connected_are_taken_by_no_other(shop: Shop) -> None:
    keys = {"publishable_key": publishable_key("roses"), "secret_key": secret_key("roses")}
    other = expect(201, again(shop, **keys))["id"]
    expect(200, shop.admin.post(f"/v1/accounts/{other}/disconnect"))
    body = connection("tulips")
    mine = {name: body[name] for name in ("mode", "publishable_key", "secret_key")}

    refused = refuse(shop.world, lambda: shop.admin.post(f"/v1/accounts/{other}/credentials", mine))

    # It is another Stripe account than the one that it was; and that one is in use.
    assert refused in {(409, "stripe_account_taken"), (422, "keys_not_same_account")}


def test_connecting_what_was_disconnected_goes_on_with_the_account_that_is_there(
    shop: Shop,
) -> None:
    shop.save_card()
    expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/disconnect"))

    back = expect(201, again(shop, name="Main"))

    assert (back["id"], back["status"], back["name"]) == (shop.account["id"], "active", "Main")
    listed = expect(200, shop.admin.get("/v1/accounts"))["data"]
    assert [each["id"] for each in listed] == [shop.account["id"]]
    state = f"/v1/payment-modules/{shop.module['id']}/state"
    expect(200, shop.admin.post(state, {"state": "sandbox"}))
    assert expect(201, shop.charge(shop.invoice()))["payment"]["gross"] == 4000


def test_a_stripe_account_that_was_let_go_is_free_for_another_tenant_and_then_theirs(
    shop: Shop,
) -> None:
    expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/disconnect"))

    theirs = expect(201, again(shop, "bakery"))

    assert theirs["status"] == "active"
    assert refuse(shop.world, lambda: again(shop)) == (409, "stripe_account_taken")
    body = connection("tulips")
    mine = {name: body[name] for name in ("mode", "publishable_key", "secret_key")}
    path = f"/v1/accounts/{shop.account['id']}/credentials"
    refused = refuse(shop.world, lambda: shop.admin.post(path, mine))
    assert refused == (409, "stripe_account_taken")


def test_of_two_who_connect_one_stripe_account_at_once_the_second_is_told(world: World) -> None:
    bakery = Shop.open(world, "bakery").account
    stripe_account = world.at_stripe("GET", "/v1/account")["id"]
    theirs = ConnectedAccount(
        mode="test", stripe_account=stripe_account, tenant="bakery", account=bakery["id"]
    )
    keys = {"publishable_key": publishable_key("roses"), "secret_key": secret_key("roses")}
    world.gate.arm(None)
    expect(201, world.client().post("/v1/accounts", connection("tulips", name="dry run", **keys)))
    writes = [n for n, name in enumerate(world.gate.passed) if name == "transact_write_items"]
    world.gate.arm(None)
    world.gate.before = (writes[0], lambda: runtime.store().save(theirs))

    refused = world.client().post("/v1/accounts", connection("tulips"))

    assert (refused.status, refused.code) == (409, "stripe_account_taken")
    listed = expect(200, world.client().get("/v1/accounts"))["data"]
    assert [each["name"] for each in listed] == ["dry run"]


def test_an_account_of_before_is_its_own_from_its_next_verification_on(shop: Shop) -> None:
    name = account_pointer("test", shop.account["stripe_account"])
    del shop.world.dynamo.rows[name, "POINTER"]

    expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/verify"))

    assert refuse(shop.world, lambda: again(shop, "bakery")) == (409, "stripe_account_taken")


def test_the_same_name_is_free_for_another_tenant(shop: Shop) -> None:
    assert Shop.open(shop.world, "bakery").account["name"] == shop.account["name"]


@pytest.mark.parametrize("kinds", [("timeout_lost",) * 2, ("timeout_applied", "timeout_lost")])
def test_stripe_unreachable_stores_nothing_and_can_be_tried_again(
    world: World, kinds: tuple[str, ...]
) -> None:
    world.fail("/v1/setup_intents", *kinds)
    client, body = world.client(), connection("tulips")

    refused = refuse(world, lambda: client.post("/v1/accounts", body, key="k"))

    assert refused == (503, "stripe_unavailable")
    assert client.post("/v1/accounts", body, key="k").json["status"] == "active"


@pytest.mark.parametrize("kinds", [("500", "500"), ("timeout_lost",) * 2])
@pytest.mark.parametrize("path", ["/v1/setup_intents/*/cancel", "/v1/webhook_endpoints"])
def test_stripe_failing_in_the_middle_is_never_a_bug(
    world: World, path: str, kinds: tuple[str, ...]
) -> None:
    world.fail(path, *kinds)

    account = expect(201, world.client().post("/v1/accounts", connection("tulips")))

    if account["status"] == "error":
        assert account["status_reason"] == "Stripe did not answer; verify the account again."
        account = expect(200, world.client().post(f"/v1/accounts/{account['id']}/verify"))
    assert account["status"] == "active"


def test_a_connection_cut_short_anywhere_ends_with_one_account(world: World) -> None:
    client = world.client()
    world.gate.arm(None)
    expect(201, client.post("/v1/accounts", connection("tulips", name="dry run")))

    for step in range(len(world.gate.passed)):
        body = connection(f"shop{step:04}", name=f"step {step}")
        world.gate.arm(step, "after")
        with pytest.raises(Died):
            client.post("/v1/accounts", body, key=f"step {step}")
        world.gate.arm(None)
        world.advance(minutes=2)
        account = expect(201, client.post("/v1/accounts", body, key=f"step {step}"))
        endpoints = world.at_stripe("GET", "/v1/webhook_endpoints", tenant=f"shop{step:04}")["data"]
        assert account["status"] == "active", step
        assert [endpoint["url"] for endpoint in endpoints] == [account["webhook"]["url"]], step

    names = [account["name"] for account in client.get("/v1/accounts", limit=100).json["data"]]
    assert len(names) == len(set(names)) == step + 2


def test_a_webhook_endpoint_that_stripe_refuses_is_named_as_the_reason(world: World) -> None:
    for number in range(16):
        form = {"url": f"https://elsewhere.example/{number}", "enabled_events[0]": "charge.updated"}
        world.at_stripe("POST", "/v1/webhook_endpoints", **form)

    account = expect(
        201, world.client().post("/v1/accounts", connection("tulips", name="one more"))
    )

    assert account["status"] == "error"
    assert "webhook endpoint" in account["status_reason"]


def test_accounts_are_listed_newest_first_with_a_cursor(world: World) -> None:
    client, names = world.client(), ["one", "two", "three"]
    for name in names:
        keys = {"publishable_key": publishable_key(name), "secret_key": secret_key(name)}
        expect(201, client.post("/v1/accounts", connection("tulips", name=name, **keys)))

    first = client.get("/v1/accounts", limit=2).json
    second = client.get("/v1/accounts", limit=2, cursor=first["next_cursor"]).json

    assert [entry["name"] for entry in first["data"] + second["data"]] == names[::-1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"cursor": "x" * 65}], ids=str
)
def test_a_page_that_cannot_be_is_refused(showroom: Shop, query: Json) -> None:
    answer = refuse(showroom.world, lambda: showroom.admin.get("/v1/accounts", **query))

    assert answer == (422, "validation_failed")


@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("POST", "/verify")])
def test_another_tenants_account_does_not_exist(showroom: Shop, method: str, tail: str) -> None:
    path = f"/v1/accounts/{showroom.account['id']}{tail}"

    assert refusals.foreign(showroom, path, method=method) == (404, "not_found")
    assert showroom.world.client("bakery").get("/v1/accounts").json["data"] == []
