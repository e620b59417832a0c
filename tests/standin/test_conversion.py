"""A currency that an account keeps no balance in: each movement converted, at its day's rate."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.standin.doubles import Control
from tests.standin.ways import Ways

EXPAND = {"expand": ["latest_charge.balance_transaction"]}


def settle(control: Control, ways: Ways, default: str = "eur", **given: Any) -> Any:
    return control("POST", "settling", account=ways.account, default=default, **given)


def entry_of(client: stripe.StripeClient, ways: Ways, intent: str) -> Any:
    ways.wait_for_books()
    charge: Any = client.v1.payment_intents.retrieve(intent, EXPAND).latest_charge  # type: ignore[arg-type]
    return charge, charge.balance_transaction


def test_every_currency_has_a_balance_unless_it_is_said_otherwise(
    client: stripe.StripeClient, ways: Ways
) -> None:
    charge, entry = entry_of(client, ways, ways.intent(amount=2000, currency="eur"))

    assert (charge.currency, entry.currency) == ("eur", "eur")
    assert (entry.amount, entry.exchange_rate) == (2000, None)


def test_a_charge_stays_in_its_currency_and_settles_in_the_accounts_own(
    client: stripe.StripeClient, control: Control, ways: Ways
) -> None:
    settle(control, ways, rates={"usd": "0.88"})

    charge, entry = entry_of(client, ways, ways.intent(amount=6000, currency="usd"))

    assert (charge.amount, charge.currency) == (6000, "usd")
    assert (entry.amount, entry.currency, entry.exchange_rate) == (5280, "eur", 0.88)
    # 2.9 % of what it settles as, and 30 cents of its currency.
    assert (entry.fee, entry.net) == (183, 5280 - 183)
    assert {line.currency for line in entry.fee_details} == {"eur"}
    assert client.v1.accounts.retrieve_current().default_currency == "eur"


def test_a_currency_with_a_balance_of_its_own_is_kept(
    client: stripe.StripeClient, control: Control, ways: Ways
) -> None:
    settle(control, ways, balances=["gbp"], rates={"usd": "0.88"})

    _, entry = entry_of(client, ways, ways.intent(amount=6000, currency="gbp"))

    assert (entry.amount, entry.currency, entry.exchange_rate) == (6000, "gbp", None)


@pytest.mark.parametrize(("rate", "made"), [("0.0061", 3050), ("0.0062", 3100)])
def test_a_currency_without_decimals_becomes_one_with_two(
    client: stripe.StripeClient, control: Control, ways: Ways, rate: str, made: int
) -> None:
    settle(control, ways, rates={"jpy": rate})

    _, entry = entry_of(client, ways, ways.intent(amount=5000, currency="jpy"))

    assert (entry.amount, entry.currency) == (made, "eur")


def test_a_refund_is_converted_at_the_rate_of_its_own_day(
    client: stripe.StripeClient, control: Control, ways: Ways
) -> None:
    settle(control, ways, rates={"usd": "0.88"})
    charge, _ = entry_of(client, ways, ways.intent(amount=6000, currency="usd"))
    settle(control, ways, rates={"usd": "0.86"})

    refund: Any = client.v1.refunds.create({"charge": charge.id, "expand": ["balance_transaction"]})

    assert (refund.amount, refund.currency) == (6000, "usd")
    booked = refund.balance_transaction
    assert (booked.amount, booked.currency, booked.exchange_rate) == (-5160, "eur", 0.86)


@pytest.mark.parametrize(
    "given",
    [{"default": "xyz"}, {"default": "eur", "rates": {"usd": 0}}, {"rates": {"usd": "0.88"}}],
)
def test_what_makes_no_sense_is_refused(control: Control, ways: Ways, given: Any) -> None:
    assert "error" in control("POST", "settling", account=ways.account, **given)


def test_what_has_no_rate_cannot_be_charged(
    client: stripe.StripeClient, control: Control, ways: Ways
) -> None:
    settle(control, ways)

    with pytest.raises(stripe.InvalidRequestError, match="no rate from usd to eur"):
        ways.intent(amount=6000, currency="usd")


def test_a_reset_gives_every_currency_its_balance_back(
    client: stripe.StripeClient, control: Control, ways: Ways
) -> None:
    settle(control, ways, rates={"usd": "0.88"})

    control("POST", "reset")

    _, entry = entry_of(client, ways, ways.intent(amount=6000, currency="usd"))
    assert (entry.amount, entry.currency) == (6000, "usd")
