"""
Who needs which grant: every route x every role x four profiles, of what two modules have.

What is expected stands in tests/doubles/matrix.py; tests/test_routes.py holds it complete.
"""

from collections.abc import Iterator

import pytest

from payments.config import settings
from payments.facts.module import PERMISSIONS
from tests.doubles.matrix import GRANTS, MATRIX, ROLES
from tests.doubles.tenants import publishable_key, secret_key
from tests.functions import test_matrix as walk
from tests.functions.shop import FEATURES, Shop, connection, expect
from tests.functions.test_disputes import disputed
from tests.functions.world import Answer, Client, Json, World

#: Of these, a grant of any module is enough.
ANYWHERE = {"ANY", "LISTED"}


def person(world: World, role: str, profile: str, tenant: str = "tulips") -> Client:
    claims = {"tenant": tenant, "role": role, "profile": profile, "sub": f"{profile}@{tenant}"}
    return Client(world, claims)


def module(shop: Shop, name: str, *, account: str = "") -> Json:
    """Another module of the shop, in Sandbox, which nobody was granted."""
    body = {"name": name, "account": account or shop.account["id"], "features": FEATURES}
    made = expect(201, shop.admin.post("/v1/payment-modules", body))
    path = f"/v1/payment-modules/{made['id']}/state"
    return expect(200, shop.admin.post(path, {"state": "sandbox"}))


def second_account(shop: Shop) -> str:
    """An account of the same tenant that is another one at Stripe."""
    keys = {"publishable_key": publishable_key("roses"), "secret_key": secret_key("roses")}
    body = connection(shop.tenant, name="Roses", **keys)
    return str(expect(201, shop.admin.post("/v1/accounts", body))["id"])


def grant(shop: Shop, profile: str, name: str, *permissions: str) -> None:
    body = {"permissions": list(permissions)} if permissions else None
    expect(200, shop.admin.put(f"/v1/profiles/{profile}/modules/{name}", body))


def is_refused(answer: Answer) -> bool:
    """Whether the caller's profile, and not their role, was refused."""
    return answer.code == "permission_denied" and "profile" in answer.json


def cells() -> Iterator[tuple[str, str]]:
    for route, roles in MATRIX.items():
        for role in ROLES:
            if role[0] in roles:
                yield route, role


def asked(route: str, role: str) -> tuple[str | None, str] | None:
    """The permission and the subject that a cell asks for; None where the role is enough."""
    roles, permission, of = GRANTS.get(route, ("", None, ""))
    return (permission, of) if role[0] in roles else None


@pytest.fixture(scope="module")
def ids(showroom: Shop) -> Json:
    """An id of everything of one module; profiles with each grant alone, and without it."""
    showroom.save_card()
    paid, owed = showroom.invoice(), showroom.invoice()
    charged = expect(201, showroom.charge(paid))
    link = expect(201, showroom.operator.post(f"/v1/invoices/{owed['id']}/pay-links", {}))
    _, dispute = disputed(showroom)
    found = {
        "accounts": showroom.account["id"],
        "payment-modules": showroom.module["id"],
        "customers": "c-1",
        "invoices": owed["id"],
        "payments": charged["payment"]["id"],
        "attempts": charged["attempt"]["id"],
        "pay-links": link["id"],
        "pm": showroom.cards()[0]["id"],
        "disputes": dispute["id"],
        "profiles": "somebody-else",
    }
    other = module(showroom, "Elsewhere", account=second_account(showroom))
    grant(showroom, "elsewhere", other["id"], *PERMISSIONS)
    for permission in PERMISSIONS:
        rest = [name for name in PERMISSIONS if name != permission]
        grant(showroom, only(permission), showroom.module["id"], permission)
        grant(showroom, all_but(permission), showroom.module["id"], *rest)
    return found


def only(permission: str) -> str:
    return f"only-{permission.strip('.*')}"


def all_but(permission: str) -> str:
    return f"all-but-{permission.strip('.*')}"


def call(shop: Shop, route: str, role: str, profile: str, ids: Json) -> Answer:
    more = {"module": ids["payment-modules"]} if route == "POST /v1/invoices" else {}
    return walk.call(person(shop.world, role, profile), route, ids, **more)


def test_a_profile_without_a_grant_may_do_what_a_role_alone_may(showroom: Shop, ids: Json) -> None:
    seen = {cell: is_refused(call(showroom, *cell, "nobody", ids)) for cell in cells()}

    assert seen == {cell: asked(*cell) is not None for cell in cells()}


def test_a_grant_of_another_module_is_none_of_this_one(showroom: Shop, ids: Json) -> None:
    seen = {cell: is_refused(call(showroom, *cell, "elsewhere", ids)) for cell in cells()}

    expected = {cell: (asked(*cell) or (None, "ANY"))[1] not in ANYWHERE for cell in cells()}
    assert seen == expected


