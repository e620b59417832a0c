"""The same key is the same answer, whatever it was and however many ask at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import stripe

from tests.conformance.surfaces.given import NO_REDIRECTS

ADA = {"email": "ada@example.com"}


@pytest.fixture
def once() -> dict[str, str]:
    return {"idempotency_key": uuid4().hex}


def test_the_same_request_is_answered_from_memory(v1: Any, once: dict[str, str]) -> None:
    first = v1.customers.create(ADA, options=once)
    second = v1.customers.create(ADA, options=once)

    assert first.id == second.id
    assert "idempotent-replayed" not in first.last_response.headers
    assert second.last_response.headers["idempotent-replayed"] == "true"


def test_a_key_is_not_for_another_request(v1: Any, once: dict[str, str]) -> None:
    v1.customers.create(ADA, options=once)
    with pytest.raises(stripe.IdempotencyError) as caught:
        v1.customers.create({"email": "grace@example.com"}, options=once)

    assert caught.value.http_status == 400
    assert caught.value.error.type == "idempotency_error"


def test_a_decline_is_repeated_not_tried_again(v1: Any, once: dict[str, str]) -> None:
    declined = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as caught:
            v1.payment_intents.create(
                {"amount": 2000, "currency": "usd", "confirm": True, **NO_REDIRECTS,
                 "payment_method": "pm_card_visa_chargeDeclined"},
                options=once,
            )  # fmt: skip
        declined.append(caught.value.error.payment_intent.id)

    assert declined[0] == declined[1]


def test_eight_at_once_make_one_object(v1: Any, once: dict[str, str]) -> None:
    def create(_: int) -> Any:
        try:
            return v1.customers.create(ADA, options=once).id
        except stripe.StripeError as error:
            return error.http_status

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(create, range(8)))

    assert len(answers - {409}) == 1
    assert [customer.id for customer in v1.customers.list().data] == [*(answers - {409})]
