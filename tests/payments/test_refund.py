"""A refund's states, and what of a payment may still be given back."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.errors import InvalidTransition
from payments.facts.ledger import refund_given, refund_reversed, refund_settled, totals
from payments.facts.payment import Allocation, Payment
from payments.facts.refund import TRANSITIONS, Refund, RefundStatus, divide, room
from payments.facts.settlement import Settlement
from tests.payments import examples
from tests.payments.examples import NOW

OPEN = {
    RefundStatus.REQUESTED,
    RefundStatus.SUBMITTED,
    RefundStatus.PENDING,
    RefundStatus.REQUIRES_ACTION,
}
STATUSES = st.sampled_from(list(RefundStatus))
AMOUNTS = st.integers(0, 500_00)


def parts(*amounts: int) -> tuple[Allocation, ...]:
    return tuple(
        Allocation(invoice=f"inv_{number}", amount=amount)
        for number, amount in enumerate(amounts, 1)
    )


@st.composite
def payments(draw: Any) -> Payment:
    """A payment of up to four invoices, and of the customer's credit."""
    amounts, credit = draw(st.lists(st.integers(1, 500_00), max_size=4)), draw(AMOUNTS)
    return examples.payment(
        gross=sum(amounts) + credit, allocations=parts(*amounts), unapplied=credit
    )


def test_every_status_has_its_line_in_the_table() -> None:
    assert set(TRANSITIONS) == set(RefundStatus)


@pytest.mark.parametrize("status", sorted(OPEN))
def test_an_open_refund_can_end_in_any_way(status: RefundStatus) -> None:
    assert TRANSITIONS[status] >= set(RefundStatus) - OPEN
    assert examples.refund(status=status).is_open


def test_money_that_the_bank_sends_back_is_the_only_way_out_of_an_end() -> None:
    ways = {status: TRANSITIONS[status] for status in set(RefundStatus) - OPEN}

    assert ways == {
        RefundStatus.SUCCEEDED: {RefundStatus.FAILED, RefundStatus.CANCELED},
        RefundStatus.FAILED: frozenset(),
        RefundStatus.CANCELED: frozenset(),
    }


@given(STATUSES, STATUSES)
def test_what_is_not_in_the_table_is_refused(old: RefundStatus, new: RefundStatus) -> None:
    refund = examples.refund(status=old)
    if new is old or new in TRANSITIONS[old]:
        assert refund.become(new).status is new
        return
    with pytest.raises(InvalidTransition):
        refund.become(new)


def test_a_step_takes_the_refund_off_the_sweep_unless_it_asks_for_another() -> None:
    refund = examples.refund(sweep_at=NOW)

    assert refund.become(RefundStatus.SUCCEEDED).sweep_at is None
    assert refund.become(RefundStatus.SUBMITTED, sweep_at=NOW).sweep_at == NOW


def test_a_refund_has_one_key_at_stripe_and_no_other_refund_has_it() -> None:
    refund = examples.refund()
    sent = refund.become(RefundStatus.SUBMITTED)
    others = [examples.refund(id="rfd_2"), examples.refund(tenant="bakery")]

    assert sent.stripe_key == refund.stripe_key == "tulips:rfd_1:refund"
    assert len({each.stripe_key for each in (refund, *others)}) == 3


def test_a_refund_is_not_replayed_when_stripe_may_have_forgotten_its_key() -> None:
    refund = examples.refund()

    assert refund.may_replay(NOW + timedelta(hours=22, minutes=59))
    assert not refund.may_replay(NOW + timedelta(hours=23))


@given(payments(), st.lists(st.tuples(AMOUNTS, STATUSES), max_size=6))
def test_whatever_is_given_back_never_more_than_came_and_no_part_twice(
    payment: Payment, asked: list[tuple[int, RefundStatus]]
) -> None:
    refunds: list[Refund] = []
    for amount, status in asked:
        allocations, unapplied, beyond = divide(amount, room(payment, refunds))
        taken = sum(part.amount for part in allocations) + unapplied
        assert taken + beyond == amount
        refunds.append(
            examples.refund(
                amount=taken, allocations=allocations, unapplied=unapplied, status=status
            )
        )

    left = room(payment, refunds)
    live = [refund for refund in refunds if refund.is_open or refund.is_given]
    assert all(most >= 0 for most in left.values())
    assert sum(left.values()) + sum(refund.amount for refund in live) == payment.gross


@given(payments(), AMOUNTS)
def test_credit_is_given_back_before_what_was_paid_for_an_invoice(
    payment: Payment, amount: int
) -> None:
    allocations, unapplied, _ = divide(amount, room(payment, ()))

    assert unapplied == min(amount, payment.unapplied)
    assert not allocations or unapplied == payment.unapplied


def test_what_we_only_asked_for_gives_way_to_what_stripe_has_done() -> None:
    payment = examples.payment()
    asked = examples.refund(amount=100_00, allocations=parts(100_00))

    free, sure = room(payment, [asked]), room(payment, [asked], sure=True)

    assert divide(40_00, free) == ((), 0, 40_00)
    assert divide(40_00, free, sure) == (parts(40_00), 0, 0)


def test_what_is_free_is_taken_before_what_somebody_has_asked_for() -> None:
    payment = examples.payment(allocations=parts(60_00, 40_00))
    asked = [examples.refund(amount=60_00, allocations=parts(60_00))]

    found, _, beyond = divide(50_00, room(payment, asked), room(payment, asked, sure=True))

    assert {part.invoice: part.amount for part in found} == {"inv_1": 10_00, "inv_2": 40_00}
    assert beyond == 0


