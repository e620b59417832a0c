"""Prices, Checkout Sessions with their hosted page, and payment links."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conformance.surfaces.given import Make


@pytest.fixture
def browse() -> Callable[[str, str], tuple[HTTPResponse, str]]:
    """Open a page as a browser does that follows no redirect."""

    def ask(method: str, url: str) -> tuple[HTTPResponse, str]:
        parts = urlsplit(url)
        connection = HTTPConnection(parts.hostname, parts.port, timeout=10)
        connection.request(method, parts.path)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response, text

    return ask


def test_a_price_is_made_for_a_product(price: Any) -> None:
    assert (price.type, price.unit_amount) == ("one_time", 1500)


def test_a_session_is_open_and_has_a_page(check_out: Make) -> None:
    session = check_out()

    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert session.amount_total == 3000
    assert session.url.startswith("http")


def test_a_session_remembers_what_the_seller_wrote(v1: Any, check_out: Make) -> None:
    session = check_out(metadata={"order": "1"}, client_reference_id="order-1")
    session = v1.checkout.sessions.retrieve(session.id)

    assert (session.metadata["order"], session.client_reference_id) == ("1", "order-1")


def test_a_line_item_may_bring_its_own_price(check_out: Make) -> None:
    price = {"currency": "usd", "unit_amount": 700, "product_data": {"name": "Cap"}}

    assert check_out(line_items=[{"price_data": price, "quantity": 1}]).amount_total == 700


def test_an_embedded_page_has_a_client_secret(check_out: Make) -> None:
    session = check_out(
        ui_mode="embedded_page", return_url="http://127.0.0.1:9/r", success_url=None,
        cancel_url=None,
    )  # fmt: skip

    assert session.client_secret


def test_a_session_takes_a_fee_for_the_platform(check_out: Make, merchant: Any) -> None:
    share = {"application_fee_amount": 10, "transfer_data": {"destination": merchant.id}}

    assert check_out(payment_intent_data=share).status == "open"


def test_a_session_lists_its_line_items(v1: Any, check_out: Make) -> None:
    (item,) = v1.checkout.sessions.line_items.list(check_out().id).data

    assert (item.quantity, item.amount_total) == (2, 3000)


def test_a_session_is_expired(v1: Any, check_out: Make) -> None:
    assert v1.checkout.sessions.expire(check_out().id).status == "expired"


def test_a_session_saves_a_card_without_a_payment(check_out: Make, customer: Any) -> None:
    session = check_out(mode="setup", currency="usd", customer=customer.id, line_items=None)

    assert (session.mode, session.payment_status) == ("setup", "no_payment_required")
    assert session.setup_intent


def test_the_hosted_page_is_served(check_out: Make, browse: Make) -> None:
    response, text = browse("GET", check_out().url)

    assert response.status == 200
    assert "<form" in text


def test_the_hosted_page_pays_and_sends_the_payer_back(
    v1: Any, check_out: Make, browse: Make
) -> None:
    session = check_out()
    response, _ = browse("POST", f"{session.url}/complete")
    session = v1.checkout.sessions.retrieve(session.id)

    assert response.headers["location"] == f"http://127.0.0.1:9/ok?s={session.id}"
    assert (session.status, session.payment_status) == ("complete", "paid")
    assert v1.payment_intents.retrieve(session.payment_intent).status == "succeeded"


def test_a_payment_link_is_made_with_its_items(v1: Any, items: list[dict[str, Any]]) -> None:
    link = v1.payment_links.create({"line_items": items})

    assert link.url.startswith("http")
    assert link.active
    assert len(v1.payment_links.line_items.list(link.id).data) == 1


def test_a_payment_link_is_switched_off(v1: Any, items: list[dict[str, Any]]) -> None:
    link = v1.payment_links.create({"line_items": items})

    assert v1.payment_links.update(link.id, {"active": False}).active is False