def test_of_a_modules_permissions_only_the_one_that_is_asked_for_lets_in(
    showroom: Shop, ids: Json
) -> None:
    for cell in cells():
        permission, _ = asked(*cell) or (None, "")
        if permission:
            refused = call(showroom, *cell, all_but(permission), ids)
            assert is_refused(refused), (cell, refused.text)
            assert refused.json["permission"] == permission
        allowed = call(showroom, *cell, only(permission or "metrics.read"), ids)
        assert not is_refused(allowed), (cell, allowed.text)


def test_what_cannot_be_a_name_is_refused_by_its_route_and_lets_nobody_in(
    showroom: Shop, ids: Json
) -> None:
    stranger = person(showroom.world, "operator", "nobody")
    able = person(showroom.world, "operator", only("charge.create"))
    path, invoice = f"/v1/invoices/{ids['invoices']}/charges", {"invoice": ids["invoices"]}
    bodies: tuple[tuple[str, Json], ...] = (
        (path, {"module": 1}),
        (path, {"module": "a#b"}),
        (path, {"module": ["x"]}),
        ("/v1/charges", {"customer": "c-1", "allocations": "x"}),
        ("/v1/charges", {"customer": "c-1", "allocations": [1]}),
        ("/v1/charges", {"customer": "c-1", "allocations": [{"invoice": {}}]}),
        ("/v1/charges", {"customer": "c-1", "allocations": []}),
        ("/v1/charges", {"customer": "c-1"}),
        ("/v1/charges", {"customer": "c-1", "allocations": [{**invoice, "module": 1}]}),
    )

    for where, body in bodies:
        assert (able.post(where, body).status, where, body) == (422, where, body)
        assert (stranger.post(where, body).status, where, body) == (403, where, body)


# An invoice's own module decides.


@pytest.fixture
def desk(shop: Shop) -> Json:
    """A second module of the same account, of which the profile "desk" may do everything."""
    made = module(shop, "Desk")
    grant(shop, "desk", made["id"], *PERMISSIONS)
    shop.save_card()
    return made


WAYS = ("charges", "pay-links", "payment-intents", "checkout-sessions", "offline-payments")


@pytest.mark.parametrize("way", WAYS)
def test_naming_another_module_gets_nobody_past_the_invoices_own(
    shop: Shop, desk: Json, way: str
) -> None:
    invoice, clerk = shop.invoice(), person(shop.world, "operator", "desk")
    before = shop.world.facts()

    answer = clerk.post(f"/v1/invoices/{invoice['id']}/{way}", {"module": desk["id"]})

    assert (answer.status, answer.json["module"]) == (403, shop.module["id"])
    assert (shop.world.facts(), shop.world.charged(shop.account)) == (before, [])


@pytest.mark.parametrize("way", WAYS[:3])
def test_whoever_may_use_both_modules_still_collects_through_the_invoices_own(
    shop: Shop, desk: Json, way: str
) -> None:
    grant(shop, "operator", desk["id"], *PERMISSIONS)
    invoice = shop.invoice()

    answer = shop.operator.post(f"/v1/invoices/{invoice['id']}/{way}", {"module": desk["id"]})

    assert (answer.status, answer.code) == (422, "validation_failed")
    assert answer.json["module"] == shop.module["id"]
    assert shop.world.charged(shop.account) == []


def together(*invoices: Json, **more: str) -> Json:
    parts = [{"invoice": invoice["id"]} for invoice in invoices]
    return {"customer": "c-1", "allocations": parts, **more}


def test_every_invoice_of_a_charge_takes_a_grant(shop: Shop, desk: Json) -> None:
    mine, theirs = shop.invoice(), shop.invoice(module=None)
    grant(shop, "storefront", desk["id"])
    theirs = shop.invoice(module=desk["id"])

    for pair in ((mine, theirs), (theirs, mine)):
        refused = shop.operator.post("/v1/charges", together(*pair))
        assert (refused.status, refused.json["module"]) == (403, desk["id"])
    assert shop.world.charged(shop.account) == []

    grant(shop, "operator", desk["id"])
    charged = expect(201, shop.operator.post("/v1/charges", together(mine, theirs)))
    assert [each["status"] for each in charged["invoices"]] == ["paid", "paid"]


def test_a_charge_is_not_made_through_two_accounts(shop: Shop, desk: Json) -> None:
    other = module(shop, "Roses", account=second_account(shop))
    for profile in ("operator", "storefront"):
        grant(shop, profile, other["id"])
    pair = shop.invoice(), shop.invoice(module=other["id"])

    refused = shop.operator.post("/v1/charges", together(*pair))

    assert (refused.status, refused.code) == (422, "validation_failed")


