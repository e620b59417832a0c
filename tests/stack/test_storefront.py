"""An order in a web shop becomes a paid invoice, over real HTTP and whatever the payer does."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import pytest

from local.stack.client import Answer, Client
from local.stack.stack import Stack
from tests.stack.shop import (
    FORM,
    Shop,
    create_module,
    eventually,
    grant_module,
    new_key,
    required,
    switch_module,
)

SHOP = "https://shop.example"
BACK = {"success_url": f"{SHOP}/thanks", "cancel_url": f"{SHOP}/cart"}


@pytest.fixture(scope="module")
def storefront(shop: Shop) -> Client:
    """Give the storefront's client, whose payers may be sent back to one origin."""
    admin = shop.client("admin")
    seen = admin.get("/v1/settings").headers["etag"]
    required(admin.patch("/v1/settings", {"return_origins": [SHOP]}, if_match=seen), HTTPStatus.OK)
    return shop.client("storefront")


def open_session(storefront: Client, invoice: str, **fields: object) -> Any:
    path = f"/v1/invoices/{invoice}/checkout-sessions"
    answer = storefront.post(path, BACK | fields, idempotency_key=new_key())
    return required(answer, HTTPStatus.CREATED)


def open_intent(storefront: Client, invoice: str) -> Any:
    path = f"/v1/invoices/{invoice}/payment-intents"
    answer = storefront.post(path, {}, idempotency_key=new_key())
    return required(answer, HTTPStatus.CREATED)


def confirm(stack: Stack, opened: Any, card: str) -> Answer:
    """Confirm as Stripe.js does in the payer's browser."""
    intent = opened["client_secret"].partition("_secret_")[0]
    form = {
        "client_secret": opened["client_secret"],
        "payment_method": card,
        "return_url": f"{SHOP}/thanks",
    }
    client = Client(stack.stripe, opened["publishable_key"])
    path, headers = f"/v1/payment_intents/{intent}/confirm", {"content-type": FORM}
    return client.send("POST", path, urlencode(form).encode(), headers=headers)


@pytest.mark.claim("KO-1")
@pytest.mark.claim("KO-2")
def test_an_order_is_checked_out_and_paid_without_anybodys_help(
    shop: Shop, storefront: Client
) -> None:
    invoice = shop.invoice(shop.customer(), order_ref="ORDER-1")
    opened = open_session(storefront, invoice)

    shop.pay_at(opened["url"])

    paid = shop.settled(invoice)
    assert paid["order_ref"] == "ORDER-1"
    assert paid["payments"][0]["allocations"] == [{"invoice": invoice, "amount": 4000}]


@pytest.mark.claim("CR-6")
@pytest.mark.claim("CR-8")
def test_a_page_of_the_shops_own_gets_all_that_it_needs_and_pays_once(
    stack: Stack, shop: Shop, storefront: Client
) -> None:
    config = required(
        storefront.get(f"/v1/payment-modules/{shop.module}/public-config"), HTTPStatus.OK
    )
    invoice = shop.invoice(shop.customer())
    opened = open_intent(storefront, invoice)
    assert opened["publishable_key"] == config["publishable_key"]

    assert confirm(stack, opened, "pm_card_visa").status == HTTPStatus.OK
    attempt = f"/v1/attempts/{opened['attempt_id']}"
    for _ in range(3):
        seen = required(storefront.post(f"{attempt}/refresh"), HTTPStatus.OK)

    assert (seen["status"], seen["invoice_status"]) == ("succeeded", "paid")
    assert [charge["amount"] for charge in shop.charges(invoice)] == [4000]
    assert len(shop.settled(invoice)["payments"]) == 1


@pytest.mark.claim("CR-11")
def test_a_block_by_fraud_rules_is_told_to_the_payer_like_any_other_decline(
    stack: Stack, shop: Shop, storefront: Client
) -> None:
    customer = shop.customer()
    saved = shop.save_card(customer, "pm_card_chargeCustomerFail")
    declined = shop.charge(shop.invoice(customer), payment_method=saved)
    invoice = shop.invoice(customer)
    link = shop.link(invoice)

    blocked = shop.pay_at(shop.open_checkout(link), "pm_card_radarBlock")

    page = Client(f"{stack.api}{link}").get("").text.partition("<main>")[2]
    assert declined.json["code"] == "card_declined"
    assert blocked.status == HTTPStatus.PAYMENT_REQUIRED
    assert not [word for word in ("block", "fraud", "risk") if word in page.lower()]
    (intent,) = shop.intents(invoice)
    assert intent["last_payment_error"]["code"] == "card_declined"


