"""A module goes On only after everything was tried in test mode, and that leaves no trace."""

import pytest

from payments.facts.certification import MARK, STEPS
from tests.doubles.tenants import another_publishable_key, another_secret_key, secret_key
from tests.functions.platform import configure, connected_shop
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, expect
from tests.functions.world import Json, World


def certify(shop: Shop, status: int = 200, **more: str) -> Json:
    """Certify, and ask once more where Stripe's books do not know of the payments yet."""
    path = f"/v1/payment-modules/{shop.module['id']}/certify"
    answer = shop.admin.post(path, **more)
    if status == 200 and answer.status == 202:
        shop.world.wait_for_books()
        answer = shop.admin.post(path, **more)
    return expect(status, answer)


def shown(shop: Shop) -> Json:
    return expect(200, shop.admin.get(f"/v1/payment-modules/{shop.module['id']}/certification"))


def switch_on(shop: Shop) -> tuple[int, str]:
    path = f"/v1/payment-modules/{shop.module['id']}/state"
    answer = shop.admin.post(path, {"state": "on"})
    return answer.status, answer.code


def connect_live(shop: Shop) -> None:
    body = {
        "mode": "live",
        "publishable_key": another_publishable_key("tulips", "one", "live"),
        "secret_key": another_secret_key("tulips", "one", "live"),
    }
    expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/credentials", body))


def intents(shop: Shop) -> list[Json]:
    return list(shop.world.truth(shop.account)["payment_intents"])


def test_a_pass_tries_everything_and_shows_each_step(shop: Shop) -> None:
    passed = certify(shop)

    assert (passed["status"], passed["mode"]) == ("passed", "test")
    assert [step["step"] for step in passed["steps"]] == list(STEPS)
    assert all(step["ok"] and step["detail"].endswith(".") for step in passed["steps"])
    assert shown(shop) == passed
    ends = sorted(intent["status"] for intent in intents(shop))
    assert ends == ["canceled", "requires_payment_method", "succeeded", "succeeded", "succeeded"]
    assert {intent["metadata"][MARK] for intent in intents(shop)} == {passed["id"]}


def test_it_leaves_nothing_in_the_books(shop: Shop) -> None:
    before = shop.world.facts()

    certify(shop)
    shop.world.deliver()
    expect(202, shop.admin.post("/v1/reconciliation/runs", {"account": shop.account["id"]}))
    shop.world.work("reconcile_account", *shop.world.messages("reconciliations"))

    kinds = {key[1].partition("#")[0] for key in shop.world.facts().keys() - before.keys()}
    assert kinds <= {"CERTIFICATION", "EVENT", "RUN"}
    assert expect(200, shop.admin.get("/v1/payments"))["data"] == []
    assert expect(200, shop.admin.get("/v1/ledger/entries"))["data"] == []
    assert expect(200, shop.admin.get("/v1/reconciliation/breaks"))["data"] == []


def test_a_module_goes_on_only_when_it_has_passed(shop: Shop) -> None:
    connect_live(shop)
    path = f"/v1/payment-modules/{shop.module['id']}/state"

    untried = shop.admin.post(path, {"state": "on"})
    assert (untried.status, untried.code) == (409, "certification_required")
    assert [check["step"] for check in untried.json["checks"]] == list(STEPS)
    assert refuse(
        shop.world,
        lambda: shop.admin.get(f"/v1/payment-modules/{shop.module['id']}/certification"),
    ) == (404, "not_found")

    certify(shop)

    assert switch_on(shop) == (200, "")


def test_a_key_that_may_not_give_back_fails_that_step_and_names_it(shop: Shop) -> None:
    connect_live(shop)
    allow = ["payment_intents.write", "payment_intents.read", "charges.read"]
    shop.world.control("keys", key=secret_key("tulips"), allow=allow)

    failed = certify(shop)

    assert failed["status"] == "failed"
    assert [step["step"] for step in failed["steps"] if not step["ok"]] == ["refund"]
    assert "rak_" in failed["steps"][-1]["detail"]
    refused = shop.admin.post(f"/v1/payment-modules/{shop.module['id']}/state", {"state": "on"})
    assert refused.code == "certification_required"
    assert [check["step"] for check in refused.json["checks"]] == ["refund", "reconcile"]
    shop.world.control("keys", key=secret_key("tulips"), allow=None)
    again = certify(shop)
    assert (again["status"], again["id"] != failed["id"]) == ("passed", True)


def test_a_pass_that_runs_out_of_time_goes_on_where_it_stopped(shop: Shop) -> None:
    shop.world.fail("/v1/refunds", "timeout_lost", "timeout_lost")

    begun = certify(shop, 202)
    paid = len(intents(shop))
    done = certify(shop)

    assert begun["status"] == "running"
    assert [step["step"] for step in begun["steps"]] == list(STEPS[:4])
    assert done["id"] == begun["id"]
    assert done["steps"][:4] == begun["steps"]
    assert (done["status"], len(intents(shop))) == ("passed", paid)


def test_without_time_nothing_is_begun_at_stripe(shop: Shop) -> None:
    shop.world.remaining_ms = 5_000

    assert certify(shop, 202)["steps"] == []
    assert intents(shop) == []


def test_one_request_twice_is_one_pass(shop: Shop) -> None:
    first, again = certify(shop, key="once"), certify(shop, key="once")

    assert again == first
    assert len(intents(shop)) == 5


@pytest.mark.parametrize("currency", ["jpy", "kwd", "huf"])
def test_it_tries_the_modules_own_currency(shop: Shop, currency: str) -> None:
    path = f"/v1/payment-modules/{shop.module['id']}"
    change = {"currencies": [currency]}
    expect(200, shop.admin.send("PATCH", path, change, headers={"if-match": '"2"'}))

    assert certify(shop)["currency"] == currency
    assert shown(shop)["status"] == "passed"


def test_an_account_without_test_keys_is_told_what_it_needs(world: World) -> None:
    admin = world.client("tulips")
    keys = {
        "publishable_key": another_publishable_key("tulips", "one", "live"),
        "secret_key": another_secret_key("tulips", "one", "live"),
    }
    account = expect(201, admin.post("/v1/accounts", {"name": "L", "mode": "live", **keys}))
    asked = {"name": "Cards", "account": account["id"]}
    module = expect(201, admin.post("/v1/payment-modules", asked))["id"]

    refused = refuse(world, lambda: admin.post(f"/v1/payment-modules/{module}/certify"))

    assert refused == (422, "key_mode_mismatch")


def test_an_account_that_is_connected_through_the_platform_is_certified_too(world: World) -> None:
    configure(world)
    shop = connected_shop(world)

    assert certify(shop)["status"] == "passed"
