"""
Who may call what: every route x every role x {own, another tenant's, no token, a foreign issuer's}.

What is expected stands in tests/doubles/matrix.py, and tests/test_routes.py holds it complete.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.doubles.matrix import MATRIX, ROLES
from tests.functions.shop import Shop, connection, expect
from tests.functions.world import Answer, Client, Json, World

#: What is sent so that it is the id, and not the body, that is refused.
BODIES: dict[str, Json] = {
    "POST /v1/payment-modules/{id}/state": {"state": "off"},
    "POST /v1/customers/{ref}/setup-sessions": {"module": "{module}"},
    "PATCH /v1/invoices/{id}": {"order_ref": "mine"},
    "PATCH /v1/accounts/{id}": {"name": "Mine"},
    "PATCH /v1/payment-modules/{id}": {"name": "Mine"},
    "PATCH /v1/settings": {"name": "Mine"},
    "PUT /v1/profiles/{id}/modules/{mid}": {"permissions": ["paylink.send"]},
    "POST /v1/invoices/{id}/offline-payments": {"amount": 1, "method": "cash"},
    "POST /v1/payments/{id}/allocations": {"invoice": "{invoice}"},
    "POST /v1/payments/{id}/refunds": {"amount": 1},
    "POST /v1/disputes/{id}/evidence": {"fields": {"customer_name": "Ada"}},
    "POST /v1/invoices/{id}/pay-links": {},
    "POST /v1/invoices/{id}/charges": {},
    "POST /v1/invoices/{id}/payment-intents": {},
    "POST /v1/reconciliation/breaks/{id}/resolve": {"action": "booked_elsewhere", "note": "seen"},
    "POST /v1/charges": {"customer": "{customer}", "allocations": [{"invoice": "{invoice}"}]},
    "POST /v1/reconciliation/runs": {"account": "{account}"},
    "POST /v1/payment-modules": {"name": "M", "account": "{account}"},
    "POST /v1/invoices": {
        "number": "1", "customer": "{customer}", "currency": "eur", "total": 900,
    },
}  # fmt: skip
#: Whose body has to be right in more than this before an id is looked for; their isolation has
#: tests of its own.
OWN_TESTS = {
    "GET /v1/notifications",
    "POST /v1/notifications/lift-suppression",
    "POST /v1/accounts",
    "POST /v1/subscriptions",
    "POST /v1/accounts/onboarding-sessions",
    "POST /v1/accounts/oauth-sessions",
    "POST /v1/accounts/{id}/credentials",
    "POST /v1/invoices/{id}/checkout-sessions",
    "POST /v1/reconciliation/breaks/{id}/resolve",
    "POST /v1/disputes/{id}/evidence",
}
#: They name what every tenant names for itself, or nothing of a tenant at all.
OWN_NAMES = {
    "PUT /v1/customers/{ref}",
    "GET /v1/profiles/{id}",
    "GET /v1/settings",
    "PATCH /v1/settings",
    "GET /v1/accounts/permissions",
    "GET /v1/currencies",
}
FOREIGN = {"sub": "somebody", "iss": "https://issuer.elsewhere", "custom:tenant": "tulips"}
UNKNOWN = "x_nobody"


@pytest.fixture(scope="module")
def ids(showroom: Shop) -> Json:
    """Give an id of everything that the tulips have, by where it stands in a path."""
    showroom.save_card()
    paid, owed = showroom.invoice(), showroom.invoice()
    charged = expect(201, showroom.charge(paid))
    payment = charged["payment"]["id"]
    refunded = showroom.admin.post(f"/v1/payments/{payment}/refunds", {"amount": 1})
    link = expect(201, showroom.operator.post(f"/v1/invoices/{owed['id']}/pay-links", {}))
    run = showroom.admin.post("/v1/reconciliation/runs", {"account": showroom.account["id"]})
    return {
        "accounts": showroom.account["id"],
        "payment-modules": showroom.module["id"],
        "customers": "c-1",
        "invoices": owed["id"],
        "payments": payment,
        "refunds": expect(201, refunded)["id"],
        "attempts": charged["attempt"]["id"],
        "pay-links": link["id"],
        "reconciliation": expect(202, run)["id"],
        "pm": showroom.cards()[0]["id"],
        # Nothing of theirs is in dispute; those have tests of their own.
        "disputes": UNKNOWN,
        "profiles": "operator",
    }


def call(client: Client, route: str, ids: Json, **more: str) -> Answer:
    """Call a route, named as API Gateway names it; an id that is not given is nobody's."""
    method, template = route.split(" ")
    kind = template.split("/")[2]
    special = {"mid": "payment-modules", "pm": "pm"}

    def named(found: re.Match[str]) -> str:
        return str(ids.get(special.get(found[1], kind), UNKNOWN))

    path = re.sub(r"\{(\w+)\}", named, template)
    body = json.dumps(BODIES.get(route, {}) | more)
    for name, place in (
        ("account", "accounts"),
        ("module", "payment-modules"),
        ("invoice", "invoices"),
        ("customer", "customers"),
    ):
        body = body.replace(f"{{{name}}}", str(ids.get(place, UNKNOWN)))
    raw = None if method in {"GET", "DELETE"} else body
    return client.send(method, path, raw=raw, headers={"if-match": '"1"'})


