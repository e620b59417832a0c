"""What money does after a payment: charges, refunds, disputes, the balance, payouts."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.conformance.surfaces.given import Make, booked


@pytest.fixture
def paid(pay: Make) -> Any:
    return pay(2000)


def test_a_payment_has_its_charge(v1: Any, paid: Any) -> None:
    charge = v1.charges.retrieve(paid.latest_charge)

    assert (charge.amount, charge.paid, charge.payment_intent) == (2000, True, paid.id)


def test_charges_are_listed_by_payment(v1: Any, pay: Make, paid: Any) -> None:
    pay(700)
    found = v1.charges.list({"payment_intent": paid.id}).data

    assert [charge.id for charge in found] == [paid.latest_charge]


def test_a_part_is_refunded(v1: Any, paid: Any) -> None:
    refund = v1.refunds.create(
        {"payment_intent": paid.id, "amount": 500, "reason": "requested_by_customer",
         "metadata": {"k": "v"}}
    )  # fmt: skip

    assert (refund.status, refund.amount, refund.payment_intent) == ("succeeded", 500, paid.id)
    assert refund.metadata["k"] == "v"


def test_the_rest_is_refunded_once(v1: Any, paid: Any) -> None:
    first = v1.refunds.create({"payment_intent": paid.id, "amount": 500})
    rest = v1.refunds.create({"payment_intent": paid.id})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        v1.refunds.create({"payment_intent": paid.id})

    assert rest.amount == 1500
    assert v1.charges.retrieve(paid.latest_charge).refunded is True
    assert caught.value.code == "charge_already_refunded"
    listed = v1.refunds.list({"payment_intent": paid.id}).data
    assert [refund.id for refund in listed] == [rest.id, first.id]


def test_more_than_was_charged_is_not_refunded(v1: Any, paid: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        v1.refunds.create({"payment_intent": paid.id, "amount": 5000})

    assert caught.value.param == "amount" or "greater than" in str(caught.value)


def test_a_dispute_is_opened_listed_and_answered(v1: Any, pay: Make) -> None:
    disputed = pay(2500, card="pm_card_createDispute")
    (dispute,) = v1.disputes.list({"payment_intent": disputed.id}).data
    evidence = {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True}

    assert dispute.amount == 2500
    assert dispute.status in {"needs_response", "warning_needs_response"}
    assert v1.disputes.update(dispute.id, evidence).status in {"won", "under_review"}
    assert v1.disputes.list().object == "list"


def test_a_charge_is_in_the_balance_less_its_fee(v1: Any, paid: Any) -> None:
    charge = booked(v1, paid)
    entry = v1.balance_transactions.retrieve(charge.balance_transaction)
    listed = v1.balance_transactions.list({"limit": 50}).data

    assert (entry.source, entry.type, entry.amount) == (charge.id, "charge", 2000)
    assert entry.amount - entry.fee == entry.net
    assert [one.id for one in listed if one.type == "charge"] == [entry.id]


def test_a_payout_is_made_and_found(v1: Any, pay: Make) -> None:
    pay(2000, card="pm_card_bypassPending")
    payout = v1.payouts.create({"amount": 100, "currency": "usd"})

    assert payout.object == "payout"
    assert payout.status in {"pending", "in_transit", "paid"}
    assert v1.payouts.retrieve(payout.id).id == payout.id
    assert [one.id for one in v1.payouts.list().data] == [payout.id]
    assert v1.balance_transactions.list({"payout": payout.id}).object == "list"
