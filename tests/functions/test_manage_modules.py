"""/v1/payment-modules and /v1/profiles: what a merchant switches on, and who may use it."""

import re
from collections.abc import Callable

import pytest

from tests.functions import refusals
from tests.functions.refusals import ALWAYS, Bad, invalid, refuse, refuse_body, without
from tests.functions.shop import Shop, expect
from tests.functions.world import Json, World

MODULES = "/v1/payment-modules"
READERS = {"admin", "operator", "viewer"}
ALLOWED = {
    f"POST {MODULES}": {"admin"},
    f"GET {MODULES}": READERS,
    f"GET {MODULES}/{{id}}": READERS,
    f"POST {MODULES}/{{id}}/state": {"admin"},
    "GET /v1/profiles/{id}": READERS,
    "PUT /v1/profiles/{id}/modules/{mid}": {"admin"},
    "DELETE /v1/profiles/{id}/modules/{mid}": {"admin"},
    "GET /v1/settings": {"admin"},
    "PATCH /v1/settings": {"admin"},
}


def asked(shop: Shop, name: str = "Cards") -> Json:
    return {"name": name, "account": shop.account["id"], "features": {"link": True}}


def state_of(module: Json) -> str:
    return f"{MODULES}/{module['id']}/state"


def granted(shop: Shop, profile: str) -> list[str]:
    return list(expect(200, shop.admin.get(f"/v1/profiles/{profile}"))["modules"])


def test_a_module_is_created_off_as_the_contract_shows(shop: Shop) -> None:
    module = expect(201, shop.admin.post(MODULES, asked(shop)))

    assert re.fullmatch("mod_[0-9a-z]{26}", module["id"])
    assert module == {
        "id": module["id"],
        "name": "Cards",
        "account": shop.account["id"],
        "state": "off",
        "features": {"link": True, "charge_saved": False, "partial": False},
        "created_at": "2026-09-21T14:00:00Z",
    }
    assert expect(200, shop.admin.get(f"{MODULES}/{module['id']}")) == module


@pytest.mark.parametrize("state", ["sandbox", "off"])
def test_a_module_is_switched_and_shows_it(shop: Shop, state: str) -> None:
    switched = expect(200, shop.admin.post(state_of(shop.module), {"state": state}))

    assert switched == shop.module | {"state": state}


def test_test_keys_do_not_switch_a_module_on(shop: Shop) -> None:
    refused = refuse(shop.world, lambda: shop.admin.post(state_of(shop.module), {"state": "on"}))

    assert refused == (422, "key_mode_mismatch")


def test_a_module_of_an_account_in_error_is_not_switched_on_but_off(shop: Shop) -> None:
    shop.world.control("keys", key="sk_test_" + "tulips" * 4, revoked=True)
    expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/verify"))
    path = state_of(shop.module)

    refused = refuse(shop.world, lambda: shop.admin.post(path, {"state": "sandbox"}))

    assert refused == (409, "account_not_active")
    assert expect(200, shop.admin.post(path, {"state": "off"}))["state"] == "off"


def test_a_key_twice_makes_one_module(shop: Shop) -> None:
    refusals.use_key_twice(shop.admin, MODULES, asked(shop), asked(shop, "Other"), required=False)

    assert len(expect(200, shop.admin.get(MODULES))["data"]) == 2


BAD = (
    *ALWAYS,
    without("name"),
    without("account"),
    invalid("empty name", {"name": ""}),
    invalid("endless name", {"name": "x" * 201}),
    invalid("unknown feature", {"features": {"crypto": True}}),
    invalid("feature that is a list", {"features": ["link"]}),
    invalid("state at creation", {"state": "on"}),
    invalid("account that leaves its place", {"account": "acc#1"}),
    Bad("an account that nobody has", 404, "not_found", {"account": "acc_nobody"}),
)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_a_module_is_refused(showroom: Shop, bad: Bad) -> None:
    good = asked(showroom)

    assert refuse_body(showroom.admin, "POST", MODULES, good, bad) == (bad.status, bad.code)


STATES = (*ALWAYS, without("state"), invalid("live", {"state": "live"}), invalid("1", {"state": 1}))


@pytest.mark.parametrize("bad", STATES, ids=str)
def test_what_is_no_state_is_refused(showroom: Shop, bad: Bad) -> None:
    path, good = state_of(showroom.module), {"state": "off"}

    assert refuse_body(showroom.admin, "POST", path, good, bad) == (bad.status, bad.code)


