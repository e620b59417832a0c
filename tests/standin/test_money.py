"""Money: fees, refunds, disputes, payouts and settlement, one by one."""

from __future__ import annotations

import pytest
import stripe

from local.standin import StandIn
from local.standin.funds.balance import processing_fee
from tests.standin.doubles import Control, Pay, Time

TWO_DAYS_S = 2 * 24 * 3600


@pytest.mark.parametrize(
    ("amount", "currency", "fee"), [(2000, "usd", 88), (1500, "eur", 74), (500, "jpy", 45)]
)
def test_a_fee_is_a_share_and_a_fixed_part(amount: int, currency: str, fee: int) -> None:
    assert processing_fee(amount, currency) == fee


def test_a_refund_over_the_charge_names_the_amount(client: stripe.StripeClient, pay: Pay) -> None:
    paid = pay(1000)

    with pytest.raises(stripe.InvalidRequestError, match="greater than charge amount") as caught:
        client.v1.refunds.create({"payment_intent": paid.id, "amount": 1001})

    assert caught.value.param == "amount"


def test_a_charge_refunded_in_full_is_refunded_no_more(
    client: stripe.StripeClient, pay: Pay
) -> None:
    paid = pay(1000)
    client.v1.refunds.create({"payment_intent": paid.id, "amount": 400})
    client.v1.refunds.create({"payment_intent": paid.id})

    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": paid.id})

    assert caught.value.code == "charge_already_refunded"
    assert client.v1.charges.retrieve(paid.latest_charge).refunded is True


def test_a_refund_can_fail_after_it_succeeded(
    standin: StandIn, client: stripe.StripeClient, pay: Pay, time: Time
) -> None:
    paid = pay(1000, card="pm_card_refundFail")
    refund = client.v1.refunds.create({"payment_intent": paid.id})
    assert refund.status == "succeeded"

    time.now += 60
    standin.run_jobs()

    assert client.v1.refunds.retrieve(refund.id).status == "failed"
    assert client.v1.charges.retrieve(paid.latest_charge).amount_refunded == 0


def test_a_dispute_takes_the_money_and_its_fee_and_forbids_a_refund(
    client: stripe.StripeClient, pay: Pay
) -> None:
    paid = pay(2500, card="pm_card_createDispute")
    (dispute,) = client.v1.disputes.list({"payment_intent": paid.id}).data
    assert [entry.net for entry in dispute.balance_transactions] == [-2500 - 1500]

    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": paid.id})

    assert caught.value.code == "charge_disputed"


def test_winning_evidence_brings_the_money_back(
    standin: StandIn, client: stripe.StripeClient, pay: Pay, time: Time
) -> None:
    pay(2500, card="pm_card_createDispute")
    (dispute,) = client.v1.disputes.list().data
    evidence = {"uncategorized_text": "winning_evidence"}
    assert client.v1.disputes.update(dispute.id, {"evidence": evidence}).status == "under_review"

    time.now += 60
    standin.run_jobs()

    won = client.v1.disputes.retrieve(dispute.id)
    assert (won.status, won.balance_transactions[-1].amount) == ("won", 2500)


def test_a_payout_needs_available_money_and_arrives(
    standin: StandIn, client: stripe.StripeClient, pay: Pay, time: Time
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payouts.create({"amount": 100, "currency": "usd"})
    assert caught.value.code == "balance_insufficient"
    pay(5000, card="pm_card_bypassPending")
    payout = client.v1.payouts.create({"amount": 100, "currency": "usd"})

    time.now += TWO_DAYS_S
    standin.run_jobs()

    assert client.v1.payouts.retrieve(payout.id).status == "paid"


def test_a_scheduled_payout_itemises_what_it_pays(
    standin: StandIn, client: stripe.StripeClient, control: Control, pay: Pay, time: Time
) -> None:
    pay(5000)
    pay(3000)
    time.now += standin.books_after_s
    account = client.v1.accounts.retrieve_current().id
    payout = control("POST", "payouts", account=account)["payout"]
    time.now += TWO_DAYS_S
    standin.run_jobs()

    items = client.v1.balance_transactions.list({"payout": payout["id"]}).data
    assert sum(item.net for item in items) == 0
    assert sum(item.net for item in items if item.type == "charge") == payout["amount"]
    done = client.v1.payouts.retrieve(payout["id"])
    assert (done.status, done.reconciliation_status) == ("paid", "completed")
    assert control("POST", "payouts", account=account)["payout"] is None


def test_money_waits_for_settlement_where_the_stand_in_is_told_so(time: Time) -> None:
    standin = StandIn(settlement_s=TWO_DAYS_S, clock=time)
    client = stripe.StripeClient("sk_test_" + "tulips" * 4, http_client=standin.http_client())
    client.v1.payment_intents.create(
        {
            "amount": 2000, "currency": "usd", "confirm": True, "off_session": True,
            "payment_method": "pm_card_visa",
        }
    )  # fmt: skip
    time.now += standin.books_after_s
    waiting = client.v1.balance.retrieve()
    assert (waiting.available[0].amount, waiting.pending[0].amount) == (0, 1912)

    time.now += TWO_DAYS_S
    settled = client.v1.balance.retrieve()
    standin.close()

    assert (settled.available[0].amount, settled.pending[0].amount) == (1912, 0)


def test_a_partial_capture_takes_only_its_part(client: stripe.StripeClient) -> None:
    held = client.v1.payment_intents.create(
        {
            "amount": 3000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True,
            "capture_method": "manual", "off_session": True,
        }
    )  # fmt: skip
    assert client.v1.balance_transactions.list().data == []

    taken = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 1200})

    assert (taken.status, taken.amount_received) == ("succeeded", 1200)
    assert client.v1.balance_transactions.list().data[0].amount == 1200
