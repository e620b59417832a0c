"""A dispute's facts: which status follows which, what is held, what is lost, and of whom."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.errors import DisputeNotAnswerable, DisputePastDue, InvoiceDisputed
from payments.facts.dispute import (
    CLOSED,
    TRANSITIONS,
    Dispute,
    DisputeStatus,
    as_seen,
    may_become,
)
from payments.facts.ledger import JournalEntry, dispute_lost, dispute_moved
from payments.facts.loss import Loss, lose
from payments.facts.payment import Allocation
from payments.facts.refund import room
from payments.facts.stripe_objects import BalanceTransaction, StripeDispute
from payments.steps.disputes.apply_dispute import dispute_id
from tests.payments import examples
from tests.payments.examples import NOW

_S = DisputeStatus
HOLD, AR, CREDIT = "dispute_hold", "ar:C1", "customer_credit:C1"


def found(**changes: Any) -> StripeDispute:
    fields = {
        "id": "du_1",
        "status": "needs_response",
        "amount": 100_00,
        "currency": "eur",
        "charge": "ch_1",
        "created": int(NOW.timestamp()),
        "livemode": False,
        "reason": "fraudulent",
    }
    return StripeDispute(**fields | changes)


def booked(txn: str, amount: int, fee: int = 0, currency: str = "eur") -> BalanceTransaction:
    return BalanceTransaction(
        id=txn,
        amount=amount,
        fee=fee,
        net=amount - fee,
        currency=currency,
        created=int(NOW.timestamp()),
    )


WITHDRAWN, REINSTATED = booked("txn_1", -100_00, 15_00), booked("txn_2", 100_00)


def seen(known: Dispute | None = None, **changes: Any) -> Dispute:
    told = found(**changes)
    return as_seen(told, known, examples.payment(), ident=dispute_id(told), now=NOW)


def amounts(entry: JournalEntry) -> dict[str, int]:
    sums: dict[str, int] = {}
    for posting in entry.postings:
        sums[posting.account] = sums.get(posting.account, 0) + posting.amount
    return sums


def test_every_status_that_stripe_names_stands_in_the_table() -> None:
    assert TRANSITIONS.keys() == set(DisputeStatus)
    assert set().union(*TRANSITIONS.values()) <= set(DisputeStatus)


@pytest.mark.parametrize(
    ("old", "new", "may"),
    [
        (_S.WARNING_NEEDS_RESPONSE, _S.WARNING_CLOSED, True),
        (_S.WARNING_NEEDS_RESPONSE, _S.WON, True),
        (_S.NEEDS_RESPONSE, _S.NEEDS_RESPONSE, True),
        (_S.LOST, _S.WON, True),
        (_S.WON, _S.LOST, True),
        (_S.UNDER_REVIEW, _S.NEEDS_RESPONSE, False),
        (_S.NEEDS_RESPONSE, _S.WARNING_CLOSED, False),
        (_S.LOST, _S.WARNING_UNDER_REVIEW, False),
        (_S.PREVENTED, _S.LOST, False),
    ],
)
def test_a_status_follows_what_leads_to_it_and_nothing_else(
    old: DisputeStatus, new: DisputeStatus, may: bool
) -> None:
    assert may_become(old, new) is may


def test_its_id_is_the_same_by_whatever_path_and_sorts_by_time() -> None:
    assert seen().id == seen(status="lost").id != seen(id="du_2").id
    assert seen(id="du_0").id < seen(created=int(NOW.timestamp()) + 1).id
    assert len(seen().id) == len("dsp_") + 26


@pytest.mark.parametrize("status", sorted(CLOSED | {_S.UNDER_REVIEW, _S.WARNING_UNDER_REVIEW}))
def test_what_is_answered_or_decided_takes_no_answer(status: DisputeStatus) -> None:
    with pytest.raises(DisputeNotAnswerable):
        seen(status=status).require_answerable(NOW)


def test_after_the_banks_deadline_no_answer_is_taken() -> None:
    details = {"due_by": int(NOW.timestamp())}
    dispute = seen(evidence_details=details)

    dispute.require_answerable(NOW)
    later = NOW + timedelta(seconds=1)
    assert dispute.is_overdue(later)
    with pytest.raises(DisputePastDue):
        dispute.require_answerable(later)


def test_a_bank_that_takes_no_answer_sets_no_deadline() -> None:
    assert seen(evidence_details={"due_by": 0}).due_by is None


def test_while_it_is_open_what_was_taken_is_held_and_cannot_be_given_back() -> None:
    dispute = seen(balance_transactions=[WITHDRAWN])

    assert (dispute.taken, dispute.contested, dispute.lost) == (100_00, 100_00, 0)
    assert dispute.flagged == ("inv_1",)


def test_an_inquiry_takes_nothing_and_only_stops_collecting() -> None:
    dispute = seen(status="warning_needs_response")

    assert (dispute.taken, dispute.contested, dispute.lost) == (0, 0, 0)
    assert dispute.flagged == ("inv_1",)


@pytest.mark.parametrize(
    ("status", "moved", "contested", "lost"),
    [
        ("lost", [WITHDRAWN], 100_00, 100_00),
        ("prevented", [], 0, 0),
        ("prevented", [WITHDRAWN], 100_00, 100_00),
        ("won", [WITHDRAWN], 100_00, 0),
        ("won", [WITHDRAWN, REINSTATED], 0, 0),
        ("lost", [WITHDRAWN, REINSTATED], 100_00, 0),
        ("warning_closed", [], 0, 0),
    ],
)
def test_what_is_lost_follows_from_the_money_and_the_decision(
    status: str, moved: list[BalanceTransaction], contested: int, lost: int
) -> None:
    dispute = seen(status=status, balance_transactions=moved)

    assert (dispute.contested, dispute.lost) == (contested, lost)
    assert dispute.flagged == ()


def test_an_amount_in_another_currency_counts_as_the_whole() -> None:
    dispute = seen(balance_transactions=[booked("txn_1", -110_00, 16_00, "usd")])

    (movement,) = dispute.movements
    assert (movement.amount, movement.fee, movement.fee_currency) == (100_00, 16_00, "usd")


def test_when_it_was_submitted_is_kept_from_the_first_time() -> None:
    first = seen(evidence_details={"submission_count": 1})
    later = as_seen(
        found(evidence_details={"submission_count": 1}),
        first,
        examples.payment(),
        ident=first.id,
        now=NOW + timedelta(hours=1),
    )

    assert first.submitted_at == later.submitted_at == NOW


def test_withdrawn_money_waits_in_the_hold_and_its_fee_is_spent() -> None:
    dispute = seen(balance_transactions=[WITHDRAWN, REINSTATED])
    taken, brought = (
        dispute_moved(dispute, each, examples.payment()) for each in dispute.movements
    )

    assert (taken.fact, brought.fact) == ("txn_1#dispute", "txn_2#dispute")
    assert amounts(taken) == {
        HOLD: 100_00,
        "stripe_balance:acc_1:test": -115_00,
        "fees:dispute": 15_00,
    }
    assert amounts(brought) == {HOLD: -100_00, "stripe_balance:acc_1:test": 100_00}


def test_a_fee_that_comes_back_is_no_longer_spent() -> None:
    dispute = seen(balance_transactions=[booked("txn_2", 100_00, -15_00)])

    entry = dispute_moved(dispute, dispute.movements[0], examples.payment())
    assert amounts(entry)["fees:dispute"] == -15_00


def two_invoices(unapplied: int = 10_00) -> Any:
    parts = (Allocation(invoice="inv_1", amount=60_00), Allocation(invoice="inv_2", amount=30_00))
    return examples.payment(allocations=parts, unapplied=unapplied)


def test_the_customers_credit_goes_first_then_what_was_paid() -> None:
    loss = lose(Loss(), 85_00, two_invoices(), {"inv_1": 60_00, "inv_2": 30_00})

    assert (loss.credit, loss.of("inv_1"), loss.of("inv_2")) == (10_00, 60_00, 15_00)


def test_what_was_given_back_before_is_not_charged_back_again() -> None:
    loss = lose(Loss(), 50_00, two_invoices(0), {"inv_1": 20_00, "inv_2": 30_00})

    assert (loss.of("inv_1"), loss.of("inv_2")) == (20_00, 30_00)


def test_what_a_bank_takes_beyond_the_payment_no_invoice_asks_for() -> None:
    loss = lose(Loss(), 120_00, two_invoices(), {"inv_1": 60_00, "inv_2": 30_00})

    assert (loss.credit, loss.of("inv_1"), loss.of("inv_2")) == (10_00, 60_00, 30_00)
    assert loss.beyond == 20_00


@given(st.integers(0, 200_00), st.integers(0, 200_00), st.integers(0, 60_00), st.integers(0, 30_00))
def test_a_loss_that_grows_and_shrinks_is_as_if_it_had_been_so_at_once(
    first: int, second: int, stayed_1: int, stayed_2: int
) -> None:
    payment, stayed = two_invoices(), {"inv_1": stayed_1, "inv_2": stayed_2}
    loss = lose(Loss(), first, payment, stayed)
    marked = payment.having(unapplied=payment.unapplied - loss.credit)
    left = {name: amount - loss.of(name) for name, amount in stayed.items()}

    changed = lose(loss, second, marked, left)
    at_once = lose(Loss(), second, payment, stayed)

    assert changed.total == at_once.total == second
    assert all(changed.of(name) == at_once.of(name) for name in stayed)
    assert changed.credit == at_once.credit


def test_what_is_lost_is_owed_again_and_a_reversal_takes_that_back() -> None:
    nothing, all_of_it = Loss(), Loss(credit=10_00, parts=two_invoices().allocations)
    dispute = seen()

    lost = dispute_lost(dispute.having(loss=all_of_it), nothing, frozenset(), NOW)
    back = dispute_lost(dispute.having(loss=nothing, version=3), all_of_it, frozenset(), NOW)

    assert amounts(lost) == {CREDIT: 10_00, AR: 90_00, HOLD: -100_00}
    assert amounts(back) == {account: -amount for account, amount in amounts(lost).items()}
    assert lost.fact != back.fact


def test_what_was_given_up_already_is_a_bad_debt_at_once() -> None:
    dispute = seen().having(loss=Loss(parts=two_invoices().allocations))

    entry = dispute_lost(dispute, Loss(), frozenset({"inv_2"}), NOW)
    assert amounts(entry) == {AR: 60_00, "bad_debt": 30_00, HOLD: -90_00}


def test_nothing_is_collected_for_a_disputed_invoice_and_its_status_stays() -> None:
    invoice = examples.invoice(settled=40_00, allow_partial=True)

    disputed = invoice.disputed(opened=1, lost=0)

    assert (disputed.status, disputed.trouble) == (invoice.status, "disputed")
    with pytest.raises(InvoiceDisputed):
        disputed.require_collectable(None)
    won = disputed.disputed(opened=-1, lost=0)
    assert (won.trouble, won.require_collectable(None).amount) == ("none", 60_00)


def test_a_lost_dispute_brings_the_debt_back() -> None:
    paid = examples.invoice(settled=100_00).disputed(opened=1, lost=0)

    lost = paid.disputed(opened=-1, lost=100_00)

    assert (lost.status, lost.outstanding, lost.trouble) == ("open", 100_00, "charged_back")
    assert (lost.receive(99_99).trouble, lost.receive(100_00).trouble) == ("charged_back", "none")
    assert lost.receive(100_00).charged_back == 100_00


def test_one_of_two_disputes_ending_leaves_the_invoice_disputed() -> None:
    invoice = examples.invoice(settled=100_00).disputed(opened=2, lost=0)

    assert invoice.disputed(opened=-1, lost=0).trouble == "disputed"


def test_what_a_dispute_took_is_not_there_to_be_given_back() -> None:
    payment = two_invoices()
    loss = lose(Loss(), 30_00, payment, {"inv_1": 60_00, "inv_2": 30_00})

    marked = payment.having(lost=loss.instead_of(Loss(), payment.lost))

    assert room(marked, ()) == {"": 0, "inv_1": 40_00, "inv_2": 30_00}
    second = Loss(parts=(Allocation(invoice="inv_1", amount=5_00),))
    both = marked.having(lost=second.instead_of(Loss(), marked.lost))
    assert room(both, ())["inv_1"] == 35_00
    assert both.having(lost=Loss().instead_of(second, both.lost)).lost == marked.lost


def test_credit_that_a_dispute_may_take_pays_no_other_invoice() -> None:
    payment = two_invoices(unapplied=10_00)

    assert payment.spendable == 10_00
    assert payment.having(disputed=4_00).spendable == 6_00
    assert payment.having(disputed=100_00).spendable == 0
    lost = payment.having(
        disputed=4_00, unapplied=6_00, lost=(Allocation(invoice="", amount=4_00),)
    )
    assert lost.spendable == 6_00


@pytest.mark.parametrize(
    ("left", "known", "told"),
    [
        ({"days": 8}, None, None),
        ({"days": 7}, None, 7),
        ({"days": 3, "seconds": 1}, 7, None),
        ({"days": 3}, 7, 3),
        # Another clock is a second behind: what was told is not told again.
        ({"days": 3, "seconds": 1}, 3, None),
        ({"hours": 2}, 3, 1),
        ({"hours": 2}, 1, None),
        ({"hours": 0}, None, None),
    ],
)
def test_a_deadline_comes_up_in_three_steps(
    left: dict[str, int], known: int | None, told: int | None
) -> None:
    found = examples.dispute(status=_S.NEEDS_RESPONSE, reminded=known)

    assert found.having(due_by=NOW + timedelta(**left)).reminder(NOW) == told


@pytest.mark.parametrize(
    "answered", [{"status": _S.UNDER_REVIEW}, {"status": _S.LOST}, {"submissions": 1}]
)
def test_an_answer_is_not_asked_for_twice(answered: dict[str, Any]) -> None:
    due = NOW + timedelta(days=2)
    found = examples.dispute(status=_S.NEEDS_RESPONSE, due_by=due).having(**answered)

    assert found.reminder(NOW) is None
    assert found.ask_at(NOW) == (NOW + timedelta(days=1) if found.is_open else None)


def test_stripe_is_asked_when_a_step_comes_up_and_daily_else() -> None:
    found = examples.dispute(status=_S.NEEDS_RESPONSE, due_by=NOW + timedelta(days=7, hours=2))

    assert found.ask_at(NOW) == NOW + timedelta(hours=2)
    assert found.ask_at(NOW + timedelta(hours=2)) == NOW + timedelta(days=1, hours=2)
