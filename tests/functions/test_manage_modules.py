"""/v1/payment-modules and /v1/profiles: what a merchant switches on, and who may use it."""

import re
from functools import partial
from urllib.parse import urlsplit

import pytest
from stripe.params.checkout import SessionCreateParams

from payments.facts.module import USUAL
from payments.facts.terms import METHODS
from payments.facts.velocity import DEFAULTS
from payments.money import SUPPORTED
from tests.doubles.tenants import secret_key
from tests.functions import refusals
from tests.functions.faults import die
from tests.functions.refusals import ALWAYS, Bad, invalid, refuse, refuse_body, without
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Json

MODULES = "/v1/payment-modules"


def asked(shop: Shop, name: str = "Second") -> Json:
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
        "name": "Second",
        "account": shop.account["id"],
        "state": "off",
        "features": {
            "link": True,
            "charge_saved": False,
            "partial": False,
            "surcharge": False,
        },
        "methods": [],
        "currencies": [],
        "limits": [],
        "velocity": [rule.model_dump() for rule in DEFAULTS],
        "fee_policy": {"percent": "0", "amounts": []},
        "created_at": "2026-09-21T14:00:00Z",
        "version": 1,
    }
    assert expect(200, shop.admin.get(f"{MODULES}/{module['id']}")) == module


@pytest.mark.parametrize("state", ["sandbox", "off"])
def test_a_module_is_switched_and_shows_it(shop: Shop, state: str) -> None:
    switched = expect(200, shop.admin.post(state_of(shop.module), {"state": state}))

    assert switched == shop.module | {"state": state, "version": 3}


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
    assert first == {
        "profile": "cashier",
        "module": shop.module["id"],
        "granted": True,
        "permissions": list(USUAL),
    }
    assert granted(shop, "cashier") == [shop.module["id"]]
    assert expect(200, shop.admin.send("DELETE", path))["granted"] is False
    assert granted(shop, "cashier") == []
    assert expect(200, shop.admin.put(path))["granted"] is True
    assert granted(shop, "cashier") == [shop.module["id"]]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_grant_twice_is_one(shop: Shop, method: str) -> None:
    path = f"/v1/profiles/operator/modules/{shop.module['id']}"
    expect(200, shop.admin.send(method, path))
    before = shop.world.facts()

    expect(200, shop.admin.send(method, path))

    assert shop.world.facts() == before


def test_what_was_never_granted_can_be_taken(shop: Shop) -> None:
    path = f"/v1/profiles/nobody/modules/{shop.module['id']}"
    before = shop.world.facts()

    assert expect(200, shop.admin.send("DELETE", path))["granted"] is False

    assert shop.world.facts() == before


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


def test_modules_are_listed_newest_first_with_a_cursor(shop: Shop) -> None:
    for name in ("two", "three"):
        expect(201, shop.admin.post(MODULES, asked(shop, name)))

    first = expect(200, shop.admin.get(MODULES, limit=2))
    second = expect(200, shop.admin.get(MODULES, limit=2, cursor=first["next_cursor"]))

    names = [module["name"] for module in first["data"] + second["data"]]
    assert names == ["three", "two", "Cards"]
    assert second["next_cursor"] is None


def patch(shop: Shop, changes: Json, version: int | None = 2, module: Json | None = None) -> Answer:
    seen = {} if version is None else {"if-match": f'"{version}"'}
    path = f"{MODULES}/{(module or shop.module)['id']}"
    return shop.admin.send("PATCH", path, changes, headers=seen)


def test_a_module_is_changed_in_what_is_named_and_in_nothing_else(shop: Shop) -> None:
    terms = {
        "methods": ["card", "sepa_debit"],
        "currencies": ["eur"],
        "limits": [{"currency": "eur", "min": 500, "max": 90_000}],
    }

    changed = patch(shop, terms | {"features": {"link": False}})
    renamed = patch(shop, {"name": "CARDS"}, 3)

    features = shop.module["features"] | {"link": False}
    expected = shop.module | terms | {"features": features, "version": 3}
    assert (expect(200, changed), changed.headers["etag"]) == (expected, '"3"')
    assert expect(200, renamed) == expected | {"name": "CARDS", "version": 4}
    assert expect(200, shop.admin.get(f"{MODULES}/{shop.module['id']}")) == renamed.json


