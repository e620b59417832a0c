"""Refunds: of cards and debits, that succeed later, fail, wait, or are given up."""

from __future__ import annotations

import pytest
import stripe

from tests.standin.doubles import Pay
from tests.standin.ways import BOUNCES, DAY_S, DEBIT, UNCLEAR, Ways


def told(client: stripe.StripeClient, *kinds: str) -> list[str]:
    """Return what events of these kinds there were, oldest first."""
    events = reversed(client.v1.events.list({"limit": 100}).data)
    return [event.type for event in events if event.type.startswith(kinds)]


def balance(client: stripe.StripeClient) -> int:
    return client.v1.balance.retrieve().available[0].amount


def test_a_part_that_was_captured_can_be_refunded_and_no_more(
    client: stripe.StripeClient, ways: Ways
) -> None:
    held = ways.intent(amount=3000, capture_method="manual")
    charge = client.v1.payment_intents.capture(held, {"amount_to_capture": 1200}).latest_charge

    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"charge": str(charge), "amount": 1300})
    assert caught.value.user_message == (
        "Refund amount ($13.00) is greater than charge amount ($12.00)"
    )
    assert client.v1.refunds.create({"charge": str(charge)}).amount == 1200


def test_what_is_held_is_canceled_instead_of_refunded(
    client: stripe.StripeClient, ways: Ways
) -> None:
    held = ways.intent(capture_method="manual")

    with pytest.raises(stripe.InvalidRequestError, match="You must cancel the PaymentIntent"):
        client.v1.refunds.create({"payment_intent": held})


def test_a_refund_is_told_of_before_its_charge(client: stripe.StripeClient, pay: Pay) -> None:
    client.v1.refunds.create({"payment_intent": pay(1000).id})

    assert told(client, "refund", "charge.ref") == ["refund.created", "charge.refunded"]


def test_a_pending_refund_has_taken_the_money_already(
    client: stripe.StripeClient, ways: Ways
) -> None:
    refund = client.v1.refunds.retrieve(ways.reach("refund", "pending"))
    assert (refund.pending_reason, balance(client)) == ("processing", -88)

    ways.wait(60)

    done = client.v1.refunds.retrieve(refund.id)
    assert (done.status, balance(client)) == ("succeeded", -88)
    assert told(client, "refund.u", "charge.refund.") == [
        "refund.updated", "charge.refund.updated",
    ]  # fmt: skip


def test_a_failed_refund_brings_the_money_back(client: stripe.StripeClient, ways: Ways) -> None:
    charge = ways.charge("pm_card_refundFail")
    refund = ways.refund(charge)

    ways.wait(60)

    failed = client.v1.refunds.retrieve(refund)
    assert (failed.status, balance(client)) == ("failed", 2000 - 88)
    entry = client.v1.balance_transactions.retrieve(str(failed.failure_balance_transaction))
    assert (entry.type, entry.amount) == ("refund_failure", 2000)
    assert "refund.failed" in told(client, "refund")
    assert client.v1.refunds.create({"charge": charge}).amount == 2000


def test_a_refund_that_waits_for_its_payer_can_be_canceled(
    client: stripe.StripeClient, ways: Ways
) -> None:
    refund = ways.refund(ways.charge(UNCLEAR))

    canceled = client.v1.refunds.cancel(refund)

    assert (canceled.status, canceled.failure_reason) == ("canceled", "merchant_request")
    assert balance(client) == 2000 - 88


CLEARING = [(DEBIT, "succeeded", 500), (BOUNCES, "canceled", 0)]


@pytest.mark.parametrize(("debit", "status", "refunded"), CLEARING)
def test_a_debit_is_refunded_once_it_has_cleared(
    client: stripe.StripeClient, ways: Ways, debit: str, status: str, refunded: int
) -> None:
    charge = ways.charge(debit)
    refund = client.v1.refunds.create({"charge": charge, "amount": 500})
    assert (refund.status, refund.pending_reason) == ("pending", "charge_pending")
    with pytest.raises(stripe.InvalidRequestError, match="greater than"):
        client.v1.refunds.create({"charge": charge, "amount": 1501})

    ways.wait(5 * DAY_S)

    assert client.v1.refunds.retrieve(refund.id).status == status
    assert client.v1.charges.retrieve(charge).amount_refunded == refunded
    assert balance(client) == (2000 - 88 - refunded if refunded else 0)


def test_a_platform_s_fee_on_a_debit_is_paid_when_it_clears(
    client: stripe.StripeClient, ways: Ways
) -> None:
    account = client.v1.accounts.create({"type": "standard"}).id
    client.v1.payment_intents.create(
        {
            "amount": 2000, "currency": "usd", "payment_method": DEBIT, "confirm": True,
            "off_session": True, "application_fee_amount": 300,
        },
        {"stripe_account": account},
    )  # fmt: skip

    ways.wait(5 * DAY_S)

    assert [fee.amount for fee in client.v1.application_fees.list().data] == [300]
