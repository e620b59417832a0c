"""Every fact about money balances to zero, in every currency, or it is not entered."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from payments.facts.ledger import (
    JournalEntry,
    Posting,
    fee_taken,
    payment_received,
    payment_settled,
    transfer,
)
from payments.facts.payment import Fee
from payments.facts.settlement import Settlement
from tests.payments import examples
from tests.payments.examples import NOW

AMOUNTS = st.integers(-(10**12), 10**12)
CURRENCIES = st.sampled_from(["eur", "usd", "jpy"])


def sums(entry: JournalEntry) -> dict[str, int]:
    found: Counter[str] = Counter()
    for posting in entry.postings:
        found[posting.currency] += posting.amount
    return dict(found)


def entered(*postings: Posting) -> JournalEntry:
    return JournalEntry(tenant="tulips", invoice="inv_1", fact="f", at=NOW, postings=postings)


@given(AMOUNTS, CURRENCIES, AMOUNTS, CURRENCIES)
def test_every_entry_of_a_payment_and_of_its_fee_balances(
    gross: int, currency: str, fee: int, fee_currency: str
) -> None:
    payment = examples.payment(gross=gross, currency=currency)
    taken = fee_taken(payment, Fee(state="known", amount=fee, currency=fee_currency))

    assert sums(payment_received(payment)) in ({currency: 0}, {})
    assert sums(taken) in ({fee_currency: 0}, {})


@given(st.lists(st.builds(Posting, account=st.just("a"), amount=AMOUNTS, currency=CURRENCIES)))
def test_what_does_not_balance_in_every_currency_is_never_entered(postings: list[Posting]) -> None:
    left: Counter[str] = Counter()
    for posting in postings:
        left[posting.currency] += posting.amount

    if any(left.values()):
        with pytest.raises(ValidationError, match="Bug!"):
            entered(*postings)
    else:
        assert sums(entered(*postings)) == dict(left)


def test_one_currency_does_not_make_up_for_another() -> None:
    debit, _ = transfer("a", "b", 100, "eur")
    _, credit = transfer("a", "b", 100, "usd")

    with pytest.raises(ValidationError, match="Bug!"):
        entered(debit, credit)


def test_a_payment_moves_what_the_customer_owed_to_what_stripe_owes() -> None:
    entry = payment_received(examples.payment())

    amounts = {posting.account: posting.amount for posting in entry.postings}
    assert amounts == {"stripe_balance:acc_1:test": 100_00, "ar:C1": -100_00}


def test_a_fee_lowers_what_stripe_owes_in_the_currency_in_which_it_was_taken() -> None:
    entry = fee_taken(examples.payment(), Fee(state="known", amount=1_20, currency="usd"))

    found = {posting.account: (posting.amount, posting.currency) for posting in entry.postings}
    assert found == {"fees:stripe": (1_20, "usd"), "stripe_balance:acc_1:test": (-1_20, "usd")}


def test_a_fact_is_named_by_its_charge_so_that_it_is_entered_once() -> None:
    payment = examples.payment()

    again = payment.model_copy(update={"id": "pay_2", "attempt": "att_2"})
    assert payment_received(payment).fact == payment_received(again).fact
    assert fee_taken(payment, Fee()).fact != payment_received(payment).fact


def test_a_fee_that_becomes_known_is_on_the_payment_and_on_its_note() -> None:
    fee = Fee(state="known", amount=1_20, net=98_80, currency="eur", balance_transaction="txn_1")

    known = examples.payment().with_fee(fee)

    assert (known.fee, known.shown()["note"]["fee"]) == (fee, 1_20)
    assert known.gross == 100_00


def test_what_came_too_much_is_owed_to_the_customer_and_a_known_fee_is_in_the_same_entry() -> None:
    fee = Fee(state="known", amount=3_00, currency="eur")
    entry = payment_received(examples.payment(unapplied=20_00, fee=fee))

    amounts: Counter[str] = Counter()
    for posting in entry.postings:
        amounts[posting.account] += posting.amount
    assert amounts == {
        "stripe_balance:acc_1:test": 97_00,
        "ar:C1": -80_00,
        "customer_credit:C1": -20_00,
        "fees:stripe": 3_00,
    }


def test_cash_goes_to_the_bank() -> None:
    cash = examples.payment(method="cash", charge=None, payment_intent=None)

    assert payment_received(cash).postings[0].account == "bank"


@given(st.integers(1, 10**9), st.integers(0, 10**9), st.integers(-(10**9), 10**9))
def test_a_conversion_told_later_comes_to_what_one_known_at_once_does(
    gross: int, fee: int, made: int
) -> None:
    """Whatever the rate, each currency balances by itself, and Stripe's is as Stripe counts it."""
    kept = Fee(state="known", amount=fee, net=made - fee, currency="usd")
    settled = Settlement(amount=made, currency="usd", balance_transaction="txn_1")
    pending = examples.payment(gross=gross, unapplied=gross // 3, fee=Fee())
    known = pending.having(fee=kept, settled=settled)

    at_once = payment_received(known)
    later = [payment_received(pending), fee_taken(known, kept), payment_settled(known)]

    sums = [Counter[tuple[str, str]](), Counter[tuple[str, str]]()]
    for found, entries in zip(sums, ([at_once], later), strict=True):
        for entry in entries:
            for posting in entry.postings:
                found[posting.account, posting.currency] += posting.amount
    first, second = ({key: amount for key, amount in each.items() if amount} for each in sums)
    assert first == second
    assert first.get(("stripe_balance:acc_1:test", "usd"), 0) == made - fee
    assert ("stripe_balance:acc_1:test", "eur") not in first
    assert (first["fx", "eur"], first.get(("fx", "usd"), 0)) == (gross, -made)
