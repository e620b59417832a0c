"""An attempt's states: only Stripe's word ends one, and only money leads out of an end."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.errors import InvalidTransition
from payments.facts.attempt import TRANSITIONS, Attempt, AttemptStatus
from tests.payments import examples
from tests.payments.examples import NOW

ENDS = {
    AttemptStatus.SUCCEEDED,
    AttemptStatus.FAILED,
    AttemptStatus.CANCELED,
    AttemptStatus.EXPIRED,
}
STATUSES = st.sampled_from(list(AttemptStatus))


def in_status(status: AttemptStatus) -> Attempt:
    return examples.attempt(status=status)


def test_every_status_has_its_line_in_the_table() -> None:
    assert set(TRANSITIONS) == set(AttemptStatus)


@pytest.mark.parametrize("end", sorted(ENDS))
def test_the_only_way_out_of_an_end_is_money(end: AttemptStatus) -> None:
    assert TRANSITIONS[end] <= {AttemptStatus.SUCCEEDED}


@pytest.mark.parametrize("status", sorted(set(AttemptStatus) - {AttemptStatus.SUCCEEDED}))
def test_money_is_booked_whatever_the_attempt_had_become(status: AttemptStatus) -> None:
    assert in_status(status).become(AttemptStatus.SUCCEEDED).status is AttemptStatus.SUCCEEDED


@pytest.mark.parametrize("status", sorted(set(AttemptStatus) - ENDS))
def test_a_bank_debit_is_heard_of_even_before_its_own_request_has_stored_it(
    status: AttemptStatus,
) -> None:
    assert in_status(status).become(AttemptStatus.PROCESSING).status is AttemptStatus.PROCESSING


@pytest.mark.parametrize("status", sorted(set(AttemptStatus) - ENDS))
def test_an_open_attempt_can_always_be_ended(status: AttemptStatus) -> None:
    assert in_status(status).is_open
    assert TRANSITIONS[status] >= ENDS


@given(STATUSES, STATUSES)
def test_what_is_not_in_the_table_is_refused(old: AttemptStatus, new: AttemptStatus) -> None:
    if new is old or new in TRANSITIONS[old]:
        assert in_status(old).become(new).status is new
        return
    with pytest.raises(InvalidTransition):
        in_status(old).become(new)


def test_a_new_status_leaves_the_old_attempt_as_it_was() -> None:
    attempt = examples.attempt()

    attempt.become(AttemptStatus.SUBMITTING, payment_intent="pi_1")

    assert (attempt.status, attempt.payment_intent) == (AttemptStatus.CREATED, None)


def test_a_step_forward_takes_the_attempt_off_the_sweep_unless_it_asks_for_another() -> None:
    attempt = examples.attempt(sweep_at=NOW)

    assert attempt.become(AttemptStatus.FAILED).sweep_at is None
    assert attempt.become(AttemptStatus.UNKNOWN, sweep_at=NOW).sweep_at == NOW


def test_a_step_has_one_key_at_stripe_on_every_replay_and_no_other_step_has_it() -> None:
    attempt = examples.attempt()
    other = examples.attempt(tenant="bakery")
    later = attempt.become(AttemptStatus.SUBMITTING, payment_intent="pi_1")

    assert later.stripe_key("confirm") == attempt.stripe_key("confirm")
    keys = {attempt.stripe_key("create"), attempt.stripe_key("confirm"), other.stripe_key("create")}
    assert len(keys) == 3


def test_a_request_is_not_replayed_when_stripe_may_have_forgotten_its_key() -> None:
    attempt = examples.attempt()

    assert attempt.may_replay(NOW + timedelta(hours=22, minutes=59))
    assert not attempt.may_replay(NOW + timedelta(hours=23))


def test_a_session_ends_before_its_creation_may_no_longer_be_replayed() -> None:
    attempt = examples.attempt()
    ends = attempt.session_expires_at()

    assert not attempt.may_replay(ends)
    assert timedelta(minutes=30) < ends - NOW < timedelta(hours=24)