def test_who_has_not_seen_the_present_module_does_not_change_it(shop: Shop) -> None:
    stale = refuse(shop.world, lambda: patch(shop, {"currencies": ["eur"]}, 1))
    blind = refuse(shop.world, lambda: patch(shop, {"currencies": ["eur"]}, None))

    assert (stale, blind) == ((412, "version_mismatch"), (428, "precondition_required"))


def test_no_two_modules_of_a_tenant_have_one_name(shop: Shop) -> None:
    second = expect(201, shop.admin.post(MODULES, asked(shop)))

    taken = refuse(shop.world, lambda: shop.admin.post(MODULES, asked(shop, "second")))
    renamed = refuse(shop.world, lambda: patch(shop, {"name": "Second"}))
    expect(200, patch(shop, {"name": "Third"}, 1, second))
    free_again = patch(shop, {"name": "Second"})

    assert taken == renamed == (409, "name_taken")
    assert expect(200, free_again)["name"] == "Second"


def test_a_module_whose_making_breaks_off_anywhere_is_made_once(shop: Shop) -> None:
    shop.world.gate.arm(None)
    expect(201, shop.admin.post(MODULES, asked(shop, "First")))
    steps = len(shop.world.gate.passed)

    for step in range(steps):
        name = f"Module {step}"
        make = partial(shop.admin.post, MODULES, asked(shop, name), key=name)
        die(shop, step, "after", make)
        shop.world.advance(minutes=2)
        expect(201, make())
        modules = expect(200, shop.admin.get(MODULES, limit=100))["data"]
        assert [each["name"] for each in modules].count(name) == 1


RULE = {"scope": "customer", "counts": "attempts", "limit": 3, "minutes": 10}
TERMS = (
    *ALWAYS,
    invalid("another account", {"account": "acc_other"}),
    invalid("a state", {"state": "on"}),
    invalid("an unknown feature", {"features": {"crypto": True}}),
    invalid("a feature as text", {"features": {"link": "yes"}}),
    invalid("no name", {"name": ""}),
    invalid("a method that Stripe has not", {"methods": ["crad"]}),
    invalid("a method that is none", {"methods": ["card; drop"]}),
    invalid("a currency in capitals", {"currencies": ["EUR"]}),
    invalid("no currency of Stripe's", {"currencies": ["zzz"]}, "currency_not_supported"),
    invalid("a bare limit", {"limits": [500]}),
    invalid("a limit of nothing", {"limits": [{"currency": "eur", "max": 0}]}),
    invalid("a limit as a float", {"limits": [{"currency": "eur", "max": 5.0}]}),
    invalid("no amount within", {"limits": [{"currency": "eur", "min": 2, "max": 1}]}),
    invalid("no such scope", {"velocity": [RULE | {"scope": "bank"}]}),
    invalid("a rule that lets nothing through", {"velocity": [RULE | {"limit": 0}]}),
    invalid("a rule without a limit", {"velocity": [{"scope": "ip", "counts": "attempts"}]}),
    invalid("a rule for ever", {"velocity": [RULE | {"minutes": 100_000}]}),
    invalid("one rule twice", {"velocity": [RULE, RULE]}),
    invalid("a fee below nothing", {"fee_policy": {"percent": -1}}),
    invalid("a fee over half", {"fee_policy": {"percent": 51}}),
    invalid("a fee in no currency", {"fee_policy": {"amounts": [{"fixed": 1}]}}),
    invalid("two fees in a currency", {"fee_policy": {"amounts": [{"currency": "eur"}] * 2}}),
    invalid("one currency twice", {"limits": [{"currency": "eur"}, {"currency": "eur"}]}),
    invalid(
        "a limit of what is not taken",
        {"currencies": ["usd"], "limits": [{"currency": "eur", "max": 1}]},
        "currency_not_supported",
    ),
)


@pytest.mark.parametrize("bad", TERMS, ids=str)
def test_terms_under_which_nothing_can_be_paid_are_refused(showroom: Shop, bad: Bad) -> None:
    def send() -> Answer:
        path, headers = f"{MODULES}/{showroom.module['id']}", {"if-match": '"2"', **bad.headers}
        return showroom.admin.send("PATCH", path, raw=bad.text({"name": "Cards"}), headers=headers)

    assert refuse(showroom.world, send) == (bad.status, bad.code)


