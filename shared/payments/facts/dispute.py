"""A dispute: a payer's bank asks about a payment, or takes it back until it decides."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import Field

from payments.errors import DisputeNotAnswerable, DisputePastDue, VersionMismatch
from payments.facts.fact import Fact
from payments.facts.loss import Loss
from payments.facts.payment import Payment
from payments.facts.settlement import Converted, Settlement
from payments.facts.stripe_objects import BalanceTransaction, StripeDispute

#: How often the sweep asks about an open dispute, so that a lost webhook costs a day at most.
ASK_EVERY = timedelta(days=1)
#: How many days before the bank's deadline the merchant is told again, if there is no answer yet.
REMIND_AT = (7, 3, 1)
#: How many requests are remembered; a repeat comes before that many others.
REQUESTS_MAX = 20


class DisputeStatus(StrEnum):
    """Stripe's statuses; `warning_...` is a bank's inquiry, which takes no money."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"
    APPEAL_NEEDS_RESPONSE = "appeal_needs_response"
    APPEAL_UNDER_REVIEW = "appeal_under_review"


_S = DisputeStatus
_DECISIONS = frozenset({_S.WON, _S.LOST, _S.PREVENTED})
#: Every step that Stripe takes. The known status may be several steps behind; `may_become` follows
#: them.
TRANSITIONS: dict[DisputeStatus, frozenset[DisputeStatus]] = {
    _S.WARNING_NEEDS_RESPONSE: frozenset(
        {_S.WARNING_UNDER_REVIEW, _S.WARNING_CLOSED, _S.NEEDS_RESPONSE, _S.PREVENTED}
    ),
    _S.WARNING_UNDER_REVIEW: frozenset({_S.WARNING_CLOSED, _S.NEEDS_RESPONSE, _S.PREVENTED}),
    # A bank may still make a chargeback after an inquiry.
    _S.WARNING_CLOSED: frozenset({_S.NEEDS_RESPONSE}),
    _S.NEEDS_RESPONSE: frozenset({_S.UNDER_REVIEW}) | _DECISIONS,
    _S.UNDER_REVIEW: _DECISIONS,
    # Banks change decisions, and a lost dispute can be appealed.
    _S.WON: frozenset({_S.LOST}),
    _S.LOST: frozenset({_S.WON, _S.APPEAL_NEEDS_RESPONSE, _S.APPEAL_UNDER_REVIEW}),
    _S.APPEAL_NEEDS_RESPONSE: frozenset({_S.APPEAL_UNDER_REVIEW, _S.WON, _S.LOST}),
    _S.APPEAL_UNDER_REVIEW: frozenset({_S.WON, _S.LOST}),
    _S.PREVENTED: frozenset(),
}
CLOSED = _DECISIONS | {_S.WARNING_CLOSED}
#: In these, what the bank has taken is lost.
FINAL_LOSS = frozenset({_S.LOST, _S.PREVENTED})
ANSWERABLE = frozenset({_S.WARNING_NEEDS_RESPONSE, _S.NEEDS_RESPONSE})
#: The bank has the money, or will take it, so it cannot be refunded as well.
CONTESTED = frozenset(
    {
        _S.NEEDS_RESPONSE,
        _S.UNDER_REVIEW,
        _S.LOST,
        _S.APPEAL_NEEDS_RESPONSE,
        _S.APPEAL_UNDER_REVIEW,
    }
)


class Movement(Fact):
    """One of Stripe's balance transactions: positive was taken from us, negative came back."""

    id: str
    amount: int
    fee: int
    fee_currency: str
    #: The amount in the account's own currency, as Stripe counts it, if Stripe has converted it.
    settled: Converted = None
    at: datetime


