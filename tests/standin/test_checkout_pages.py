"""The hosted pages, as a payer's browser sees them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe

from local.standin import StandIn
from local.standin.engine.messages import Request
from local.standin.payments.cards import CARDS
from tests.standin.doubles import TULIPS, Browser, Pay, Time, exchange

SELL = {
    "mode": "payment",
    "line_items": [
        {
            "price_data": {
                "currency": "eur", "unit_amount": 2000, "product_data": {"name": "Tulips <red>"},
            },
            "quantity": 2,
        }
    ],
    "success_url": "http://127.0.0.1:9/back?session={CHECKOUT_SESSION_ID}",
    "cancel_url": "http://127.0.0.1:9/cancel",
}  # fmt: skip


@pytest.fixture
def session(client: stripe.StripeClient) -> Any:
    return client.v1.checkout.sessions.create(
        {**SELL, "payment_intent_data": {"metadata": {"invoice": "inv_1"}}}
    )


def test_the_page_names_merchant_amount_and_that_it_is_a_stand_in(
    client: stripe.StripeClient, browser: Browser, session: Any
) -> None:
    page = browser.get(session.url).body.decode()

    assert "<h1>Pay Tulips</h1>" in page
    assert "€40.00" in page
    assert "stand-in for Stripe" in page
    assert "Tulips &lt;red&gt;" in page


def test_each_card_with_a_label_is_a_choice_among_its_like(browser: Browser, session: Any) -> None:
    groups = re.split("<details", browser.get(session.url).body.decode())[1:]
    named = {re.findall("<b>(.*?)</b>", group)[0]: group for group in groups}

    assert list(named) == [
        "Succeeds", "Asks for 3-D Secure", "Is declined", "Succeeds, then trouble", "Bank debit",
    ]  # fmt: skip
    assert 'value="pm_card_visa" checked' in named["Succeeds"]
    assert "4000 0000 0000 3220" in named["Asks for 3-D Secure"]
    assert "Insufficient funds" in named["Is declined"]
    assert 'value="pm_card_createDispute"' in named["Succeeds, then trouble"]
    assert 'value="pm_sepaDebit"' in named["Bank debit"]
    offered = "".join(groups)
    assert all(f'"pm_card_{card.name}"' in offered for card in CARDS if card.label)
    assert "pm_usBankAccount" not in offered, "no ACH in euros"


def test_a_decline_stands_beside_the_choice_and_keeps_what_was_typed(
    browser: Browser, session: Any
) -> None:
    answer = browser.post(
        session.url + "/complete", pm="pm_card_visa_chargeDeclinedLostCard", email="ada@example.com"
    )

    page = answer.body.decode()
    (refused,) = re.findall(r"<label class=choice>.*?</label><p class=error.*?</p>", page)
    chosen = refused[refused.rindex("<label") :]
    assert "Lost card" in chosen
    assert "Your card was declined." in chosen
    assert "checked autofocus" in chosen
    assert "<details open>" in page
    assert 'value="ada@example.com"' in page


def test_the_page_offers_what_the_session_allows(
    client: stripe.StripeClient, browser: Browser
) -> None:
    cards = client.v1.checkout.sessions.create({**SELL, "allowed_payment_method_types": ["card"]})

    assert "Bank debit" not in browser.get(str(cards.url)).body.decode()
    answer = browser.post(f"{cards.url}/complete", pm="pm_sepaDebit")
    assert answer.status == 402
    assert "does not take" in answer.body.decode()


def test_an_address_that_the_seller_gave_is_not_the_payers_to_change(
    client: stripe.StripeClient, browser: Browser
) -> None:
    session = client.v1.checkout.sessions.create({**SELL, "customer_email": "ada@example.com"})

    page = browser.get(str(session.url)).body.decode()

    assert "ada@example.com" in page
    assert "<input type=email" not in page


def test_a_page_has_no_script_and_asks_nobody_else_for_anything(
    browser: Browser, session: Any
) -> None:
    answer = browser.get(session.url)

    page = answer.body.decode()
    assert "<script" not in page
    assert not re.search(r"""(src|url)\s*[=(]\s*["']?(http|//)""", page)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("name", ["success_url", "cancel_url"])
@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://a b", 'http://x"onload=', "//x"])
def test_a_url_that_is_not_of_the_web_is_refused(
    client: stripe.StripeClient, name: str, url: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.checkout.sessions.create({**SELL, name: url})

    assert (caught.value.code, caught.value.param) == ("url_invalid", name)


def test_what_a_browser_sends_in_place_of_text_does_no_harm(browser: Browser, session: Any) -> None:
    body = b"pm[x]=1&email[y]=2"
    path = f"/c/pay/{session.id}/complete"

    answer = browser.send(Request("POST", path, body=body))

    assert answer.status == 303


def test_paying_completes_the_session_and_leads_back(
    client: stripe.StripeClient, browser: Browser, session: Any
) -> None:
    answer = browser.post(session.url + "/complete", email="ada@example.com")

    assert answer.status == 303
    assert answer.headers["Location"] == f"http://127.0.0.1:9/back?session={session.id}"
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert done.customer_details.email == "ada@example.com"
    assert (done.payment_intent.status, done.payment_intent.amount_received) == ("succeeded", 4000)
    assert done.payment_intent.metadata["invoice"] == "inv_1"


def test_a_decline_shows_the_page_again_and_another_card_pays(
    client: stripe.StripeClient, browser: Browser, session: Any
) -> None:
    answer = browser.post(session.url + "/complete", pm="pm_card_visa_chargeDeclined")
    assert answer.status == 402
    assert "Your card was declined." in answer.body.decode()
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"

    answer = browser.post(session.url + "/complete", pm="pm_card_visa")

    assert answer.status == 303
    assert len(client.v1.payment_intents.list().data) == 1
    assert [c.status for c in client.v1.charges.list().data] == ["succeeded", "failed"]


def test_pressing_pay_twice_charges_once(
    client: stripe.StripeClient, browser: Browser, session: Any
) -> None:
    for _ in range(2):
        assert browser.post(session.url + "/complete").status == 303

    assert len(client.v1.charges.list().data) == 1


def test_a_payer_who_must_confirm_does_so_on_the_banks_page(
    client: stripe.StripeClient, browser: Browser, session: Any
) -> None:
    asked = browser.post(session.url + "/complete", pm="pm_card_threeDSecure2Required")
    assert "Your bank asks" in browser.get(asked.headers["Location"]).body.decode()
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"

    answer = browser.post(asked.headers["Location"], outcome="pass")

    assert answer.headers["Location"].endswith(session.id)
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_payer_who_refuses_at_the_bank_may_try_again(
    client: stripe.StripeClient, browser: Browser, session: Any
) -> None:
    asked = browser.post(session.url + "/complete", pm="pm_card_threeDSecure2Required")
    answer = browser.post(asked.headers["Location"], outcome="fail")

    assert answer.status == 402
    assert "<form" in answer.body.decode()
    assert browser.post(session.url + "/complete").status == 303


def test_an_expired_session_takes_no_money(
    client: stripe.StripeClient, browser: Browser, session: Any, time: Time
) -> None:
    url = session.url
    time.now += 24 * 3600

    assert browser.post(url + "/complete").status == 410
    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert client.v1.charges.list().data == []


def test_expiring_a_session_cancels_what_it_began(
    client: stripe.StripeClient, browser: Browser, session: Any
) -> None:
    browser.post(session.url + "/complete", pm="pm_card_visa_chargeDeclined")

    expired = client.v1.checkout.sessions.expire(session.id)

    assert expired.status == "expired"
    (intent,) = client.v1.payment_intents.list().data
    assert intent.status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.expire(session.id)


@pytest.mark.parametrize("life_s", [30 * 60 - 1, 24 * 3600])
def test_a_session_lives_between_half_an_hour_and_a_day(
    client: stripe.StripeClient, time: Time, life_s: int
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.checkout.sessions.create({**SELL, "expires_at": int(time.now) + life_s})

    assert caught.value.param == "expires_at"


def test_a_card_saved_in_the_page_belongs_to_the_customer(
    client: stripe.StripeClient, browser: Browser, pay: Pay
) -> None:
    customer = client.v1.customers.create().id
    session = client.v1.checkout.sessions.create(
        {
            "mode": "setup", "currency": "eur", "customer": customer,
            "success_url": SELL["success_url"],
        }
    )  # fmt: skip
    assert "Save a card" in browser.get(session.url).body.decode()

    assert browser.post(session.url + "/complete", pm="pm_card_mastercard").status == 303

    (saved,) = client.v1.payment_methods.list({"customer": customer}).data
    assert (saved.card.brand, saved.card.last4) == ("mastercard", "4444")
    assert pay(card=saved.id, customer=customer).status == "succeeded"
    assert client.v1.setup_intents.retrieve(session.setup_intent).status == "succeeded"


def test_a_refused_card_is_not_saved(client: stripe.StripeClient, browser: Browser) -> None:
    customer = client.v1.customers.create().id
    session = client.v1.checkout.sessions.create(
        {
            "mode": "setup", "currency": "eur", "customer": customer,
            "success_url": SELL["success_url"],
        }
    )  # fmt: skip

    answer = browser.post(session.url + "/complete", pm="pm_card_visa_chargeDeclined")

    assert answer.status == 402
    assert client.v1.payment_methods.list({"customer": customer}).data == []


def test_a_delayed_payment_completes_the_session_unpaid_and_pays_it_later(
    standin: StandIn, client: stripe.StripeClient, browser: Browser, session: Any, time: Time
) -> None:
    browser.post(session.url + "/complete", pm="pm_usBankAccount")
    done = client.v1.checkout.sessions.retrieve(session.id)
    assert (done.status, done.payment_status) == ("complete", "unpaid")

    time.now += 5 * 24 * 3600
    standin.run_jobs()

    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    types = {event.type for event in client.v1.events.list({"limit": 100}).data}
    assert "checkout.session.async_payment_succeeded" in types


def test_a_payment_link_opens_a_session_of_its_own(
    client: stripe.StripeClient, browser: Browser
) -> None:
    link = client.v1.payment_links.create({"line_items": SELL["line_items"]})

    urls = {browser.get(link.url).headers["Location"] for _ in range(2)}

    assert len(urls) == 2
    assert browser.post(urls.pop() + "/complete").status == 200
    client.v1.payment_links.update(link.id, {"active": False})
    assert browser.get(link.url).status == 410


@pytest.mark.parametrize("path", ["/c/pay/cs_test_none", "/c/authenticate/pi_none", "/c/nothing"])
def test_an_unknown_page_is_a_page_that_says_so(browser: Browser, path: str) -> None:
    answer = browser.get("http://127.0.0.1" + path)

    assert answer.status == 404
    assert "does not exist" in answer.body.decode()


def test_the_pages_own_calls_refuse_an_amount_that_changed(
    client: stripe.StripeClient, session: Any
) -> None:
    path = f"/v1/payment_pages/{session.id}/confirm"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.raw_request("post", path, expected_amount=1)
    assert caught.value.param == "expected_amount"

    client.raw_request("post", path, expected_amount=4000, payment_method="pm_card_visa")

    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_an_address_in_any_language_leads_back(served: tuple[StandIn, str]) -> None:
    _, url = served
    client = stripe.StripeClient("sk_test_" + TULIPS, base_addresses={"api": url})
    session = client.v1.checkout.sessions.create(
        {**SELL, "success_url": "http://127.0.0.1:9/zurück"}
    )

    answer = exchange(url, "POST", urlsplit(str(session.url)).path + "/complete")

    assert (answer.status, answer.headers["Location"]) == (303, "http://127.0.0.1:9/zur%C3%BCck")


def test_a_page_that_is_loaded_again_after_a_decline_is_the_page(
    browser: Browser, session: Any
) -> None:
    browser.post(session.url + "/complete", pm="pm_card_visa_chargeDeclined")

    assert "<h1>Pay Tulips</h1>" in browser.get(session.url + "/complete").body.decode()


def test_two_browsers_take_the_money_once(
    client: stripe.StripeClient, browser: Browser, session: Any
) -> None:
    asked = browser.post(session.url + "/complete", pm="pm_card_threeDSecure2Required")
    assert browser.post(session.url + "/complete", pm="pm_card_visa").status == 303

    late = browser.post(asked.headers["Location"], outcome="pass")

    assert late.headers["Location"].endswith(session.id)
    assert [c.amount for c in client.v1.charges.list().data] == [4000]
    assert browser.get(asked.headers["Location"]).headers["Location"].endswith(session.id)


def test_two_browsers_at_once_take_the_money_once(served: tuple[StandIn, str]) -> None:
    _, url = served
    client = stripe.StripeClient("sk_test_" + TULIPS, base_addresses={"api": url})
    session = client.v1.checkout.sessions.create(SELL)
    path = urlsplit(str(session.url)).path + "/complete"

    with ThreadPoolExecutor(8) as browsers:
        answers = list(browsers.map(lambda _: exchange(url, "POST", path), range(8)))

    assert {answer.status for answer in answers} == {303}
    assert len(client.v1.charges.list().data) == 1


def test_a_session_that_costs_nothing_is_completed_without_a_payment(
    client: stripe.StripeClient, browser: Browser
) -> None:
    price = {"currency": "eur", "unit_amount": 0, "product_data": {"name": "A sample"}}
    session = client.v1.checkout.sessions.create(
        {**SELL, "line_items": [{"price_data": price, "quantity": 1}]}
    )
    assert "Complete order" in browser.get(str(session.url)).body.decode()

    assert browser.post(f"{session.url}/complete").status == 303

    done = client.v1.checkout.sessions.retrieve(session.id)
    assert (done.status, done.payment_status) == ("complete", "no_payment_required")
    assert done.payment_intent is None


def test_an_expired_session_can_be_recovered_when_it_was_asked_for(
    client: stripe.StripeClient, browser: Browser, time: Time
) -> None:
    lost = client.v1.checkout.sessions.create(
        {**SELL, "after_expiration": {"recovery": {"enabled": True}}, "metadata": {"order": "7"}}
    )
    time.now += 24 * 3600
    (event,) = client.v1.events.list({"type": "checkout.session.expired"}).data
    url = event.data.object.after_expiration.recovery.url
    assert url in browser.get(f"http://127.0.0.1/c/pay/{lost.id}").body.decode()

    assert browser.post(browser.get(url).headers["Location"] + "/complete").status == 303

    found, _ = client.v1.checkout.sessions.list().data
    assert (found.recovered_from, found.metadata["order"]) == (lost.id, "7")
    assert found.payment_status == "paid"


def test_a_payment_link_takes_what_its_address_says_of_the_payer(
    client: stripe.StripeClient, browser: Browser
) -> None:
    link = client.v1.payment_links.create({"line_items": SELL["line_items"]})
    said = "client_reference_id=order_7&locked_prefilled_email=ada%40example.com"

    page = browser.get(browser.get(f"{link.url}?{said}").headers["Location"]).body.decode()

    assert "ada@example.com" in page
    (session,) = client.v1.checkout.sessions.list({"payment_link": link.id}).data
    assert session.client_reference_id == "order_7"
    typed = browser.get(f"{link.url}?prefilled_email=bea%40example.com").headers["Location"]
    assert 'value="bea@example.com"' in browser.get(typed).body.decode()


def test_a_payment_link_is_closed_after_so_many_sales(
    client: stripe.StripeClient, browser: Browser
) -> None:
    link = client.v1.payment_links.create({
        "line_items": SELL["line_items"],
        "restrictions": {"completed_sessions": {"limit": 1}},
        "after_completion": {
            "type": "hosted_confirmation",
            "hosted_confirmation": {"custom_message": "See you on Friday"},
        },
    })  # fmt: skip

    done = browser.post(browser.get(link.url).headers["Location"] + "/complete")

    assert "See you on Friday" in done.body.decode()
    assert browser.get(link.url).status == 410
