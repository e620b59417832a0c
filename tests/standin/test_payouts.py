"""Payouts: on their way, arrived, refused by the bank, given back, and by whole coins only."""

from __future__ import annotations

import pytest
import stripe

from tests.standin.doubles import Control
from tests.standin.ways import DAY_S, Ways


def told(client: stripe.StripeClient) -> list[str]:
    events = reversed(client.v1.events.list({"limit": 100}).data)
    return [event.type for event in events if event.type.startswith("payout.")]


def balance(client: stripe.StripeClient) -> int:
    return client.v1.balance.retrieve().available[0].amount


def test_a_payout_is_sent_before_it_is_paid(client: stripe.StripeClient, ways: Ways) -> None:
    payout = ways.payout(days=1)
    assert client.v1.payouts.retrieve(payout).status == "in_transit"

    ways.wait(DAY_S)

    assert client.v1.payouts.retrieve(payout).status == "paid"
    assert told(client) == ["payout.created", "payout.updated", "payout.paid"]


@pytest.mark.parametrize("days", [0, 2])
def test_a_payout_that_the_bank_returns_is_money_again(
    client: stripe.StripeClient, control: Control, ways: Ways, days: int
) -> None:
    payout = ways.payout(days=days)
    before = balance(client)
    about = {"account": ways.account, "payout": payout, "failure_code": "no_account"}
    control("POST", "payouts", outcome="failed", **about)
    ways.wait(2 * DAY_S)

    failed = client.v1.payouts.retrieve(payout)

    assert (failed.status, failed.failure_code) == ("failed", "no_account")
    entry = client.v1.balance_transactions.retrieve(str(failed.failure_balance_transaction))
    assert (entry.type, balance(client) - before) == ("payout_failure", 1000)
    assert told(client)[-1] == "payout.failed"


def test_a_scheduled_payout_can_be_told_to_fail_and_the_next_one_pays_it(
    client: stripe.StripeClient, control: Control, ways: Ways
) -> None:
    ways.intent(amount=5000)
    ways.wait_for_books()
    first = control("POST", "payouts", account=ways.account, outcome="failed")["payout"]
    ways.wait(2 * DAY_S)
    assert client.v1.payouts.retrieve(first["id"]).status == "failed"

    second = control("POST", "payouts", account=ways.account)["payout"]

    assert second["amount"] == first["amount"]


def test_a_scheduled_payout_cannot_be_canceled(
    client: stripe.StripeClient, control: Control, ways: Ways
) -> None:
    ways.intent(amount=5000)
    ways.wait_for_books()
    payout = control("POST", "payouts", account=ways.account)["payout"]["id"]

    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payouts.cancel(payout)


def test_a_payout_is_reversed_once(client: stripe.StripeClient, ways: Ways) -> None:
    payout = ways.payout(days=2)
    before = balance(client)
    back = client.v1.payouts.reverse(payout)
    assert (back.amount, back.original_payout, balance(client) - before) == (-1000, payout, 1000)

    for ident in (payout, back.id):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.payouts.reverse(ident)


@pytest.mark.parametrize(
    ("currency", "amount"), [("huf", 20050), ("twd", 4150), ("isk", 1050), ("kwd", 1005)]
)
def test_a_payout_has_no_part_of_a_coin(
    client: stripe.StripeClient, ways: Ways, currency: str, amount: int
) -> None:
    ways.intent(amount=90_000, currency=currency)

    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payouts.create({"amount": amount, "currency": currency})

    assert caught.value.param == "amount"


def test_a_payout_that_does_not_exist_cannot_be_told_to_fail(control: Control, ways: Ways) -> None:
    answer = control("POST", "payouts", account=ways.account, payout="po_1", outcome="failed")

    assert answer == {"error": "No such payout: po_1"}