class Dispute(Fact):
    """
    A dispute, stored with its payment's invoice; amounts are minor units of `currency`.

    `flagged` are the invoices that nothing is collected for while it is open. `requests` are the
    requests that began a write at Stripe, with their stages.
    """

    id: str
    tenant: str
    invoice: str
    payment: str
    customer: str
    account: str
    mode: str
    stripe_id: str
    charge: str
    amount: int
    currency: str
    reason: str
    network_reason: str | None = None
    status: DisputeStatus
    created_at: datetime
    due_by: datetime | None = None
    is_charge_refundable: bool = False
    has_evidence: bool = False
    submissions: int = 0
    submitted_at: datetime | None = None
    movements: tuple[Movement, ...] = ()
    flagged: tuple[str, ...] = ()
    loss: Loss = Field(default_factory=Loss)
    requests: dict[str, str] = Field(default_factory=dict)
    #: How often Stripe has told a request that it failed; it repeats that under the same key.
    failures: dict[str, int] = Field(default_factory=dict)
    #: When it was first seen as a chargeback.
    claimed_at: datetime | None = None
    #: How many days before the deadline the merchant was last told of it.
    reminded: int | None = None
    sweep_at: datetime | None = None
    version: int = 1

    @property
    def is_open(self) -> bool:
        """Whether it is undecided."""
        return self.status not in CLOSED

    @property
    def is_answerable(self) -> bool:
        """Whether the bank waits for an answer."""
        return self.status in ANSWERABLE

    @property
    def stage(self) -> str:
        """The question that an answer is for: a bank may ask again after an inquiry."""
        return f"{'inquiry' if self.is_inquiry else 'chargeback'}:{self.submissions}"

    @property
    def is_inquiry(self) -> bool:
        """Whether the bank only asks and takes nothing."""
        return self.status.startswith("warning_")

    def is_answered_since(self, stage: str) -> bool:
        """Whether evidence was submitted after a stage."""
        return self.submissions > int(stage.rpartition(":")[2])

    def began(self, request: str, at: datetime) -> str | None:
        """
        Return the stage in which a request that first came at `at` began, or None for a new one.

        A request without a note belongs to the inquiry if it came before the chargeback was seen:
        it may have died before it could note anything.
        """
        early = self.claimed_at is not None and at < self.claimed_at
        return self.requests.get(request) or ("inquiry:0" if early else None)

    def require_seen(self, request: str, version: int | None) -> None:
        """Refuse a new request that is for another version than this one."""
        if version not in {None, self.version} and request not in self.requests:
            raise VersionMismatch(
                f"The dispute is at version {self.version}.", version=self.version
            )

    def begin(self, request: str, began: str | None) -> "Dispute":
        """Return it with a caller's request noted; only the latest requests are kept."""
        noted = {**self.requests, request: began or self.stage}
        return self.having(requests=dict(list(noted.items())[-REQUESTS_MAX:]))

    def fail(self, request: str) -> "Dispute":
        """Return it with one more failure of a request noted, and none of forgotten requests."""
        counted = {**self.failures, request: self.failures.get(request, 0) + 1}
        kept = {name: count for name, count in counted.items() if name in self.requests}
        return self.having(failures=kept)

    def stripe_key(self, request: str) -> str:
        """
        Name the Stripe request that a request is; the same until Stripe says that it has failed.

        One of which nothing was heard may still arrive, and is the repeat's twin then.
        """
        return f"{self.tenant}:{self.id}:{request}:{self.failures.get(request, 0)}"

    @property
    def taken(self) -> int:
        """The amount that Stripe has taken for the bank and not brought back."""
        return sum(movement.amount for movement in self.movements)

    @property
    def contested(self) -> int:
        """How much of the payment cannot be refunded: the bank has taken it, or will take it."""
        return max(self.taken, self.amount if self.status in CONTESTED else 0)

    @property
    def lost(self) -> int:
        """The amount that is lost for good; an undecided amount stays in the hold."""
        return max(0, self.taken) if self.status in FINAL_LOSS else 0

    def agrees(self, found: StripeDispute) -> bool:
        """Whether nothing that counts has happened since it was booked."""
        moved = {(each.id, _settled(each, found)) for each in found.balance_transactions}
        return (
            self.status == found.status
            and self.amount == found.amount
            and self.submissions == found.evidence_details.submission_count
            and {(movement.id, movement.settled) for movement in self.movements} == moved
        )

    def reminder(self, now: datetime) -> int | None:
        """Return which reminder before the deadline is due now, as a number of days, or None."""
        if not self._awaited or self.due_by is None or self.due_by <= now:
            return None
        reached = [days for days in REMIND_AT if self.due_by - now <= timedelta(days=days)]
        if not reached or (self.reminded is not None and self.reminded <= min(reached)):
            return None
        return min(reached)

    def ask_at(self, now: datetime) -> datetime | None:
        """Return when Stripe is asked next: daily while it is open, and before a reminder."""
        if not self.is_open:
            return None
        due = self.due_by if self._awaited else None
        reminders = [due - timedelta(days=days) for days in REMIND_AT] if due else []
        return min(at for at in (now + ASK_EVERY, *reminders) if at > now)

    @property
    def _awaited(self) -> bool:
        return self.is_answerable and not self.submissions

    def is_overdue(self, now: datetime) -> bool:
        """Whether the bank's deadline has passed without an answer."""
        return self.is_answerable and self.due_by is not None and self.due_by < now

    def require_answerable(self, now: datetime) -> None:
        """Refuse an answer that Stripe would not pass on."""
        if not self.is_answerable:
            raise DisputeNotAnswerable(
                f"The dispute is {self.status}: it takes no answer.", dispute_status=self.status
            )
        if self.is_overdue(now):
            raise DisputePastDue("The bank's deadline has passed.", due_by=_text(self.due_by))


