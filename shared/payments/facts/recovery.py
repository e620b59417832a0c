"""
A recovery: a declined saved card is tried again, left to its owner, or given up.

The bank's own words decide. Visa and Mastercard fine a merchant who tries more than fifteen times
in thirty days, or tries again what the bank has forbidden.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from payments.facts.attempt import Attempt, Decline
from payments.facts.fact import Fact
from payments.facts.payment import Allocation

#: How long a payer who was asked has, before the recovery is given up.
PATIENCE = timedelta(days=60)
#: How often to check whether a payer who was asked has paid.
LOOK_EVERY = timedelta(days=1)
#: How long to wait where something else is under way.
SOON = timedelta(hours=1)


class Course(StrEnum):
    """What can follow a decline."""

    RETRY = "retry"
    NEW_CARD = "new_card"
    CONFIRM = "confirm"
    STOP = "stop"


class RecoveryStatus(StrEnum):
    """`scheduled`: a try is due; `asked`: it is the payer's turn; all others are ends."""

    SCHEDULED = "scheduled"
    ASKED = "asked"
    RECOVERED = "recovered"
    STOPPED = "stopped"
    GIVEN_UP = "given_up"


_S = RecoveryStatus
_RETRY = (
    *("insufficient_funds", "withdrawal_count_limit_exceeded", "card_velocity_exceeded"),
    *("processing_error", "issuer_not_available", "reenter_transaction", "try_again_later"),
    *("do_not_honor", "generic_decline", "no_action_taken", "card_declined", "approve_with_id"),
)
_CONFIRM = ("authentication_required", "offline_pin_required", "online_or_offline_pin_required")
#: Declines after which we may not ask the card's owner, or its holder, for this money again.
_STOP = (
    *("fraudulent", "stolen_card", "pickup_card", "merchant_blacklist", "stop_payment_order"),
    *("revocation_of_authorization", "revocation_of_all_authorizations"),
)
#: By Stripe's decline code; all other codes need another card.
COURSES = {
    **dict.fromkeys(_RETRY, Course.RETRY),
    **dict.fromkeys(_CONFIRM, Course.CONFIRM),
    **dict.fromkeys(_STOP, Course.STOP),
}


def decide(decline: Decline) -> Course:
    """Return what can follow a decline; the network's advice can only narrow it."""
    if decline.outcome_type == "blocked":
        return Course.STOP
    course = COURSES.get(decline.decline_code or decline.code, Course.NEW_CARD)
    if course is Course.RETRY and decline.advice_code in {"do_not_try_again", "confirm_card_data"}:
        return Course.NEW_CARD
    return course


class Recovery(Fact):
    """
    The way of one invoice from a declined charge to its money.

    `amount` was to be charged and `owed` was outstanding then, both in minor units. `schedule` is
    the tenant's at that time, in days between two tries. `next_attempt` is the id of the next try,
    so that it is made only once.
    """

    id: str
    tenant: str
    invoice: str
    customer: str
    account: str
    mode: str
    module: str
    payment_method: str
    amount: int
    owed: int
    currency: str
    attempt: str
    next_attempt: str = ""
    schedule: tuple[int, ...]
    started_at: datetime
    status: RecoveryStatus = RecoveryStatus.SCHEDULED
    course: Course = Course.RETRY
    reason: str | None = None
    tries: int = 0
    recovered: int = 0
    sweep_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 1

    @classmethod
    def begin(cls, attempt: Attempt, part: Allocation, owed: int, **known: Any) -> "Recovery":
        """Return the recovery of one invoice's part of a declined charge, without a course yet."""
        return cls(
            tenant=attempt.tenant,
            invoice=part.invoice,
            customer=attempt.customer,
            account=attempt.account,
            mode=attempt.mode,
            module=attempt.module,
            payment_method=attempt.payment_method or "",
            amount=part.amount,
            owed=owed,
            currency=attempt.currency,
            attempt=attempt.id,
            **known,
        )

    @property
    def is_open(self) -> bool:
        """Whether anything is left to do."""
        return self.status in {_S.SCHEDULED, _S.ASKED}

    def follow(self, decline: Decline, now: datetime, next_attempt: str) -> "Recovery":
        """Return it on the course after a decline: the next try, the payer's turn, or an end."""
        course, reason = decide(decline), decline.decline_code or decline.code
        if course is Course.STOP:
            return self.end(_S.STOPPED, reason, now)
        if course is Course.RETRY and self.tries < len(self.schedule):
            due = now + timedelta(days=self.schedule[self.tries])
            return self.having(
                status=_S.SCHEDULED,
                course=course,
                reason=reason,
                next_attempt=next_attempt,
                sweep_at=due,
            )
        return self.ask(Course.NEW_CARD if course is Course.RETRY else course, reason, now)

    def ask(self, course: Course, reason: str, now: datetime) -> "Recovery":
        """Return it at the payer's turn: for another card, or a confirmation."""
        return self.having(
            status=_S.ASKED,
            course=course,
            reason=reason,
            next_attempt="",
            sweep_at=now + LOOK_EVERY,
        )

    def end(
        self, status: RecoveryStatus, reason: str | None, now: datetime, recovered: int = 0
    ) -> "Recovery":
        """Return it ended; `recovered` is how much of the owed amount came in."""
        return self.having(
            status=status, reason=reason, ended_at=now, sweep_at=None, recovered=recovered
        )
