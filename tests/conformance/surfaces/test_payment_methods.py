"""Cards: made, saved, listed, taken away, and set up for later."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.surfaces.given import NO_REDIRECTS, VISA, Make


def test_a_test_card_is_attached(saved: Make, customer: Any) -> None:
    card = saved("pm_card_visa")

    assert card.customer == customer.id
    assert (card.card.brand, card.card.last4) == ("visa", "4242")


@pytest.mark.parametrize("card", [{"token": "tok_visa"}, VISA], ids=["token", "number"])
def test_a_card_is_created_and_attached(v1: Any, customer: Any, card: dict[str, Any]) -> None:
    made = v1.payment_methods.create({"type": "card", "card": card})
    v1.payment_methods.attach(made.id, {"customer": customer.id})

    assert made.card.last4 == "4242"
    assert v1.payment_methods.retrieve(made.id).customer == customer.id


def test_a_saved_card_is_listed_both_ways(v1: Any, customer: Any, saved: Make) -> None:
    card = saved()
    by_filter = v1.payment_methods.list({"customer": customer.id, "type": "card"}).data
    by_customer = v1.customers.payment_methods.list(customer.id, {"type": "card"}).data

    assert [one.id for one in by_filter] == [card.id]
    assert [one.id for one in by_customer] == [card.id]


def test_a_card_is_detached(v1: Any, saved: Make) -> None:
    assert v1.payment_methods.detach(saved().id).customer is None


def test_a_card_is_set_up_off_session_and_saved(v1: Any, customer: Any) -> None:
    setup = v1.setup_intents.create(
        {"customer": customer.id, "payment_method": "pm_card_visa", "confirm": True,
         "usage": "off_session", **NO_REDIRECTS}
    )  # fmt: skip

    assert (setup.object, setup.status) == ("setup_intent", "succeeded")
    assert v1.payment_methods.list({"customer": customer.id, "type": "card"}).data


def test_an_unconfirmed_setup_waits_with_its_client_secret(v1: Any, customer: Any) -> None:
    setup = v1.setup_intents.create({"customer": customer.id})

    assert setup.status == "requires_payment_method"
    assert setup.client_secret.startswith(setup.id)


def test_a_setup_of_a_card_with_3d_secure_asks_the_payer(v1: Any, customer: Any) -> None:
    setup = v1.setup_intents.create(
        {"customer": customer.id, "payment_method": "pm_card_authenticationRequired",
         "confirm": True, "automatic_payment_methods": {"enabled": True},
         "return_url": "http://127.0.0.1/back"}
    )  # fmt: skip

    assert setup.status == "requires_action"
    assert setup.next_action is not None