def test_every_method_that_the_sdk_names_can_be_allowed() -> None:
    hints = SessionCreateParams.__annotations__["allowed_payment_method_types"]
    named = set(re.findall(r"'([a-z0-9_]+)'", str(hints)))

    assert named == METHODS


def test_an_amount_or_a_currency_that_is_not_taken_never_reaches_stripe(shop: Shop) -> None:
    shop.save_card()
    large, foreign = shop.invoice(), shop.invoice(currency="usd")
    whole = shop.invoice(allow_partial=False)
    link = shop.link(whole)
    limits = [{"currency": "eur", "min": 1000, "max": 3000}]
    expect(200, patch(shop, {"currencies": ["eur"], "limits": limits}))
    shop.world.gate.passed.clear()

    answers = (
        shop.charge(large),
        shop.charge(large, amount=999),
        shop.charge(foreign),
        shop.operator.post(f"/v1/invoices/{whole['id']}/pay-links", {}),
        shop.operator.post(f"/v1/invoices/{foreign['id']}/pay-links", {}),
        shop.world.public.post(f"{link}/pay", key=None),
    )

    codes = [(answer.status, answer.code) for answer in answers[:-1]]
    assert codes == [
        (422, "amount_too_large"),
        (422, "amount_too_small"),
        (422, "currency_not_supported"),
        (422, "amount_too_large"),
        (422, "currency_not_supported"),
    ]
    # The payer is sent back to the page, which says that nothing can be paid now.
    assert urlsplit(answers[-1].headers["location"]).path == link
    assert not [name for name in shop.world.gate.passed if "/v1/" in name]
    expect(201, shop.charge(large, amount=3000))


def test_the_payers_page_offers_the_methods_that_the_module_takes(shop: Shop) -> None:
    expect(200, patch(shop, {"methods": ["sepa_debit"]}))
    invoice = shop.invoice()
    shop.save_card()

    url = shop.session(invoice)

    session = shop.world.at_stripe("GET", f"/v1/checkout/sessions/{url.rsplit('/', 1)[-1]}")
    assert session["payment_method_types"] == ["sepa_debit"]
    second = shop.invoice()
    refused = refuse(shop.world, lambda: shop.charge(second))
    assert refused == (403, "feature_disabled")


@pytest.mark.parametrize("feature", ["link", "charge_saved", "partial", "surcharge"])
def test_a_module_says_what_it_can_do_what_is_off_and_what_it_never_can(
    shop: Shop, feature: str
) -> None:
    expect(200, patch(shop, {"features": {"surcharge": True, feature: False}}))

    shown = expect(200, shop.admin.get(f"{MODULES}/{shop.module['id']}/capabilities"))

    found = {each["name"]: each["status"] for each in shown["data"]}
    assert list(found.values()).count("off") == 1
    assert [name for name, status in found.items() if status == "unavailable"] == [
        "banner_card_payment",
        "smart_routing",
        "spread_out_fees",
    ]
    assert all(each["reason"].endswith(".") for each in shown["data"])
    assert (shown["usable"], shown["reason"]) == (True, None)


def test_a_module_says_why_nothing_can_be_paid_through_it(shop: Shop) -> None:
    path = f"{MODULES}/{shop.module['id']}/capabilities"
    card = shop.save_card()
    shop.world.control("keys", key=secret_key("tulips"), revoked=True)
    assert shop.charge(shop.invoice(), payment_method=card).status == 424
    broken = expect(200, shop.admin.get(path))
    expect(200, shop.admin.post(state_of(shop.module), {"state": "off"}))
    off = expect(200, shop.admin.get(path))

    assert (broken["usable"], off["usable"]) == (False, False)
    assert "Stripe refuses the account's keys" in broken["reason"]
    assert off["reason"] == "Payment module Cards is Off."


def test_whoever_asks_for_money_learns_what_each_currency_takes(shop: Shop) -> None:
    listed = {
        each["currency"]: each
        for each in expect(200, shop.storefront.get("/v1/currencies"))["data"]
    }

    assert set(listed) == SUPPORTED
    assert [listed["huf"][name] for name in ("decimals", "step", "least")] == [2, 1, 17_500]
    for name, rules in listed.items():
        total = -(-rules["least"] // rules["step"]) * rules["step"]
        assert shop.link(shop.invoice(currency=name, lines=None, total=total))
