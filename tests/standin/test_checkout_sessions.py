"""What a Checkout Session may be asked for, what it passes on, and what it tells."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.standin.doubles import Browser, Control

BACK = "http://127.0.0.1:9/back"


def priced(amount: int = 2000, **more: Any) -> dict[str, Any]:
    data = {"currency": "usd", "unit_amount": amount, "product_data": {"name": "Tulips"}, **more}
    return {"price_data": data, "quantity": 1}


SELL: dict[str, Any] = {"mode": "payment", "success_url": BACK, "line_items": [priced()]}
SAVE = {"mode": "setup", "success_url": BACK, "currency": "usd"}
TOTAL = "The Checkout Session's total amount due must add up to at least $0.50 usd"
RECURRING = "You specified `payment` mode but passed a recurring price."


@pytest.mark.parametrize(
    ("asked", "param", "sentence"),
    [
        ({**SELL, "line_items": [priced(49)]}, None, TOTAL),
        ({**SELL, "line_items": [priced() | {"quantity": 0}]}, "line_items[0][quantity]",
         "greater than or equal to 1"),
        ({**SELL, "line_items": [{"price_data": priced()["price_data"]}]},
         "line_items[0][quantity]", "Quantity is required. Add `quantity` to `line_items[0]`"),
        ({**SELL, "line_items": [priced(recurring={"interval": "month"})]}, "line_items[0]",
         RECURRING),
        ({**SELL, "line_items": [priced()] * 101}, "line_items", "up to 100"),
        ({**SELL, "line_items": []}, "line_items", "Missing required param"),
        ({**SELL, "customer_email": "ada"}, "customer_email", "Invalid email address: ada"),
        ({**SELL, "setup_intent_data": {"description": "x"}}, "setup_intent_data",
         "You can not pass `setup_intent_data` in `payment` mode."),
        ({**SAVE, "payment_intent_data": {"description": "x"}}, "payment_intent_data",
         "You can not pass `payment_intent_data` in `setup` mode."),
        ({"mode": "setup", "success_url": BACK}, "currency", "Missing required param: currency."),
        ({**SELL, "discounts": [{"coupon": "x"}]}, "discounts", "The stand-in has no discounts"),
        ({**SELL, "automatic_tax": {"enabled": True}}, "automatic_tax[enabled]", "no taxes"),
        ({**SELL, "ui_mode": "embedded_page"}, "success_url", "not allowed when `ui_mode`"),
    ],
)  # fmt: skip
def test_what_stripe_would_refuse_is_refused(
    client: stripe.StripeClient, asked: Any, param: str | None, sentence: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.checkout.sessions.create(asked)

    assert caught.value.param == param
    assert sentence in str(caught.value)


def test_a_price_that_is_not_sold_any_more_is_refused(client: stripe.StripeClient) -> None:
    product = client.v1.products.create({"name": "Tulips"})
    price = client.v1.prices.create({"currency": "usd", "unit_amount": 500, "product": product.id})
    client.v1.prices.update(price.id, {"active": False})

    with pytest.raises(stripe.InvalidRequestError, match="only accepts active prices") as caught:
        client.v1.checkout.sessions.create(
            {**SELL, "line_items": [{"price": price.id, "quantity": 1}]}
        )

    assert caught.value.param == "line_items[0][price]"


def test_what_is_said_of_the_payment_is_passed_on_and_nothing_else(
    client: stripe.StripeClient, browser: Browser
) -> None:
    said = {
        "description": "Invoice 7", "metadata": {"invoice": "7"}, "receipt_email": "a@example.com",
        "statement_descriptor_suffix": "INV 7", "capture_method": "manual",
        "transfer_group": "g", "setup_future_usage": "off_session",
    }  # fmt: skip
    session = client.v1.checkout.sessions.create(
        {**SELL, "payment_intent_data": said, "metadata": {"of": "session"}}
    )

    browser.post(f"{session.url}/complete", email="ada@example.com")

    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    intent = done.payment_intent.to_dict()
    assert {name: intent[name] for name in said} == said
    assert (done.payment_status, intent["status"]) == ("unpaid", "requires_capture")
    assert client.v1.customers.retrieve(str(done.customer)).email == "ada@example.com"


@pytest.mark.parametrize("asked", [SELL, SAVE])
def test_a_customer_is_made_when_one_is_asked_for(
    client: stripe.StripeClient, browser: Browser, asked: Any
) -> None:
    session = client.v1.checkout.sessions.create(
        {**asked, "customer_creation": "always", "customer_email": "ada@example.com"}
    )

    browser.post(f"{session.url}/complete")

    done = client.v1.checkout.sessions.retrieve(session.id)
    customer = client.v1.customers.retrieve(str(done.customer))
    assert customer.email == done.customer_details.email == "ada@example.com"
    if done.mode == "setup":
        assert client.v1.payment_methods.list({"customer": customer.id}).data


def test_a_guest_stays_a_guest(client: stripe.StripeClient, browser: Browser) -> None:
    session = client.v1.checkout.sessions.create(SELL)
    browser.post(f"{session.url}/complete", email="ada@example.com")

    done = client.v1.checkout.sessions.retrieve(session.id)
    assert (done.customer, done.customer_creation) == (None, "if_required")
    assert done.customer_details.email == "ada@example.com"


def test_line_items_come_in_pages_and_in_their_order(client: stripe.StripeClient) -> None:
    names = [f"Item {number}" for number in range(25)]
    items = [priced(product_data={"name": name}) for name in names]
    session = client.v1.checkout.sessions.create({**SELL, "line_items": items})

    listed = client.v1.checkout.sessions.line_items.list(session.id)

    assert [item.description for item in listed.auto_paging_iter()] == names
    last = client.v1.checkout.sessions.line_items.list(
        session.id, {"ending_before": listed.data[3].id, "limit": 2}
    )
    assert ([item.description for item in last.data], last.has_more) == (names[1:3], True)


def test_a_session_can_be_found_by_what_it_led_to(
    client: stripe.StripeClient, browser: Browser
) -> None:
    client.v1.checkout.sessions.create(SELL)
    session = client.v1.checkout.sessions.create(SELL)
    browser.post(f"{session.url}/complete", email="ada@example.com")
    intent = str(client.v1.checkout.sessions.retrieve(session.id).payment_intent)

    for query in (
        {"payment_intent": intent}, {"status": "complete"},
        {"customer_details": {"email": "ada@example.com"}},
    ):  # fmt: skip
        assert [s.id for s in client.v1.checkout.sessions.list(query).data] == [session.id]


def test_the_events_of_a_payment_come_in_stripes_order(
    client: stripe.StripeClient, browser: Browser
) -> None:
    session = client.v1.checkout.sessions.create(SELL)
    browser.post(f"{session.url}/complete")

    assert [event.type for event in client.v1.events.list().data][::-1] == [
        "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
        "checkout.session.completed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("account", "ended"),
    [
        ("pm_usBankAccount", ("succeeded", "paid")),
        ("pm_usBankAccount_noAccount", ("failed", "unpaid")),
    ],
)
def test_a_delayed_payment_tells_its_session_how_it_ended(
    client: stripe.StripeClient, browser: Browser, control: Control, account: str, ended: Any
) -> None:
    verdict, status = ended
    session = client.v1.checkout.sessions.create(SELL)
    browser.post(f"{session.url}/complete", pm=account)
    assert "on its way" in browser.get(f"http://127.0.0.1/c/pay/{session.id}").body.decode()
    control("POST", "clock", advance_s=5 * 24 * 3600)

    last, *_ = client.v1.events.list().data
    assert last.type == f"checkout.session.async_payment_{verdict}"
    assert (last.data.object.status, last.data.object.payment_status) == ("complete", status)


def test_an_open_session_is_expired_while_its_bank_asks(
    client: stripe.StripeClient, browser: Browser
) -> None:
    session = client.v1.checkout.sessions.create(SELL)
    asked = browser.post(f"{session.url}/complete", pm="pm_card_threeDSecure2Required")

    expired = client.v1.checkout.sessions.expire(session.id)

    assert (expired.status, expired.url) == ("expired", None)
    assert client.v1.payment_intents.retrieve(str(expired.payment_intent)).status == "canceled"
    assert browser.post(asked.headers["Location"], outcome="pass").status == 410
    with pytest.raises(stripe.InvalidRequestError, match="status of `expired`"):
        client.v1.checkout.sessions.expire(session.id)


def test_a_lookup_key_belongs_to_one_price(client: stripe.StripeClient) -> None:
    product = client.v1.products.create({"name": "Tulips"}).id
    ten = {"currency": "usd", "unit_amount": 1000, "product": product, "lookup_key": "ten"}
    first = client.v1.prices.create(ten)

    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        client.v1.prices.create(ten)

    second = client.v1.prices.create({**ten, "transfer_lookup_key": True})
    assert client.v1.prices.retrieve(first.id).lookup_key is None
    assert [p.id for p in client.v1.prices.list({"lookup_keys": ["ten"]}).data] == [second.id]


def test_a_products_default_price_is_its_own(client: stripe.StripeClient) -> None:
    tulips, roses = (client.v1.products.create({"name": name}).id for name in ("Tulips", "Roses"))
    price = client.v1.prices.create({"currency": "usd", "unit_amount": 500, "product": roses})

    with pytest.raises(stripe.InvalidRequestError, match="does not belong"):
        client.v1.products.update(tulips, {"default_price": price.id})
