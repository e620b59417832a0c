"""An attempt is one intent to collect: the first durable row, before Stripe hears of it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from payments.errors import InvalidTransition
from payments.facts.fact import Fact
from payments.facts.module import OnActionRequired
from payments.facts.payment import Allocation

#: Stripe may prune an idempotency key after 24 hours; a replay after that makes a second object.
REPLAY_MAX = timedelta(hours=23)
#: When the sweep looks at an attempt that its own request has left behind.
SWEEP_AFTER = timedelta(minutes=2)
#: How long a payer has to confirm with their bank: whoever reads mail once a week has read it, and
#: an invoice is held for nobody for longer. Its link goes on to work, for a payment begun anew.
CONFIRM_WITHIN = timedelta(days=7)
#: When to ask after a payer who has gone to their bank's page, and how often after one who has not.
ASK_BANK_AFTER, ASK_BANK_EVERY = timedelta(minutes=30), timedelta(days=1)


class AttemptStatus(StrEnum):
    """What is known of the attempt; only Stripe's word makes it final."""

    CREATED = "created"
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    ACTION_REQUIRED = "action_required"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class Channel(StrEnum):
    """The way of paying."""

    LINK = "link"
    CHECKOUT = "checkout"
    ELEMENTS = "elements"
    CHARGE = "charge"
    AUTO = "auto"

    @property
    def has_session(self) -> bool:
        """Whether the payer pays in a hosted Checkout Session."""
        return self in {Channel.LINK, Channel.CHECKOUT}

    @property
    def has_payer(self) -> bool:
        """Whether the payer is there, and may begin anew: an older page of theirs is closed."""
        return self not in {Channel.CHARGE, Channel.AUTO}


_S = AttemptStatus
_ENDS = frozenset({_S.SUCCEEDED, _S.FAILED, _S.CANCELED, _S.EXPIRED})
#: Every legal transition. Late success is the only way out of an end.
TRANSITIONS: dict[AttemptStatus, frozenset[AttemptStatus]] = {
    # Processing: a payer may be quicker than the request that stores the session's id.
    _S.CREATED: frozenset({_S.SUBMITTING, _S.UNKNOWN, _S.PROCESSING}) | _ENDS,
    _S.SUBMITTING: frozenset({_S.UNKNOWN, _S.ACTION_REQUIRED, _S.PROCESSING}) | _ENDS,
    _S.UNKNOWN: frozenset({_S.SUBMITTING, _S.ACTION_REQUIRED, _S.PROCESSING}) | _ENDS,
    _S.ACTION_REQUIRED: frozenset({_S.PROCESSING, _S.UNKNOWN}) | _ENDS,
    _S.PROCESSING: frozenset({_S.ACTION_REQUIRED}) | _ENDS,
    _S.SUCCEEDED: frozenset(),
    _S.FAILED: frozenset({_S.SUCCEEDED}),
    _S.CANCELED: frozenset({_S.SUCCEEDED}),
    _S.EXPIRED: frozenset({_S.SUCCEEDED}),
}


class Decline(Fact):
    """
    Why Stripe says no money moved.

    The fields are those of its error and the charge's outcome.
    """

    code: str
    decline_code: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    outcome_type: str | None = None
    risk_level: str | None = None
    charge: str | None = None

    @property
    def asks_payer(self) -> bool:
        """Whether the bank would have paid, had the card's owner been there to confirm."""
        return "authentication_required" in {self.code, self.decline_code}


class WayBack(NamedTuple):
    """Where Checkout sends a payer who has paid, and one who has not."""

    success_url: str
    cancel_url: str