def test_each_invoice_keeps_to_what_its_own_module_offers(shop: Shop, desk: Json) -> None:
    path = f"/v1/payment-modules/{desk['id']}"
    for profile in ("operator", "storefront"):
        grant(shop, profile, desk["id"])
    pair = shop.invoice(), shop.invoice(module=desk["id"])
    etag = {"if-match": shop.admin.get(path).headers["etag"]}
    changed = {"features": FEATURES | {"charge_saved": False}}
    expect(200, shop.admin.send("PATCH", path, changed, headers=etag))

    refused = shop.operator.post("/v1/charges", together(*pair))

    assert (refused.status, refused.code) == (403, "feature_disabled")


def test_an_invoice_without_a_module_takes_a_grant_of_some_module(shop: Shop) -> None:
    body, invoice = {"amount": 100, "method": "cash"}, shop.invoice(module=None)
    path = f"/v1/invoices/{invoice['id']}/offline-payments"

    refused = person(shop.world, "operator", "nobody").post(path, body)
    made = person(shop.world, "storefront", "nobody").post("/v1/invoices", shop.order(module=None))

    assert [refused.code, made.code] == ["permission_denied"] * 2
    assert expect(201, shop.operator.post(path, body))["outstanding"] == 3900


def test_cash_is_given_back_by_whoever_may_give_back_for_its_invoice(shop: Shop) -> None:
    invoice = shop.invoice()
    path = f"/v1/invoices/{invoice['id']}/offline-payments"
    paid = expect(201, shop.operator.post(path, {"amount": 100, "method": "cash"}))["payment"]
    grant(shop, "till", shop.module["id"], "invoice.*")

    path = f"/v1/payments/{paid['id']}/refunds"
    refused = person(shop.world, "operator", "till").post(path, {"amount": 40})

    assert (refused.status, refused.json["permission"]) == (403, "refund.create")
    assert expect(201, shop.operator.post(path, {"amount": 40}))["amount"] == 40


def test_a_storefront_is_shown_the_invoices_of_its_modules(shop: Shop, desk: Json) -> None:
    mine = shop.invoice(), shop.invoice(module=None)
    kiosk = person(shop.world, "storefront", "desk")
    theirs = expect(201, kiosk.post("/v1/invoices", shop.order(module=desk["id"])))

    def seen(client: Client) -> set[str]:
        return {each["id"] for each in expect(200, client.get("/v1/invoices"))["data"]}

    assert seen(shop.storefront) == {each["id"] for each in mine}
    assert seen(kiosk) == {theirs["id"], mine[1]["id"]}
    assert seen(person(shop.world, "viewer", "nobody")) >= {theirs["id"], mine[0]["id"]}
    assert kiosk.get(f"/v1/invoices/{mine[0]['id']}").status == 403


# A kept answer is told to nobody whose grant is gone.


def test_a_kept_answer_is_not_told_to_a_profile_without_the_grant(shop: Shop) -> None:
    invoice, key = shop.invoice(), "intent-of-somebody"
    path = f"/v1/invoices/{invoice['id']}/payment-intents"
    told = expect(201, shop.operator.post(path, {}, key=key))

    stranger = person(shop.world, "operator", "nobody").post(path, {}, key=key)
    again = shop.operator.post(path, {}, key=key)
    expect(200, shop.admin.send("DELETE", f"/v1/profiles/operator/modules/{shop.module['id']}"))
    afterwards = shop.operator.post(path, {}, key=key)

    assert again.headers["idempotent-replayed"] == "true"
    assert again.json["client_secret"] == told["client_secret"]
    for refused in (stranger, afterwards):
        assert (refused.status, refused.code) == (403, "permission_denied")
        assert told["client_secret"] not in refused.text


def test_no_body_and_an_empty_one_grant_the_same(shop: Shop) -> None:
    path = f"/v1/profiles/clerk/modules/{shop.module['id']}"

    assert expect(200, shop.admin.put(path)) == expect(200, shop.admin.put(path, {}))


@pytest.mark.parametrize("said", ["", "pwd", "[pwd otp]", "nomfa"])
def test_an_administrator_needs_a_second_factor_where_a_claim_tells_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv("MFA_CLAIM", "amr")
    settings.cache_clear()
    claims = person(world, "admin", "admin").claims or {}

    refused = Client(world, claims | {"amr": said}).get("/v1/settings")
    let_in = Client(world, claims | {"amr": "[pwd mfa]"}).get("/v1/settings")
    operator = person(world, "operator", "operator").get("/v1/customers")
    settings.cache_clear()

    assert (refused.status, refused.code) == (401, "unauthenticated")
    assert (let_in.status, operator.status) == (200, 200)
