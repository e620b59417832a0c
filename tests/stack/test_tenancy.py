"""Who may do what: tokens, tenants, roles, and what is denied until somebody allows it."""

import re

import pytest

from local.stack.client import Answer, Client
from local.stack.issuer import PEOPLE, STOREFRONT, TENANTS, Issuer
from local.stack.stack import Stack, stripe_keys
from payments.edge.roles import ROUTES, may_call
from tests.stack.shop import (
    Shop,
    connect,
    create_module,
    grant_module,
    new_key,
    required,
    switch_module,
)

ROLES = (*PEOPLE, STOREFRONT)
HOME = "https://shop.example"
UNKNOWN = "x_00000000000000000000000000"
#: What is sent to a route so that an unknown id, and not the body, is what it refuses.
BODIES: dict[str, object] = {
    "POST /v1/accounts/{id}/credentials": {"mode": "test", **stripe_keys("standinnobody")},
    "POST /v1/payment-modules/{id}/state": {"state": "off"},
    "PUT /v1/profiles/{id}/modules/{mid}": {"permissions": ["paylink.send"]},
    "POST /v1/customers/{ref}/setup-sessions": {"module": UNKNOWN},
    "POST /v1/customers/{ref}/payment-methods/{pm}/default": None,
    "PATCH /v1/invoices/{id}": {"order_ref": "mine"},
    "POST /v1/invoices/{id}/offline-payments": {"amount": 1000, "method": "cash"},
    "POST /v1/invoices/{id}/checkout-sessions": {"success_url": HOME, "cancel_url": HOME},
    "POST /v1/payments/{id}/allocations": {"invoice": UNKNOWN},
    "POST /v1/disputes/{id}/evidence": {"fields": {"customer_name": "Ada"}},
    "POST /v1/reconciliation/breaks/{id}/resolve": {"action": "accept", "note": "Mine"},
    "POST /v1/invoices/{id}/pay-links": {},
    "POST /v1/invoices/{id}/charges": {},
}


#: Routes that name what every tenant may name for itself.
OWN_NAMES = ("PUT /v1/customers/{ref}", "GET /v1/profiles/{id}")


def test_nothing_is_answered_without_a_token_that_the_issuer_signed_for_us_and_now(
    stack: Stack,
) -> None:
    stranger = Issuer()
    stranger.server.server_close()
    tokens = {
        "none": None,
        "malformed": "not.a.token",
        "of another issuer": stranger.person(TENANTS[0], "admin"),
        "forged in our issuer's name": stranger.person(TENANTS[0], "admin", iss=stack.issuer.url),
        "expired": stack.issuer.person(TENANTS[0], "admin", exp=1),
        "for another audience": stack.issuer.person(TENANTS[0], "admin", aud="somebody"),
    }

    for route in ROUTES:
        assert call(Client(stack.api), route).status == 401, route
    for name, token in tokens.items():
        assert Client(stack.api, token).get("/v1/accounts").status == 401, name


def test_a_token_that_names_no_tenant_or_no_role_of_ours_is_refused(stack: Stack) -> None:
    tokens = {
        "no tenant": stack.issuer.sign({"sub": "nobody"}),
        "unknown machine": stack.issuer.sign({"sub": "m", "client_id": "unknown"}),
        "no role": stack.issuer.person(TENANTS[0], ""),
        "unknown role": stack.issuer.person(TENANTS[0], "root"),
    }

    for name, token in tokens.items():
        answer = Client(stack.api, token).get("/v1/accounts")
        assert (answer.status, answer.json["code"]) == (401, "unauthenticated"), name


@pytest.mark.claim("KO-5")
def test_every_role_may_call_its_routes_and_no_others(shop: Shop) -> None:
    seen = {
        (role, route): barred(call(shop.client(role), route)) for role in ROLES for route in ROUTES
    }

    assert seen == {(role, route): not may_call(role, route) for role in ROLES for route in ROUTES}


