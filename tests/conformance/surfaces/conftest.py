"""A merchant of the stand-in: what each test of a surface starts from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from tests.conformance.surfaces.given import CONTROLLER, NO_REDIRECTS, Make


@pytest.fixture
def client(connect: Make, keys: Iterator[str]) -> stripe.StripeClient:
    return connect(next(keys))


@pytest.fixture
def v1(client: stripe.StripeClient) -> Any:
    return client.v1


@pytest.fixture
def customer(v1: Any) -> Any:
    return v1.customers.create({"name": "Ada", "email": "ada@example.com"})


@pytest.fixture
def saved(v1: Any, customer: Any) -> Make:
    """Save a test card to the customer, and return it."""

    def save(card: str = "pm_card_visa") -> Any:
        return v1.payment_methods.attach(card, {"customer": customer.id})

    return save


@pytest.fixture
def pay(v1: Any, customer: Any, saved: Make) -> Make:
    """Charge the customer's saved card in one step."""

    def charge(amount: int = 2000, card: str = "pm_card_visa", **more: Any) -> Any:
        given = {"amount": amount, "currency": "usd", "customer": customer.id, "confirm": True}
        return v1.payment_intents.create(
            {**given, "payment_method": saved(card).id, **NO_REDIRECTS, **more}
        )

    return charge


@pytest.fixture
def merchant(v1: Any) -> Any:
    """Connect an account to the platform that the key belongs to."""
    return v1.accounts.create(
        {"country": "US", "email": "shop@example.com", "controller": CONTROLLER,
         "metadata": {"tenant": "north"}}
    )  # fmt: skip


@pytest.fixture
def price(v1: Any) -> Any:
    product = v1.products.create({"name": "T-shirt"})
    return v1.prices.create({"product": product.id, "unit_amount": 1500, "currency": "usd"})


@pytest.fixture
def items(price: Any) -> list[dict[str, Any]]:
    return [{"price": price.id, "quantity": 2}]


@pytest.fixture
def check_out(v1: Any, items: list[dict[str, Any]]) -> Make:
    """Open a Checkout Session for two T-shirts."""

    def open_session(**more: Any) -> Any:
        shown = {
            "success_url": "http://127.0.0.1:9/ok?s={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:9/no",
        }
        given = {"mode": "payment", "line_items": items, **shown, **more}
        return v1.checkout.sessions.create({k: v for k, v in given.items() if v is not None})

    return open_session