#: What stands in no dispute at Stripe.
_OURS = frozenset({"loss", "requests", "failures", "reminded", "claimed_at", "sweep_at", "version"})


def may_become(old: DisputeStatus, new: DisputeStatus) -> bool:
    """Whether the steps in the table lead from one status to another."""
    reached, ahead = {old}, {old}
    while ahead:
        ahead = {found for each in ahead for found in TRANSITIONS[each]} - reached
        reached |= ahead
    return new in reached


def as_seen(
    found: StripeDispute, known: Dispute | None, payment: Payment, *, ident: str, now: datetime
) -> Dispute:
    """Return the dispute as Stripe has it now; its loss stays as it was known."""
    details = found.evidence_details
    submitted = known.submitted_at if known else None
    if details.submission_count > (known.submissions if known else 0):
        submitted = now
    seen = Dispute(
        id=ident,
        tenant=payment.tenant,
        invoice=payment.invoice,
        payment=payment.id,
        customer=payment.customer,
        account=payment.account or "",
        mode=payment.mode or "",
        stripe_id=found.id,
        charge=found.charge,
        amount=found.amount,
        currency=found.currency,
        reason=found.reason,
        network_reason=found.network_reason,
        status=DisputeStatus(found.status),
        created_at=_time(found.created),
        # Stripe says 0 where the bank takes no answer at all.
        due_by=_time(details.due_by) if details.due_by else None,
        is_charge_refundable=found.is_charge_refundable,
        has_evidence=details.has_evidence,
        submissions=details.submission_count,
        submitted_at=submitted,
        movements=tuple(_movement(each, found) for each in found.balance_transactions),
    )
    kept = _OURS if known else set()
    seen = seen.having(**{name: getattr(known, name) for name in kept})
    if known and known.due_by != seen.due_by:
        seen = seen.having(reminded=None)
    return _noticed(seen, now).having(flagged=_flagged(seen, known, payment))


def _noticed(seen: Dispute, now: datetime) -> Dispute:
    """Return it with what is newly true: that it is a chargeback, or nearly due."""
    if not (seen.is_inquiry or seen.claimed_at):
        seen = seen.having(claimed_at=now)
    if days := seen.reminder(now):
        seen = seen.having(reminded=days)
    return seen


def _flagged(seen: Dispute, known: Dispute | None, payment: Payment) -> tuple[str, ...]:
    """Return the invoices whose money is disputed; they stay the same while it is open."""
    if not seen.is_open:
        return ()
    if known and known.is_open:
        return known.flagged
    return tuple(dict.fromkeys([payment.invoice, *(each.invoice for each in payment.allocations)]))


def _movement(booked: BalanceTransaction, found: StripeDispute) -> Movement:
    """Return a movement; an amount in another currency counts as the whole, which it always is."""
    amount = -booked.amount
    if booked.currency != found.currency and amount:
        amount = found.amount if amount > 0 else -found.amount
    return Movement(
        id=booked.id,
        amount=amount,
        fee=booked.fee,
        fee_currency=booked.currency,
        settled=_settled(booked, found),
        at=_time(booked.created or found.created),
    )


def _settled(booked: BalanceTransaction, found: StripeDispute) -> Settlement | None:
    return booked.settled(found.currency) if booked.amount else None


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _text(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