def test_nothing_of_another_tenant_can_be_seen_or_touched(shop: Shop, other: Shop) -> None:
    theirs = belongings(other)
    card = other.save_card(theirs["customers"])
    customer = shop.customer()
    mine, admin = shop.invoice(customer), shop.client("admin")
    know_home(admin)

    for route in [route for route in ROUTES if "{" in route and route not in OWN_NAMES]:
        answer = call(admin, route, theirs)
        assert (answer.status, answer.json["code"]) == (404, "not_found"), route
    number = {"number": new_key(), "currency": "eur", "total": 4000, "customer": customer}
    for path, body in (
        ("payment-modules", {"name": "M", "account": other.account}),
        ("invoices", number | {"customer": theirs["customers"]}),
        ("invoices", number | {"module": other.module}),
        (f"customers/{customer}/setup-sessions", {"module": other.module}),
        (f"invoices/{mine}/pay-links", {"module": other.module}),
        (f"invoices/{mine}/charges", {"module": other.module}),
        (f"invoices/{mine}/charges", {"payment_method": card}),
        ("charges", {"customer": customer, "allocations": [{"invoice": theirs["invoices"]}]}),
        ("reconciliation/runs", {"account": other.account}),
    ):
        answer = admin.post(f"/v1/{path}", body, idempotency_key=new_key())
        assert (answer.status, answer.json["code"]) == (404, "not_found"), (path, body)
    for path in (
        "accounts",
        "payment-modules",
        "invoices",
        "payments",
        "refunds",
        "reconciliation/runs",
    ):
        listed = required(admin.get(f"/v1/{path}?limit=100"), 200)["data"]
        assert not {entry["id"] for entry in listed} & set(theirs.values()), path
    assert other.module not in required(admin.get("/v1/profiles/operator"), 200)["modules"]
    admin.put(f"/v1/customers/{theirs['customers']}", {"name": "Mine"})
    seen = required(other.client().get(f"/v1/customers/{theirs['customers']}"), 200)
    assert seen["name"] == "Ada"


@pytest.mark.claim("IC-4")
@pytest.mark.claim("IC-5")
@pytest.mark.claim("IC-3")
def test_a_module_is_off_until_switched_and_each_state_takes_its_own_kind_of_keys(
    stack: Stack, shop: Shop, tenant: str
) -> None:
    keys = stripe_keys(f"standin{tenant}")
    live = {name: key.replace("_test_", "_live_") for name, key in keys.items()}
    account = required(connect(stack, tenant, name="Live", mode="live", **live), 201)
    module = create_module(stack, tenant, account["id"])
    grant_module(stack, tenant, module)
    admin = stack.client(tenant, "admin")
    admin.put("/v1/customers/c-1", {"name": "Ada", "online_payment_enabled": True})
    body = {"number": "1", "customer": "c-1", "currency": "eur", "total": 900, "module": module}
    invoice = required(admin.post("/v1/invoices", body, idempotency_key=new_key()), 201)["id"]

    made = required(admin.get(f"/v1/payment-modules/{module}"), 200)
    off = admin.post(f"/v1/invoices/{invoice}/pay-links", {}, idempotency_key=new_key())
    sandbox = switch_module(stack, tenant, module, "sandbox")
    switched_on = switch_module(stack, tenant, module, "on")
    test_keys_on = switch_module(stack, shop.tenant, shop.module, "on")
    moved = admin.post(
        f"/v1/payment-modules/{module}/state", {"state": "on", "account": shop.account}
    )

    assert (made["state"], made["account"]) == ("off", account["id"])
    assert (off.status, off.json["code"]) == (403, "module_off")
    assert (sandbox.status, sandbox.json["code"]) == (422, "key_mode_mismatch")
    assert (test_keys_on.status, test_keys_on.json["code"]) == (422, "key_mode_mismatch")
    assert (switched_on.status, switched_on.json["code"]) == (409, "certification_required")
    assert (moved.status, moved.json["code"]) == (422, "validation_failed")


@pytest.mark.claim("IC-6")
@pytest.mark.claim("IC-7")
def test_a_profile_may_use_a_module_only_while_it_is_granted(stack: Stack, shop: Shop) -> None:
    customer = shop.customer()
    shop.save_card(customer)
    invoice = shop.invoice(customer, module=None)
    module = create_module(stack, shop.tenant, shop.account)
    switch_module(stack, shop.tenant, module)

    before = uses(shop, module, invoice, customer)
    grant_module(stack, shop.tenant, module, "operator")
    during = uses(shop, module, invoice, customer)
    shop.client("admin").delete(f"/v1/profiles/operator/modules/{module}")
    after = uses(shop, module, invoice, customer)

    assert [(answer.status, answer.json["code"]) for answer in before + after] == [
        (403, "permission_denied")
    ] * 6
    assert [answer.status for answer in during] == [201] * 3