def test_what_stripe_has_done_is_never_done_again() -> None:
    payment = examples.payment()
    done = examples.refund(amount=100_00, allocations=parts(100_00), stripe_refund="re_1")

    assert divide(1, room(payment, [done]), room(payment, [done], sure=True)) == ((), 0, 1)


@given(AMOUNTS, AMOUNTS, st.sampled_from(["reopen", "credit_note"]))
def test_every_entry_of_a_refund_balances_and_its_reversal_undoes_it(
    applied: int, credit: int, settle_as: str
) -> None:
    payment = examples.payment(gross=applied + credit, unapplied=credit)
    refund = examples.refund(amount=applied + credit, unapplied=credit, settle_as=settle_as)

    given_ = refund_given(payment, refund, NOW)
    reversed_ = refund_reversed(payment, refund, refund, NOW)

    assert set(totals(given_.postings).values()) <= {0}
    sums: dict[str, int] = {}
    for posting in (*given_.postings, *reversed_.postings):
        sums[posting.account] = sums.get(posting.account, 0) + posting.amount
    assert set(sums.values()) <= {0}
    assert given_.fact != reversed_.fact


LEGS = {
    "settled": Settlement(amount=-88_00, currency="usd", balance_transaction="txn_1"),
    "returned": Settlement(amount=91_00, currency="usd", balance_transaction="txn_2"),
}
#: How a refund over 100.00 EUR may go, and when Stripe may tell what it moved in dollars.
STEPS = (RefundStatus.PENDING, RefundStatus.SUCCEEDED, RefundStatus.FAILED)


@given(
    st.lists(st.sampled_from(STEPS), min_size=1, max_size=3, unique=True).map(
        lambda ways: sorted(ways, key=STEPS.index)
    ),
    st.lists(
        st.sampled_from([(), ("settled",), ("settled", "returned"), ("returned",)]), max_size=3
    ),
)
def test_whenever_stripe_tells_what_it_converted_the_journal_comes_to_what_stripe_has(
    ways: list[RefundStatus], told: list[tuple[str, ...]]
) -> None:
    payment, postings = examples.payment(gross=100_00), []
    was: Refund | None = None
    last = (ways[-1], tuple(LEGS) if ways[-1] is RefundStatus.FAILED else ("settled",))
    for status, names in [*zip(ways, told, strict=False), last]:
        # What comes back is known of nothing but what has failed.
        known = {name for name in names if name == "settled" or status is RefundStatus.FAILED}
        seen = was or examples.refund(amount=100_00, allocations=parts(100_00))
        refund = seen.learning({name: LEGS[name] for name in known}).having(status=status)
        given_ = refund.is_given - bool(was and was.is_given)
        if given_ > 0:
            postings += refund_given(payment, refund, NOW).postings
        elif was and given_ < 0:
            postings += refund_reversed(payment, refund, was, NOW).postings
        else:
            postings += refund_settled(payment, refund, was, NOW).postings
        was = refund

    stripe = [each for each in postings if each.account.startswith("stripe_balance")]
    left = {currency: amount for currency, amount in totals(stripe).items() if amount}
    ends = {RefundStatus.SUCCEEDED: -88_00, RefundStatus.FAILED: 91_00 - 88_00}
    assert left == ({"usd": ends[ways[-1]]} if ways[-1] in ends else {})
    customer = [each for each in postings if each.account == "refunds"]
    assert totals(customer).get("eur", 0) == (100_00 if was and was.is_given else 0)


@pytest.mark.parametrize(
    ("settle_as", "account"), [("reopen", "ar:C1"), ("credit_note", "refunds")]
)
def test_a_refund_moves_money_from_stripe_to_what_is_owed_or_credited(
    settle_as: str, account: str
) -> None:
    payment = examples.payment(unapplied=20_00)
    refund = examples.refund(unapplied=20_00, settle_as=settle_as, stripe_refund="re_1")

    entry = refund_given(payment, refund, NOW)

    assert entry.fact == "re_1#refund"
    found: dict[str, int] = {}
    for posting in entry.postings:
        found[posting.account] = found.get(posting.account, 0) + posting.amount
    assert found == {
        account: 80_00,
        "customer_credit:C1": 20_00,
        "stripe_balance:acc_1:test": -100_00,
    }


def test_a_refund_of_cash_is_entered_under_our_own_id_and_paid_from_the_bank() -> None:
    cash = examples.payment(method="cash", charge=None)

    entry = refund_given(cash, examples.refund(method="cash", charge=None), NOW)

    assert entry.fact == "rfd_1#refund"
    assert {posting.account for posting in entry.postings} == {"refunds", "bank"}


@pytest.mark.parametrize(
    ("amounts", "status"),
    [
        ({}, "succeeded"),
        ({"refund_pending": 100_00}, "succeeded"),
        ({"refunded": 1}, "partially_refunded"),
        ({"refunded": 100_00}, "refunded"),
        ({"refunded": 1, "disputed": 99_99}, "disputed"),
    ],
)
def test_a_payments_status_follows_from_its_amounts(amounts: dict[str, int], status: str) -> None:
    assert examples.payment(**amounts).status == status


def test_nothing_is_refundable_twice_whether_given_promised_or_disputed() -> None:
    payment = examples.payment(refunded=10_00, refund_pending=20_00, disputed=30_00)

    assert payment.refundable == 40_00
