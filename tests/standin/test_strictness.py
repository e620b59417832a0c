"""What Stripe refuses that looks well: addresses, long texts, other versions, unknown fields."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from local.standin import StandIn
from local.standin.engine import versions
from local.standin.engine.messages import Request
from tests.standin.doubles import TULIPS, Connect, Pay, Sent

SELL: Any = {
    "mode": "payment", "success_url": "http://127.0.0.1:9/ok",
    "line_items": [{"quantity": 1, "price_data": {
        "currency": "usd", "unit_amount": 900, "product_data": {"name": "Tea"}}}],
}  # fmt: skip
NO_ADDRESSES = [
    "ada", "ada@gmail", "ada@@shop.example", "ada@shop..example", "ada@-shop.example",
    "ada@b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example", ".ada@shop.example",
    "\N{LATIN SMALL LETTER A WITH DIAERESIS}da@shop.example", "ada lovelace@shop.example",
    "ada@shop.example ", "ada@shop.e", "ada@shop.123", "a" * 65 + "@shop.example",
]  # fmt: skip


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_of_mail_is_refused_wherever_one_belongs(
    client: stripe.StripeClient, pay: Pay, address: str
) -> None:
    charge = pay().latest_charge
    v1: Any = client.v1
    asked = {
        "email": lambda: v1.customers.create({"email": address}),
        "receipt_email": lambda: v1.charges.update(charge, {"receipt_email": address}),
        "customer_email": lambda: v1.checkout.sessions.create({**SELL, "customer_email": address}),
        "billing_details[email]": lambda: v1.payment_methods.create(
            {"type": "card", "card": {"token": "tok_visa"}, "billing_details": {"email": address}}
        ),
    }
    for param, ask in asked.items():
        with pytest.raises(stripe.InvalidRequestError) as caught:
            ask()
        assert (caught.value.code, caught.value.param) == ("email_invalid", param)


@pytest.mark.parametrize(
    "address", ["ada@shop.example", "o'hara+tea@xn--bcher-kva.example", "a.b@a-b.co.uk", ""]
)
def test_what_is_an_address_is_kept_as_it_is(client: stripe.StripeClient, address: str) -> None:
    customer = client.v1.customers.create({"email": address, "metadata": {"email": "no address"}})

    assert (customer.email or "") == address


@pytest.mark.parametrize(("name", "longest"), [("name", 256), ("phone", 20), ("description", 5000)])
def test_a_text_may_be_as_long_as_the_schema_says(
    client: stripe.StripeClient, name: str, longest: int
) -> None:
    create: Any = client.v1.customers.create
    assert getattr(create({name: "1" * longest}), name) == "1" * longest

    with pytest.raises(stripe.InvalidRequestError, match=f"at most {longest}") as caught:
        create({name: "1" * (longest + 1)})

    assert caught.value.param == name


def test_a_long_text_in_a_list_is_named_by_its_place(client: stripe.StripeClient) -> None:
    item = SELL["line_items"][0]
    long = {**item["price_data"], "product_data": {"name": "Tea", "unit_label": "x" * 13}}

    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.checkout.sessions.create(
            {**SELL, "line_items": [item, {**item, "price_data": long}]}
        )

    assert caught.value.param == "line_items[1][price_data][product_data][unit_label]"


@pytest.mark.parametrize("version", ["2025-01-01.x", "2026-10-28", "2020-08-27", "nonsense"])
def test_a_version_that_is_not_served_is_refused_and_never_relabelled(
    standin: StandIn, version: str
) -> None:
    client = stripe.StripeClient(
        f"sk_test_{TULIPS}", http_client=standin.http_client(), stripe_version=version
    )

    with pytest.raises(stripe.InvalidRequestError, match="Stripe API version") as caught:
        client.v1.customers.create()

    assert caught.value.http_status == 400
    assert standin.store.select("", "account") == []


@pytest.mark.parametrize(
    ("version", "ui_mode", "has_allowed"),
    [
        ("2025-02-24.acacia", "hosted", False),
        ("2026-02-25.clover", "hosted", False),
        ("2026-06-24.dahlia", "hosted_page", True),
        ("2026-10-28.endive", "hosted_page", True),
    ],
)
def test_an_earlier_version_is_answered_in_its_own_words(
    standin: StandIn, version: str, ui_mode: str, has_allowed: bool
) -> None:
    client: Any = stripe.StripeClient(
        f"sk_test_{TULIPS}", http_client=standin.http_client(), stripe_version=version
    )

    session = client.v1.checkout.sessions.create({**SELL, "ui_mode": ui_mode})
    intent = client.v1.payment_intents.create({"amount": 900, "currency": "usd"})

    assert (session.ui_mode, session.status) == (ui_mode, "open")
    assert ("allowed_payment_method_types" in intent) == has_allowed
    assert ("invoice" in intent) == (version < versions.BASIL)


def test_an_event_is_told_in_the_words_of_its_endpoints_version(
    client: stripe.StripeClient, sent: Sent
) -> None:
    before: Any = {
        "url": "http://127.0.0.1:9/hook", "enabled_events": ["payment_intent.created"],
        "api_version": "2025-02-24.acacia",
    }  # fmt: skip
    client.v1.webhook_endpoints.create(before)
    client.v1.payment_intents.create({"amount": 900, "currency": "usd"})

    sent.deliver()

    ((_, _, body),) = sent
    assert b'"api_version":"2025-02-24.acacia"' in body
    assert b'"invoice":null' in body
    with pytest.raises(stripe.InvalidRequestError, match="does not have"):
        client.v1.webhook_endpoints.create({**before, "api_version": "2020-08-27"})


def test_a_context_acts_on_the_account_that_it_names(
    client: stripe.StripeClient, standin: StandIn
) -> None:
    account = client.v1.accounts.create({"type": "standard"}).id
    theirs = client.v1.customers.create({"name": "Ada"}, {"stripe_context": account})

    same = client.v1.customers.retrieve(theirs.id, {}, {"stripe_account": account})
    nested = client.v1.customers.retrieve(theirs.id, {}, {"stripe_context": f"org_1/{account}"})

    assert same.id == nested.id == theirs.id
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.retrieve(theirs.id)
    with pytest.raises(stripe.PermissionError):
        client.v1.customers.list({}, {"stripe_context": "acct_1Elsewhere00000"})
    headers = {
        "authorization": f"Bearer sk_test_{TULIPS}", "stripe-account": account,
        "stripe-context": "acct_1Elsewhere00000",
    }  # fmt: skip
    assert standin.handle(Request("GET", "/v1/customers", headers=headers)).status == 400


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("customers", "description:'x'"),
        ("customers", "metadata:'x'"),
        ("payment_intents", "latest_charge:'ch_1'"),
        ("charges", "payment_intent:'pi_1'"),
    ],
)
def test_a_field_that_stripe_does_not_search_by_is_refused(
    client: stripe.StripeClient, kind: str, query: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="unsupported search field") as caught:
        getattr(client.v1, kind).search({"query": query})

    assert caught.value.param == "query"


def test_a_token_is_spent_once_and_dates_its_card(
    client: stripe.StripeClient, connect: Connect
) -> None:
    card: Any = {"number": "4242424242424242", "exp_month": 3, "exp_year": 2031, "cvc": "123"}
    token: Any = connect(kind="pk").v1.tokens.create({"card": card})
    assert (token.card.last4, token.card.brand, token.used) == ("4242", "Visa", False)

    wanted: Any = {"type": "card", "card": {"token": token.id}}
    method: Any = client.v1.payment_methods.create(wanted)

    assert (method.card.exp_month, method.card.exp_year) == (3, 2031)
    assert client.v1.tokens.retrieve(token.id).used is True
    with pytest.raises(stripe.InvalidRequestError, match="more than once"):
        client.v1.payment_methods.create(wanted)


def test_an_address_has_its_six_keys_whichever_were_given(client: stripe.StripeClient) -> None:
    home: Any = {"line1": "1 High Street", "country": "GB"}
    customer: Any = client.v1.customers.create(
        {"address": home, "shipping": {"name": "Ada", "address": home}}
    )
    intent: Any = client.v1.payment_intents.create(
        {"amount": 900, "currency": "usd", "shipping": {"name": "Ada", "address": home}}
    )

    six = ["city", "country", "line1", "line2", "postal_code", "state"]
    for given in (customer.address, customer.shipping.address, intent.shipping.address):
        assert sorted(given.to_dict()) == six
    assert intent.shipping.carrier is None
    assert client.v1.customers.update(customer.id, {"address": ""}).address is None