@pytest.mark.claim("IC-8")
def test_a_module_offers_only_the_ways_of_paying_that_it_was_given(
    stack: Stack, shop: Shop
) -> None:
    customer = shop.customer()
    shop.save_card(customer)
    invoice = shop.invoice(customer, module=None)
    module = create_module(stack, shop.tenant, shop.account, link=False, charge_saved=False)
    switch_module(stack, shop.tenant, module)
    grant_module(stack, shop.tenant, module)

    refused = uses(shop, module, invoice, customer)

    assert [(answer.status, answer.json["code"]) for answer in refused] == [
        (403, "feature_disabled")
    ] * 3


@pytest.mark.claim("KO-6")
@pytest.mark.claim("KO-7")
def test_a_customer_pays_online_only_once_enabled_which_takes_a_connected_account(
    stack: Stack, shop: Shop, tenant: str
) -> None:
    enabled = {"name": "Ada", "online_payment_enabled": True}
    too_early = stack.client(tenant, "admin").put("/v1/customers/c-1", enabled)
    ungranted = stack.client(tenant, "operator").put("/v1/customers/c-1", enabled)
    customer = shop.customer(enabled=False)
    invoice = shop.invoice(customer)

    refused = uses(shop, shop.module, invoice, customer)
    shop.client().put(f"/v1/customers/{customer}", enabled)
    link = shop.link(invoice)
    shop.client().put(f"/v1/customers/{customer}", enabled | {"online_payment_enabled": False})
    pressed = shop.press_pay(link)

    assert (too_early.status, too_early.json["code"]) == (409, "stripe_account_required")
    assert (ungranted.status, ungranted.json["code"]) == (403, "permission_denied")
    assert [(answer.status, answer.json["code"]) for answer in refused] == [
        (403, "customer_not_enabled")
    ] * 3
    # Back to the page, which says that nothing can be paid now.
    assert (pressed.status, "/p/" in pressed.headers["location"]) == (303, True)
    assert shop.intents(invoice) == []


def call(client: Client, route: str, ids: dict[str, str] | None = None) -> Answer:
    """Call a route, named as API Gateway names it; an id that `ids` has not is an unknown one."""
    verb, template = route.split(" ")
    kind = template.split("/")[2]
    path = re.sub(
        r"\{(\w+)\}",
        lambda found: (ids or {}).get("payment-modules" if found[1] == "mid" else kind, UNKNOWN),
        template,
    )
    body = None if verb in {"GET", "DELETE"} else BODIES.get(route, {})
    headers = {"idempotency_key": new_key(), "if_match": '"1"'}
    return client.send(verb, path, body, headers=headers)


def barred(answer: Answer) -> bool:
    """Say whether the caller was refused for who they are."""
    if answer.status == 403:
        return answer.json["code"] == "permission_denied" and "role" in answer.json
    return answer.status == 401


def know_home(admin: Client) -> None:
    """Let payers be sent back home, so that an address is not what a request is refused for."""
    known = required(admin.get("/v1/settings"), 200)["version"]
    seen = {"if_match": f'"{known}"'}
    changed = admin.send("PATCH", "/v1/settings", {"return_origins": [HOME]}, headers=seen)
    assert changed.status == 200, changed.text


def belongings(shop: Shop) -> dict[str, str]:
    """Return an id of everything that a tenant has, by where it stands in a path."""
    customer = shop.customer()
    paid = shop.payment(shop.invoice(customer))
    run = shop.client().post(
        "/v1/reconciliation/runs", {"account": shop.account}, idempotency_key=new_key()
    )
    return {
        "accounts": shop.account,
        "payment-modules": shop.module,
        "customers": customer,
        "invoices": shop.invoice(customer),
        "payments": paid["id"],
        "refunds": required(shop.refund(paid, amount=1), 201)["id"],
        "reconciliation": required(run, 202)["id"],
    }


def uses(shop: Shop, module: str, invoice: str, customer: str) -> list[Answer]:
    """Ask for a link, a page that saves a card, and a charge through a module."""
    paths = (
        f"/v1/invoices/{invoice}/pay-links",
        f"/v1/customers/{customer}/setup-sessions",
        f"/v1/invoices/{invoice}/charges",
    )
    return [
        shop.client().post(path, {"module": module}, idempotency_key=new_key()) for path in paths
    ]