def test_a_grant_is_given_and_taken_and_both_are_felt_at_once(shop: Shop) -> None:
    path = f"/v1/profiles/cashier/modules/{shop.module['id']}"

    first = expect(200, shop.admin.put(path))
    assert first == {"profile": "cashier", "module": shop.module["id"], "granted": True}
    assert granted(shop, "cashier") == [shop.module["id"]]
    assert expect(200, shop.admin.send("DELETE", path))["granted"] is False
    assert granted(shop, "cashier") == []
    assert expect(200, shop.admin.put(path))["granted"] is True
    assert granted(shop, "cashier") == [shop.module["id"]]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_grant_twice_is_one(shop: Shop, method: str) -> None:
    path = f"/v1/profiles/operator/modules/{shop.module['id']}"
    expect(200, shop.admin.send(method, path))
    before = shop.world.rows()

    expect(200, shop.admin.send(method, path))

    assert shop.world.rows() == before


def test_what_was_never_granted_can_be_taken(shop: Shop) -> None:
    path = f"/v1/profiles/nobody/modules/{shop.module['id']}"
    before = shop.world.rows()

    assert expect(200, shop.admin.send("DELETE", path))["granted"] is False

    assert shop.world.rows() == before


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_module_of_nobody_cannot_be_granted(showroom: Shop, method: str) -> None:
    path = "/v1/profiles/operator/modules/mod_nobody"

    refused = refuse(showroom.world, lambda: showroom.admin.send(method, path))

    assert refused == (404, "not_found")


def test_another_tenants_modules_do_not_exist(showroom: Shop) -> None:
    ident = showroom.module["id"]
    tries = [
        ("GET", f"{MODULES}/{ident}", None),
        ("POST", f"{MODULES}/{ident}/state", {"state": "off"}),
        ("PUT", f"/v1/profiles/operator/modules/{ident}", None),
        ("DELETE", f"/v1/profiles/operator/modules/{ident}", None),
        ("POST", MODULES, asked(showroom)),
    ]

    for method, path, body in tries:
        assert refusals.foreign(showroom, path, body, method) == (404, "not_found")
    stranger = showroom.world.client("bakery")
    assert stranger.get(MODULES).json["data"] == []
    assert stranger.get("/v1/profiles/operator").json["modules"] == []


@pytest.mark.parametrize("name", ["a%23b", "a%20b", "x" * 65, "%3Cscript%3E", "%00"])
def test_an_id_that_leaves_its_place_is_refused(showroom: Shop, name: str) -> None:
    for path in (f"{MODULES}/{name}", f"/v1/profiles/{name}"):
        refused = refuse(showroom.world, lambda path=path: showroom.admin.get(path))
        assert refused in {(422, "validation_failed"), (404, "not_found")}


def test_a_card_number_in_the_address_is_refused(showroom: Shop) -> None:
    path = f"/v1/profiles/{refusals.PAN}/modules/{showroom.module['id']}"

    refused = refuse(showroom.world, lambda: showroom.admin.put(path))

    assert refused == (422, "pan_detected")


def test_modules_are_listed_newest_first_with_a_cursor(shop: Shop) -> None:
    for name in ("two", "three"):
        expect(201, shop.admin.post(MODULES, asked(shop, name)))

    first = expect(200, shop.admin.get(MODULES, limit=2))
    second = expect(200, shop.admin.get(MODULES, limit=2, cursor=first["next_cursor"]))

    names = [module["name"] for module in first["data"] + second["data"]]
    assert names == ["three", "two", "Cards"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("route", ALLOWED)
def test_only_the_roles_of_the_contract_get_in(showroom: Shop, route: str) -> None:
    assert set(ALLOWED) == set(refusals.routes("manage_modules"))
    assert refusals.roles_that_may(showroom.world, route) == ALLOWED[route]


@pytest.mark.parametrize("route", ALLOWED)
def test_strangers_are_turned_away(showroom: Shop, route: str) -> None:
    assert refusals.greet(showroom.world, route) == refusals.turned_away()


@pytest.mark.usefixtures("pool_claims")
def test_the_sample_event_names_an_account_that_is_not_there(
    world: World, sample: Callable[[str], Json]
) -> None:
    answer = world.invoke(sample("manage_modules"), "manage_modules")

    assert (answer.status, answer.code) == (404, "not_found")