class Attempt(Fact):
    """`amount` is in minor units; `payment_intent` and `session` are Stripe's ids once known."""

    id: str
    tenant: str
    invoice: str
    account: str
    mode: str
    module: str
    customer: str
    channel: Channel
    amount: int
    currency: str
    created_at: datetime
    status: AttemptStatus = AttemptStatus.CREATED
    version: int = 1
    stripe_customer: str | None = None
    payment_method: str | None = None
    link: str | None = None
    payment_intent: str | None = None
    session: str | None = None
    session_url: str | None = None
    #: Of a pay link: the address of this deployment. The link's token is in no row.
    return_url: str | None = None
    #: Of a storefront's session: where it leads to.
    success_url: str | None = None
    cancel_url: str | None = None
    #: In which language the hosted page speaks; None: that of the payer's browser.
    locale: str | None = None
    #: Whether the payer lets the card be kept, and under which text.
    save_card: bool = False
    consent_text: str | None = None
    #: What the platform takes of it, in minor units.
    application_fee: int | None = None
    #: What the payer pays on top of `amount`, which is what is asked for the invoices.
    surcharge: int = 0
    #: By what its payer's address is known, where it is the payer who asks; see limiting.
    payer: str | None = None
    #: What its page may show of Stripe's payment methods; empty, all of them.
    methods: tuple[str, ...] = ()
    decline: Decline | None = None
    #: Of a saved card: whether it waits for its owner, should the bank want to hear them.
    on_action_required: OnActionRequired = "fail"
    #: Until when it waits for them, how often they have gone to their bank, and when they did last.
    confirm_by: datetime | None = None
    confirmations: int = 0
    confirming_since: datetime | None = None
    sweep_at: datetime | None = None
    #: When its present state was found out.
    changed_at: datetime | None = None
    #: Where one charge pays several invoices: what is asked for each. The first is `invoice`.
    allocations: tuple[Allocation, ...] = ()

    @property
    def shares(self) -> tuple[Allocation, ...]:
        """What is asked for each invoice; they sum to `amount`."""
        return self.allocations or (Allocation(invoice=self.invoice, amount=self.amount),)

    def share_of(self, invoice: str) -> int:
        """Return what is asked for one of its invoices."""
        return sum(share.amount for share in self.shares if share.invoice == invoice)

    @property
    def charged(self) -> int:
        """What Stripe is asked to take."""
        return self.amount + self.surcharge

    @property
    def is_open(self) -> bool:
        """Whether money may still come of it."""
        return self.status not in _ENDS

    def is_due(self, by: datetime) -> bool:
        """Whether the sweep looks at it by then."""
        return self.sweep_at is not None and self.sweep_at <= by

    def is_hastened(self, by: datetime) -> bool:
        """
        Whether the sweep looks at it by then for certain.

        One that is still being opened is put off by its own request, unless that finds it changed.
        """
        return self.is_due(by) and self.status is not AttemptStatus.CREATED

    @property
    def asks_payer(self) -> bool:
        """Whether a bank's question goes to the card's owner, instead of ending it."""
        return self.on_action_required == "send_link"

    @property
    def waits(self) -> bool:
        """Whether it is the payer's turn to confirm."""
        return self.status is _S.ACTION_REQUIRED

    @property
    def gives_way(self) -> bool:
        """Whether it is closed for another one: nothing comes of it unless a payer acts."""
        return self.channel.has_payer or self.waits

    def waiting(self, now: datetime, decline: Decline | None) -> dict[str, Any]:
        """Return what changes when it begins to wait for its payer, or goes on to."""
        until = self.confirm_by or now + CONFIRM_WITHIN
        return {
            "confirm_by": until,
            "decline": decline or self.decline,
            "sweep_at": min(until, now + ASK_BANK_EVERY),
        }

    def having_waited(self, now: datetime) -> "Attempt":
        """Return it as it goes on to wait."""
        return self.become(_S.ACTION_REQUIRED, **self.waiting(now, None))

    def confirming(self, now: datetime) -> "Attempt":
        """Return it with its payer on the way to the bank: the next request to confirm it."""
        return self.become(
            _S.ACTION_REQUIRED,
            confirmations=self.confirmations + 1,
            confirming_since=now,
            sweep_at=now + ASK_BANK_AFTER,
        )

    def is_waited_for(self, now: datetime) -> bool:
        """Whether it is still left to its payer; who has just gone to their bank may finish."""
        until = self.confirm_by or now
        gone = self.confirming_since
        return now < (max(until, gone + ASK_BANK_AFTER) if gone else until)

    def end_of_cancel(self, decline: Decline | None, now: datetime) -> AttemptStatus:
        """Return what it is once its intent is canceled; `decline` is why that had failed."""
        if not self.waits or (decline and not decline.asks_payer):
            return _S.FAILED if decline else _S.CANCELED
        return _S.EXPIRED if self.confirm_by and self.confirm_by <= now else _S.CANCELED

    def stripe_key(self, step: str) -> str:
        """Name the one Stripe request that `step` of this attempt is; the same on every replay."""
        return f"{self.tenant}:{self.id}:{step}"

    def may_replay(self, now: datetime) -> bool:
        """Whether Stripe still remembers this attempt's keys."""
        return now - self.created_at < REPLAY_MAX

    def session_expires_at(self) -> datetime:
        """When its page ends: within the time in which its creation may be replayed."""
        return self.created_at + REPLAY_MAX

    def become(self, status: AttemptStatus, **changes: object) -> "Attempt":
        """Return the attempt in `status`, or refuse a transition that is not in the table."""
        if status is not self.status and status not in TRANSITIONS[self.status]:
            raise InvalidTransition(
                f"Attempt {self.id} is {self.status} and cannot become {status}."
            )
        return self.having(**{"sweep_at": None, **changes, "status": status})
