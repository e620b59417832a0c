"""What cannot be charged, and who may not, is refused before Stripe is asked."""

from collections.abc import Callable

import pytest

from tests.functions import refusals
from tests.functions.charging import charges
from tests.functions.refusals import ALWAYS, AMOUNTS, Bad, invalid, refuse, refuse_body
from tests.functions.shop import Shop, expect
from tests.functions.world import Json

BAD = (
    *ALWAYS,
    *AMOUNTS,
    invalid("card number as payment method", {"payment_method": refusals.PAN}, "pan_detected"),
    invalid("card number as amount", {"amount": int(refusals.PAN)}, "pan_detected"),
    invalid("payment method that leaves its place", {"payment_method": "pm_1#2"}),
    invalid("empty payment method", {"payment_method": ""}),
    invalid("module that is a number", {"module": 1}),
    invalid("supersede in words", {"supersede_open_links": "true"}),
    invalid("tenant in the body", {"tenant": "bakery"}),
    invalid("less than Stripe charges", {"amount": 1}, "amount_too_small"),
    Bad("more than is owed", 409, "exceeds_outstanding", {"amount": 4001}),
    Bad("a module that nobody has", 404, "not_found", {"module": "mod_nobody"}),
    Bad("a card that nobody has", 404, "not_found", {"payment_method": "pm_nobody"}),
)


@pytest.fixture(scope="module")
def owed(showroom: Shop) -> Json:
    """Give an invoice of a customer with a saved card."""
    showroom.save_card()
    return showroom.invoice()


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_charged_is_refused_and_asks_nobody(
    showroom: Shop, owed: Json, bad: Bad
) -> None:
    showroom.world.gate.arm(None)

    answer = refuse_body(showroom.operator, "POST", charges(owed), {"amount": 1500}, bad)

    assert answer == (bad.status, bad.code)
    assert not [name for name in showroom.world.gate.passed if "/v1/" in name]


def test_a_refusal_says_how_much_can_be_collected(showroom: Shop, owed: Json) -> None:
    assert showroom.charge(owed, amount=4001).json["collectable"] == 4000


def test_an_invoice_or_card_of_another_tenant_does_not_exist(showroom: Shop, owed: Json) -> None:
    assert refusals.foreign(showroom, charges(owed), {}, "POST") == (404, "not_found")
    assert refuse(
        showroom.world, lambda: showroom.operator.post("/v1/invoices/inv_nobody/charges", {})
    ) == (404, "not_found")


def test_a_card_of_another_customer_is_not_charged(shop: Shop) -> None:
    card = shop.save_card()
    shop.customer("c-2")
    invoice = shop.invoice(customer="c-2")

    refused = refuse(shop.world, lambda: shop.charge(invoice, payment_method=card))

    assert refused == (404, "not_found")


def test_a_customer_without_a_card_is_asked_for_one(shop: Shop) -> None:
    invoice = shop.invoice()

    refused = refuse(shop.world, lambda: shop.charge(invoice))

    assert refused == (422, "validation_failed")


def switch_off(shop: Shop) -> None:
    expect(200, shop.admin.post(f"/v1/payment-modules/{shop.module['id']}/state", {"state": "off"}))


def revoke(shop: Shop) -> None:
    path = f"/v1/profiles/operator/modules/{shop.module['id']}"
    expect(200, shop.admin.send("DELETE", path))


def disable(shop: Shop) -> None:
    shop.customer(enabled=False)


@pytest.mark.parametrize(
    ("forbid", "code"),
    [(switch_off, "module_off"), (revoke, "permission_denied"), (disable, "customer_not_enabled")],
)
def test_what_is_forbidden_is_forbidden_from_the_next_request_on(
    shop: Shop, forbid: Callable[[Shop], None], code: str
) -> None:
    shop.save_card()
    invoice = shop.invoice()
    forbid(shop)

    assert refuse(shop.world, lambda: shop.charge(invoice)) == (403, code)


@pytest.mark.parametrize("feature", ["charge_saved", "partial"])
def test_a_feature_that_the_module_lacks_is_refused(shop: Shop, feature: str) -> None:
    shop.save_card()
    invoice = shop.invoice(module=None)
    body = {"name": "Poor", "account": shop.account["id"]}
    features = {"charge_saved": True, "partial": True} | {feature: False}
    poor = expect(201, shop.admin.post("/v1/payment-modules", body | {"features": features}))["id"]
    expect(200, shop.admin.post(f"/v1/payment-modules/{poor}/state", {"state": "sandbox"}))
    expect(200, shop.admin.put(f"/v1/profiles/operator/modules/{poor}"))

    refused = refuse(shop.world, lambda: shop.charge(invoice, module=poor, amount=1500))

    assert refused == (403, "feature_disabled")


def test_an_invoice_that_takes_no_parts_is_charged_in_full_only(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice(allow_partial=False)

    refused = refuse(shop.world, lambda: shop.charge(invoice, amount=1500))

    assert refused == (403, "feature_disabled")
    assert shop.charge(invoice).status == 201


def test_a_paid_void_or_draft_invoice_is_not_charged(shop: Shop) -> None:
    shop.save_card()
    paid, void, draft = shop.invoice(), shop.invoice(), shop.invoice(draft=True)
    expect(201, shop.charge(paid))
    expect(200, shop.operator.post(f"/v1/invoices/{void['id']}/void"))

    for invoice in (paid, void, draft):
        refused = refuse(shop.world, lambda invoice=invoice: shop.charge(invoice))
        assert refused == (409, "invoice_not_payable")


def test_a_role_without_a_grant_of_its_own_charges_nothing(showroom: Shop, owed: Json) -> None:
    refused = refuse(showroom.world, lambda: showroom.admin.post(charges(owed), {}))

    assert refused == (403, "permission_denied")
