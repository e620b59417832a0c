"""Merchants connected through Stripe: its onboarding, its consent, and what it says afterwards."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from local.demo.compare_books import compare_books
from local.stack.client import Answer, Client, visit
from local.stack.stack import Stack
from tests.stack.shop import (
    Shop,
    connect,
    control,
    create_module,
    eventually,
    grant_module,
    new_key,
    required,
    switch_module,
)

SESSIONS = "/v1/accounts/onboarding-sessions"
RETURN, REFRESH = "/v1/accounts/onboarding/return", "/v1/accounts/onboarding/refresh"
CALLBACK = "/v1/accounts/oauth/callback"


def onboard(stack: Stack, tenant: str, **fields: object) -> Any:
    """Begin an onboarding."""
    body = {"name": "Main", "mode": "test", "country": "DE", "email": "shop@example.com"}
    asked = stack.client(tenant, "admin").post(
        SESSIONS, body | {"return_path": "/settings"} | fields, idempotency_key=new_key()
    )
    return required(asked, 201)


def fill_in(url: str, **answers: str) -> str:
    """Open Stripe's page, submit it, and return where it leads."""
    form = "&".join(f"{name}={value}" for name, value in answers.items()).encode()
    required_page(visit(url))
    sent = visit(url, form)
    assert sent.status == 303
    return str(sent.headers["location"])


def required_page(answer: Answer) -> None:
    assert answer.status == 200, answer.text[:300]


def read(stack: Stack, tenant: str, account: str) -> Any:
    return required(stack.client(tenant, "admin").get(f"/v1/accounts/{account}"), 200)


def told(answer: Answer) -> dict[str, str]:
    """Return what the app is told on the way back."""
    assert answer.status == 303, answer.text[:300]
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}


def sell(stack: Stack, tenant: str, account: Any) -> Shop:
    module = create_module(stack, tenant, account["id"])
    required(switch_module(stack, tenant, module), 200)
    grant_module(stack, tenant, module)
    return Shop(stack, tenant, account["id"], module, account["stripe_account"])


@pytest.mark.claim("KO-4")
@pytest.mark.claim("OH-4")
def test_an_onboarding_is_left_resumed_and_leads_back_to_the_app_once(
    stack: Stack, tenant: str
) -> None:
    begun = onboard(stack, tenant)
    required_page(visit(begun["url"]))
    left = read(stack, tenant, begun["id"])
    again = visit(begun["url"])
    fresh = visit(again.headers["location"])

    back = fill_in(fresh.headers["location"])
    home, twice = visit(back), visit(back)

    assert left["status"] == "pending"
    assert urlsplit(again.headers["location"]).path == REFRESH
    assert home.headers["location"].startswith(f"{stack.api}/settings?")
    assert told(home) == {"account": begun["id"], "status": "active"}
    assert (twice.status, twice.json["code"]) == (400, "invalid_state")
    assert read(stack, tenant, begun["id"])["status"] == "active"


@pytest.mark.claim("OH-4")
@pytest.mark.parametrize("path", [RETURN, REFRESH, CALLBACK])
def test_a_state_of_nobody_leads_nowhere(stack: Stack, path: str) -> None:
    for state in ("", "?state=", "?state=forged&code=ac_12345678"):
        answer = Client(stack.api).get(f"{path}{state or '?code=ac_12345678'}")

        assert (answer.status, answer.json["code"]) == (400, "invalid_state")
        assert "Begin again" in answer.json["detail"]


@pytest.mark.claim("KO-4")
@pytest.mark.claim("IC-2")
def test_the_status_follows_what_stripe_says_both_ways(stack: Stack, tenant: str) -> None:
    begun = onboard(stack, tenant)
    told(visit(fill_in(begun["url"])))
    account = read(stack, tenant, begun["id"])
    seen = [account["status"]]

    for state, status in (("restricted", "restricted"), ("active", "active")):
        control(stack, "accounts", {"account": account["stripe_account"], "state": state})
        seen.append(
            eventually(
                lambda: read(stack, tenant, begun["id"]),
                lambda now, status=status: now["status"] == status,
            )["status"]
        )

    assert seen == ["active", "restricted", "active"]