@pytest.mark.claim("CR-5")
@pytest.mark.claim("IC-11")
def test_a_slow_method_is_processing_blocks_a_second_try_and_is_paid_when_it_arrives(
    stack: Stack, shop: Shop, storefront: Client
) -> None:
    invoice = shop.invoice(shop.customer(), currency="usd")
    link, opened = shop.link(invoice), open_session(storefront, invoice)
    shop.pay_at(opened["url"], "pm_usBankAccount")

    slow = eventually(
        lambda: shop.read(invoice), lambda seen: seen["facets"]["collection"] == "processing"
    )
    again = storefront.post(
        f"/v1/invoices/{invoice}/checkout-sessions", BACK, idempotency_key=new_key()
    )
    page = Client(f"{stack.api}{link}").get("").text

    assert (slow["status"], slow["amounts"]["paid"]) == ("open", 0)
    assert (again.status, again.json["code"]) == (409, "payment_in_progress")
    assert "Your payment is being processed" in page
    assert "<form" not in page
    quick = shop.invoice(shop.customer())
    shop.pay_at(open_session(storefront, quick)["url"], "pm_sepaDebit_succeedsAtOnce")
    assert len(shop.settled(quick)["payments"]) == 1


def test_a_page_of_a_named_origin_may_call_and_no_other(stack: Stack) -> None:
    """The template's default names an origin that nobody can have."""
    asked = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,idempotency-key",
    }
    path = "/v1/attempts/att_1/refresh"

    answers = {
        origin: Client(stack.api).send("OPTIONS", path, headers=asked | {"origin": origin})
        for origin in ("https://storefront.invalid", "https://evil.example")
    }

    allowed = answers["https://storefront.invalid"].headers
    assert allowed["access-control-allow-origin"] == "https://storefront.invalid"
    assert "idempotency-key" in allowed["access-control-allow-headers"].lower()
    # A consent begun in the merchant's own app comes back with the cookie that its page was given.
    assert allowed["access-control-allow-credentials"] == "true"
    refused = answers["https://evil.example"].headers
    assert not {"access-control-allow-origin", "access-control-allow-credentials"} & set(refused)


def test_a_link_pressed_100_times_at_once_leaves_one_page_open_to_pay(
    stack: Stack, shop: Shop
) -> None:
    unlimited = [
        {"scope": scope, "counts": "attempts", "limit": None} for scope in ("customer", "link")
    ]
    module = create_module(stack, shop.tenant, shop.account, {"velocity": unlimited})
    required(switch_module(stack, shop.tenant, module), HTTPStatus.OK)
    grant_module(stack, shop.tenant, module)
    invoice = shop.invoice(shop.customer(), module=module)
    link = shop.link(invoice)

    with ThreadPoolExecutor(10) as pool:
        # Started environments answer within milliseconds of each other; cold ones would queue up.
        assert {found.status for found in pool.map(shop.press_pay, ["/p/x"] * 10)} == {404}
        pressed = list(pool.map(lambda _: shop.press_pay(link), range(100)))

    counted = Counter(answer.status for answer in pressed)
    # Who loses every race is told who is ahead; or, where just then nobody was, to press again.
    told = {HTTPStatus.SEE_OTHER, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE}
    assert set(counted) <= told, counted
    again = [answer.text for answer in pressed if answer.status == HTTPStatus.SERVICE_UNAVAILABLE]
    assert len(again) <= 2, again
    last = shop.open_checkout(link)
    pages = {answer.headers["location"] for answer in pressed if answer.status == 303} | {last}
    assert [page for page in pages if shop.pay_at(page).status == HTTPStatus.SEE_OTHER] == [last]
    assert shop.settled(invoice)["amounts"]["paid"] == 4000
    assert [charge["amount"] for charge in shop.charges(invoice)] == [4000]
