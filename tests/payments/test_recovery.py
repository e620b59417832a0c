"""What a decline leaves to do: the bank's words, and the network's advice, which only limits."""

from datetime import UTC, datetime

import pytest

from payments.facts.attempt import Decline
from payments.facts.recovery import COURSES, Course, Recovery, decide

NOW = datetime(2026, 9, 21, tzinfo=UTC)
ADVICE = ("do_not_try_again", "confirm_card_data")


@pytest.mark.parametrize("code", COURSES)
@pytest.mark.parametrize("advice", ADVICE)
def test_what_the_network_says_never_to_try_is_not_tried(code: str, advice: str) -> None:
    said = Decline(code="card_declined", decline_code=code, advice_code=advice)

    assert decide(said) is not Course.RETRY


@pytest.mark.parametrize("code", COURSES)
def test_what_stripe_has_blocked_is_never_asked_for_again(code: str) -> None:
    said = Decline(code="card_declined", decline_code=code, outcome_type="blocked")

    assert decide(said) is Course.STOP


@pytest.mark.parametrize("code", ["expired_card", "incorrect_number", "a_code_of_tomorrow"])
def test_what_is_not_known_to_pass_needs_another_card(code: str) -> None:
    assert decide(Decline(code="card_declined", decline_code=code)) is Course.NEW_CARD


def test_no_schedule_exceeds_what_the_networks_allow() -> None:
    """However often a bank declines, a recovery ends with the payer."""
    recovery = Recovery(
        id="rcv_1",
        tenant="t",
        invoice="inv_1",
        customer="c",
        account="acc_1",
        mode="test",
        module="mod_1",
        payment_method="pm_1",
        amount=1,
        owed=1,
        currency="eur",
        attempt="att_1",
        schedule=(1, 2, 3),
        started_at=NOW,
    )
    said, tries = Decline(code="card_declined", decline_code="insufficient_funds"), 0
    while (recovery := recovery.follow(said, NOW, "att_2")).status == "scheduled":
        tries += 1
        recovery = recovery.having(tries=tries)

    assert (tries, recovery.status) == (3, "asked")