def is_barred(answer: Answer) -> bool:
    """Whether the caller was refused for their role alone."""
    return answer.status == 403 and "role" in answer.json


def may(role: str, route: str) -> bool:
    return role[0] in MATRIX[route]


def cells() -> Iterator[tuple[str, str]]:
    for route in MATRIX:
        for role in ROLES:
            yield route, role


def test_nobody_gets_in_without_a_token_or_with_that_of_a_foreign_issuer(
    showroom: Shop, ids: Json
) -> None:
    world = showroom.world
    before = world.facts()

    for name, claims in (("none", None), ("foreign", FOREIGN)):
        seen = {route: call(Client(world, claims), route, ids).status for route in MATRIX}
        assert seen == dict.fromkeys(MATRIX, 401), name

    assert world.facts() == before


@pytest.fixture
def granted_elsewhere(showroom: Shop) -> None:
    """Grant the bakery a module of its own: without a grant, some ids are not even looked for."""
    admin = showroom.world.client("bakery")
    account = expect(201, admin.post("/v1/accounts", connection("bakery")))
    module = expect(201, admin.post("/v1/payment-modules", {"name": "M", "account": account["id"]}))
    for profile in ("operator", "storefront"):
        expect(200, admin.put(f"/v1/profiles/{profile}/modules/{module['id']}"))


@pytest.mark.usefixtures("granted_elsewhere")
def test_no_role_of_another_tenant_sees_or_touches_anything(showroom: Shop, ids: Json) -> None:
    """An id of the tulips is to the bakery what an id of nobody is."""
    before = showroom.world.facts()

    for route, role in cells():
        client = showroom.world.client("bakery", role)
        answer, nobodys = call(client, route, ids), call(client, route, {})
        if not may(role, route):
            assert is_barred(answer), (route, role, answer.text)
        elif "{" in route and route not in OWN_NAMES | OWN_TESTS:
            assert (answer.status, answer.code) == (404, "not_found"), (route, role, answer.text)
        if route not in OWN_NAMES:
            assert (answer.status, answer.code) == (nobodys.status, nobodys.code), (route, role)
        values = [value for value in ids.values() if value not in {UNKNOWN, "operator", "c-1"}]
        said = answer.text.replace(route, "")
        # The audit trail repeats what the bakery itself has asked for.
        leaked = [value for value in values if value in said and route != "GET /v1/audit"]
        assert not leaked, (route, role, said)

    theirs = {key: row for key, row in showroom.world.facts().items() if "#tulips#" in key[0]}
    assert theirs == {key: row for key, row in before.items() if "#tulips#" in key[0]}


def test_each_role_of_the_tenant_may_call_its_routes_and_no_others(
    showroom: Shop, ids: Json
) -> None:
    """Last, since what may be done is done: whatever the answer, it is not for the role."""
    seen: dict[tuple[str, str], Any] = {}
    for route, role in cells():
        answer = call(showroom.world.client("tulips", role), route, ids)
        assert answer.status < 500, (route, role, answer.text)
        assert answer.status != 401, (route, role)
        seen[route, role] = not is_barred(answer)

    assert seen == {(route, role): may(role, route) for route, role in cells()}


def test_a_role_that_nobody_knows_may_call_nothing(world: World) -> None:
    claims = {"tenant": "tulips", "role": "owner", "profile": "admin", "sub": "x"}

    assert {call(Client(world, claims), route, {}).status for route in MATRIX} == {401}
