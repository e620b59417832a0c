"""What a module takes, what it costs, what it can never do, and what comes before real money."""

from typing import Any

import pytest

from local.demo.compare_books import compare_books
from local.stack.client import Client
from local.stack.issuer import Issuer
from local.stack.stack import Stack
from payments.edge.roles import ROUTES
from tests.doubles.tenants import another_publishable_key, another_secret_key
from tests.stack.shop import (
    Shop,
    connect,
    create_module,
    eventually,
    grant_module,
    new_key,
    required,
    switch_module,
)
from tests.stack.test_connecting import fill_in, onboard, read, sell, told, visit
from tests.stack.test_tenancy import call

DEBIT = "pm_usBankAccount"


def module_with(stack: Stack, shop: Shop, **terms: object) -> str:
    module = create_module(stack, shop.tenant, shop.account, terms)
    switch_module(stack, shop.tenant, module)
    grant_module(stack, shop.tenant, module)
    return module


def fee_of(payment: Any) -> dict[str, int]:
    return {part["type"]: part["amount"] for part in payment["fee"]["fee_details"]}


@pytest.mark.claim("CR-5")
def test_a_module_takes_the_methods_that_it_lists_and_a_slow_one_is_not_paid_at_once(
    stack: Stack, shop: Shop
) -> None:
    module = module_with(stack, shop, methods=["us_bank_account"])
    shown = required(shop.client("viewer").get(f"/v1/payment-modules/{module}"), 200)
    invoice = shop.invoice(shop.customer(), module=module, currency="usd")

    page = shop.open_checkout(shop.link(invoice))
    card = shop.pay_at(page)
    shop.pay_at(page, DEBIT)
    found = eventually(
        lambda: shop.read(invoice), lambda read: read["facets"]["collection"] == "processing"
    )

    assert shown["methods"] == ["us_bank_account"]
    assert card.status >= 400
    assert (found["status"], found["amounts"]["paid"], found["payments"]) == ("open", 0, [])


@pytest.mark.claim("IC-9")
@pytest.mark.claim("IC-8")
def test_a_module_says_what_it_can_never_do_and_why(stack: Stack, shop: Shop) -> None:
    module = create_module(stack, shop.tenant, shop.account, link=False)

    shown = required(shop.client("viewer").get(f"/v1/payment-modules/{module}/capabilities"), 200)

    found = {each["name"]: (each["status"], bool(each["reason"])) for each in shown["data"]}
    never = {"banner_card_payment", "smart_routing", "spread_out_fees"}
    assert {name for name, (status, _) in found.items() if status == "unavailable"} == never
    assert found["link_payment"][0] == "off"
    assert all(reason for _, reason in found.values())
    assert (shown["usable"], shown["state"]) == (False, "off")


@pytest.mark.claim("OM-5")
def test_every_payment_shows_what_its_fee_consists_of(shop: Shop) -> None:
    payment = shop.payment(shop.invoice(shop.customer()))

    fee = payment["fee"]
    assert fee["state"] == "known"
    assert fee_of(payment) == {"stripe_fee": fee["amount"]}
    assert fee["net"] == payment["gross"] - fee["amount"]


@pytest.mark.claim("KO-9")
def test_the_platforms_fee_is_on_each_payment_shown_and_given_back_in_proportion(
    stack: Stack, tenant: str
) -> None:
    begun = onboard(stack, tenant)
    told(visit(fill_in(begun["url"])))
    shop = sell(stack, tenant, read(stack, tenant, begun["id"]))
    admin, path = shop.client("admin"), f"/v1/payment-modules/{shop.module}"
    policy = {"percent": "1.5", "amounts": [{"currency": "eur", "fixed": 20}]}
    version = required(admin.get(path), 200)["version"]
    required(admin.patch(path, {"fee_policy": policy}, if_match=f'"{version}"'), 200)
    customer = shop.customer()

    linked = shop.payment(shop.invoice(customer))
    card = shop.save_card(customer)
    invoice = shop.invoice(customer)
    required(shop.charge(invoice, payment_method=card), 201)
    charged = shop.priced(invoice)
    required(shop.refund(linked, amount=2000), 201)
    required(shop.refund(charged, amount=2000, refund_platform_fee="none"), 201)

    assert [fee_of(each)["application_fee"] for each in (linked, charged)] == [80, 80]
    fees = [charge["application_fee_amount"] for charge in shop.truth()["charges"]]
    assert fees == [80, 80]
    books = required(admin.get("/v1/ledger/trial-balance"), 200)["data"]
    platform = [each for each in books if each["account"] == "fees:platform"]
    assert [entry["balance"] for entry in platform] == [120]
    found = compare_books(shop.client(), Client(stack.stripe), shop.stripe_account)
    assert found.differences == set()


@pytest.mark.claim("IC-5")
@pytest.mark.claim("IC-3")
def test_real_money_goes_through_a_module_only_after_a_pass_in_test_mode(
    stack: Stack, tenant: str
) -> None:
    account = required(connect(stack, tenant), 201)
    module = create_module(stack, tenant, account["id"])
    admin, path = stack.client(tenant, "admin"), f"/v1/payment-modules/{module}"
    live = {
        "publishable_key": another_publishable_key(tenant, "one", "live"),
        "secret_key": another_secret_key(tenant, "one", "live"),
    }
    slot = admin.post(
        f"/v1/accounts/{account['id']}/credentials",
        {"mode": "live", **live},
        idempotency_key=new_key(),
    )
    required(slot, 200)

    too_early = switch_module(stack, tenant, module, "on")
    # It is running until Stripe's own books know of what was tried.
    ended = eventually(
        lambda: admin.post(f"{path}/certify", idempotency_key=new_key()),
        lambda answer: answer.status != 202,
    )
    passed = required(ended, 200)
    switched = switch_module(stack, tenant, module, "on")
    shown = required(stack.client(tenant, "viewer").get(f"{path}/certification"), 200)

    assert (too_early.status, too_early.json["code"]) == (409, "certification_required")
    assert [check["step"] for check in too_early.json["checks"]] == [
        step["step"] for step in passed["steps"]
    ]
    assert (passed["status"], passed["mode"], shown) == ("passed", "test", passed)
    assert (switched.status, switched.json["state"]) == (200, "on")
    assert required(admin.get("/v1/payments"), 200)["data"] == []


@pytest.mark.claim("KO-5")
def test_a_foreign_issuers_token_opens_no_route_whatever_it_says(stack: Stack, shop: Shop) -> None:
    foreign = Issuer()
    foreign.server.server_close()
    issuers = (foreign.url, stack.issuer.url)
    tokens = [foreign.person(shop.tenant, "admin", iss=name) for name in issuers]

    for route in sorted(ROUTES)[::5]:
        for token in tokens:
            assert call(Client(stack.api, token), route).status == 401, route
