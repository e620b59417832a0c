"""What a profile may do with a module: each use by itself, and as the rows say at this moment."""

from collections.abc import Callable

import pytest

from payments.facts.module import PERMISSIONS, USUAL
from tests.functions.refusals import ALWAYS, Bad, invalid, refuse, refuse_body
from tests.functions.shop import Shop, connection, expect
from tests.functions.world import Answer, Client, Json


def grant(shop: Shop, *permissions: str, profile: str = "operator") -> Json:
    path = f"/v1/profiles/{profile}/modules/{shop.module['id']}"
    body = {"permissions": list(permissions)}
    return expect(200, shop.admin.send("PUT", path, body if permissions else None))


Use = Callable[[Shop, Json], Callable[[], Answer]]


def posting(path: str, body: Json) -> Use:
    def use(shop: Shop, ids: Json) -> Callable[[], Answer]:
        sent = {name: ids.get(value, value) for name, value in body.items()}
        return lambda: shop.operator.post(path.format(**ids), sent)

    return use


#: Each thing that takes a permission, and which one.
USES: dict[str, tuple[str, Use]] = {
    "make a link": ("paylink.send", posting("/v1/invoices/{open}/pay-links", {})),
    "withdraw a link": ("paylink.send", posting("/v1/pay-links/{link}/revoke", {})),
    "charge a card": ("charge.create", posting("/v1/invoices/{open}/charges", {})),
    "save a card": (
        "charge.create",
        posting("/v1/customers/c-1/setup-sessions", {"module": "module"}),
    ),
    "give money back": ("refund.create", posting("/v1/payments/{payment}/refunds", {"amount": 1})),
    "void an invoice": ("invoice.*", posting("/v1/invoices/{open}/void", {})),
    "write an invoice off": ("invoice.*", posting("/v1/invoices/{open}/uncollectible", {})),
    "finalize a draft": ("invoice.*", posting("/v1/invoices/{draft}/finalize", {})),
    "book a transfer": (
        "invoice.*",
        posting("/v1/invoices/{open}/offline-payments", {"amount": 1, "method": "cash"}),
    ),
    "make an invoice": (
        "invoice.*",
        posting(
            "/v1/invoices",
            {"number": "N", "customer": "c-1", "currency": "eur", "total": 9, "module": "module"},
        ),
    ),
    "reconcile": ("recon.run", posting("/v1/reconciliation/runs", {"account": "account"})),
}


@pytest.fixture
def ids(shop: Shop) -> Json:
    shop.save_card()
    paid, owed = shop.invoice(), shop.invoice()
    payment = expect(201, shop.charge(paid))["payment"]["id"]
    link = expect(201, shop.operator.post(f"/v1/invoices/{owed['id']}/pay-links", {}))["id"]
    draft = shop.invoice(draft=True)["id"]
    return {
        "open": owed["id"],
        "draft": draft,
        "payment": payment,
        "link": link,
        "module": shop.module["id"],
        "account": shop.account["id"],
    }


@pytest.mark.parametrize("name", USES)
def test_each_use_takes_its_own_permission_from_the_next_request_on(
    shop: Shop, ids: Json, name: str
) -> None:
    needed, use = USES[name]
    ask = use(shop, ids)

    grant(shop, *(each for each in PERMISSIONS if each != needed))
    without = refuse(shop.world, ask)
    grant(shop, needed)
    allowed = ask()

    assert without == (403, "permission_denied")
    assert allowed.status in {200, 201, 202}, allowed.text


def test_what_is_usual_needs_no_words_and_is_shown(shop: Shop) -> None:
    granted = grant(shop)
    profile = expect(200, shop.admin.get("/v1/profiles/operator"))

    assert granted["permissions"] == list(USUAL)
    assert "account.manage" not in USUAL
    assert profile["grants"] == [granted]
    narrowed = grant(shop, "refund.create", "paylink.send")
    assert narrowed["permissions"] == ["paylink.send", "refund.create"]
    assert expect(200, shop.admin.get("/v1/profiles/operator"))["grants"] == [narrowed]


def test_a_revocation_is_felt_between_two_requests_of_one_token(shop: Shop, ids: Json) -> None:
    path = f"/v1/profiles/operator/modules/{shop.module['id']}"
    ask = USES["make a link"][1](shop, ids)

    assert ask().status == 201
    expect(200, shop.admin.send("DELETE", path))
    revoked = refuse(shop.world, ask)
    expect(200, shop.admin.put(path))

    assert revoked == (403, "permission_denied")
    assert ask().status == 201


def test_a_grant_of_one_account_is_none_of_another(shop: Shop) -> None:
    keys = {name: key + "x" for name, key in connection("tulips").items() if name.endswith("_key")}
    second = shop.admin.post("/v1/accounts", connection("tulips", name="Second", **keys))
    other = expect(201, second)["id"]

    refused = refuse(
        shop.world, lambda: shop.operator.post("/v1/reconciliation/runs", {"account": other})
    )

    assert refused == (403, "permission_denied")


BAD = (
    *(bad for bad in ALWAYS if bad.name not in {"nothing", "null"}),
    invalid("nothing allowed", {"permissions": []}),
    invalid("an unknown permission", {"permissions": ["charge.*"]}),
    invalid("a permission as text", {"permissions": "charge.create"}),
    invalid("all of them twice", {"permissions": list(PERMISSIONS) * 2}),
)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_is_no_grant_is_refused(showroom: Shop, bad: Bad) -> None:
    path = f"/v1/profiles/operator/modules/{showroom.module['id']}"
    good, client = {"permissions": ["charge.create"]}, showroom.admin

    assert isinstance(client, Client)
    assert refuse_body(client, "PUT", path, good, bad) == (bad.status, bad.code)