@pytest.mark.claim("KO-8")
def test_money_goes_straight_to_the_merchants_account_and_the_books_agree(
    stack: Stack, tenant: str
) -> None:
    begun = onboard(stack, tenant)
    told(visit(fill_in(begun["url"])))
    shop = sell(stack, tenant, read(stack, tenant, begun["id"]))
    customer = shop.customer()

    paid = shop.payment(shop.invoice(customer))
    card = shop.save_card(customer)
    invoice = shop.invoice(customer)
    charged = required(shop.charge(invoice, payment_method=card), 201)
    shop.priced(invoice)
    required(shop.refund(paid, amount=1000), 201)

    truth = shop.truth()
    found = compare_books(shop.client(), Client(stack.stripe), shop.stripe_account)
    assert charged["attempt"]["status"] == "succeeded"
    assert [charge["amount"] for charge in truth["charges"] if charge["paid"]] == [4000, 4000]
    assert {charge["application_fee"] for charge in truth["charges"]} == {None}
    assert (len(found.ours), found.differences) == (3, set())
    assert shop.client("viewer").get("/v1/ledger/trial-balance").json["data"]


@pytest.mark.claim("OH-4")
def test_a_merchant_who_has_an_account_consents_and_can_take_it_back(
    stack: Stack, tenant: str
) -> None:
    admin = stack.client(tenant, "admin")
    body = {"name": "Theirs", "mode": "test", "return_path": "/settings"}
    answer = admin.post("/v1/accounts/oauth-sessions", body, idempotency_key=new_key())
    query = urlsplit(required(answer, 201)["authorize_url"]).query
    page = f"{stack.stripe}/oauth/authorize"
    required_page(visit(f"{page}?{query}"))
    sent = visit(page, f"{query}&account=new&outcome=connect".encode())

    back = urlsplit(sent.headers["location"])
    browser = answer.headers["set-cookie"].partition(";")[0]
    page, path = Client(f"{back.scheme}://{back.netloc}"), f"{back.path}?{back.query}"

    elsewhere = page.get(path)
    home, twice = (page.get(path, cookie=browser) for _ in range(2))

    account = read(stack, tenant, told(home)["account"])
    shop = sell(stack, tenant, account)
    assert shop.payment(shop.invoice(shop.customer()))["gross"] == 4000
    assert (account["method"], account["status"]) == ("oauth", "active")
    assert (elsewhere.status, elsewhere.json["reason"]) == (400, "another_browser")
    assert (twice.status, twice.json["reason"]) == (400, "used")


def test_a_test_account_and_its_events_never_reach_another_tenant(
    stack: Stack, tenant: str, other: Shop
) -> None:
    begun = onboard(stack, tenant)

    seen = other.client("admin").get(f"/v1/accounts/{begun['id']}")
    link = other.client("admin").post(f"/v1/accounts/{begun['id']}/onboarding-link", {})

    assert (seen.status, link.status) == (404, 404)


def test_keys_still_connect_beside_it(stack: Stack, tenant: str) -> None:
    onboard(stack, tenant)

    assert required(connect(stack, tenant, name="Keys"), 201)["status"] == "active"


def test_the_platforms_secrets_are_apart(stack: Stack, tenant: str) -> None:
    onboard(stack, tenant)
    secrets = stack.aws("secretsmanager")

    names = ("platform/test", "webhooks/connect/test")
    kept = [
        json.loads(secrets.get_secret_value(SecretId=f"receivable/local/{name}")["SecretString"])
        for name in names
    ]

    assert set(kept[0]) == {"secret_key", "publishable_key", "client_id"}
    assert kept[1]["current"].startswith("whsec_")
