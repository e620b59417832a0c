"""An attempt is one try to collect: the first durable row, before Stripe is asked."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from payments.errors import InvalidTransition
from payments.facts.fact import Fact
from payments.facts.module import OnActionRequired
from payments.facts.payment import Allocation

#: Stripe may forget an idempotency key after 24 hours; a later replay would make a second object.
REPLAY_MAX = timedelta(hours=23)
#: When the sweep looks at an attempt that its own request has left open.
SWEEP_AFTER = timedelta(minutes=2)
#: How long a payer has to confirm with their bank. People who read mail once a week can still do
#: it, and no invoice is blocked for longer. After that its link still works, for a new payment.
CONFIRM_WITHIN = timedelta(days=7)
#: When Stripe is asked about a payer on their bank's page, and how often about one who is not.
ASK_BANK_AFTER, ASK_BANK_EVERY = timedelta(minutes=30), timedelta(days=1)


class AttemptStatus(StrEnum):
    """What is known of the attempt; only Stripe's answer makes it final."""

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
    """The way in which an attempt collects."""

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
        """Whether the payer is present and may begin again, which closes their older page."""
        return self not in {Channel.CHARGE, Channel.AUTO}


_S = AttemptStatus
_ENDS = frozenset({_S.SUCCEEDED, _S.FAILED, _S.CANCELED, _S.EXPIRED})
#: Every legal transition. Only a late success leads out of an end.
TRANSITIONS: dict[AttemptStatus, frozenset[AttemptStatus]] = {
    # Processing, since a payer may be quicker than the request that stores the session's id.
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
    """Why Stripe says that no money moved: fields of its error and of the charge's outcome."""

    code: str
    decline_code: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    outcome_type: str | None = None
    risk_level: str | None = None
    charge: str | None = None

    @property
    def asks_payer(self) -> bool:
        """Whether the bank would have paid if the card's owner had confirmed."""
        return "authentication_required" in {self.code, self.decline_code}


class WayBack(NamedTuple):
    """Where Checkout leads a payer who has paid, and one who has not."""

    success_url: str
    cancel_url: str


class Attempt(Fact):
    """
    One try to collect `amount` minor units; `payment_intent` and `session` are Stripe's ids.

    Each id is empty until it is known.
    """

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
    #: Stripe had the first one no more, so that it is asked for once more, under another key.
    renewed: bool = False
    payment_method: str | None = None
    link: str | None = None
    #: Whether what it brings is the fixed part that the link is for.
    fills_link: bool = False
    payment_intent: str | None = None
    session: str | None = None
    session_url: str | None = None
    #: For a pay link: the address of this deployment. No row has the link's token.
    return_url: str | None = None
    #: For a storefront's session: where it leads to.
    success_url: str | None = None
    cancel_url: str | None = None
    #: The language of the hosted page; None means that of the payer's browser.
    locale: str | None = None
    #: Whether the payer consents to saving the card, and under which text.
    save_card: bool = False
    consent_text: str | None = None
    #: The platform's fee, in minor units.
    application_fee: int | None = None
    #: The surcharge on top of `amount`; the invoices ask for `amount`.
    surcharge: int = 0
    #: The keyed hash of the payer's address, where a payer asks; see velocity_limits.
    payer: str | None = None
    #: Which of Stripe's payment methods its page may show; empty means all.
    methods: tuple[str, ...] = ()
    decline: Decline | None = None
    #: For a saved card: whether it waits for the card's owner, if the bank asks for them.
    on_action_required: OnActionRequired = "fail"
    #: Until when it waits for them, how often they went to their bank, and when they did last.
    confirm_by: datetime | None = None
    confirmations: int = 0
    confirming_since: datetime | None = None
    sweep_at: datetime | None = None
    #: When its present state was found out.
    changed_at: datetime | None = None
    #: For a charge of several invoices: the amount of each. The first is `invoice`.
    allocations: tuple[Allocation, ...] = ()

    @property
    def shares(self) -> tuple[Allocation, ...]:
        """The amount of each invoice; they sum to `amount`."""
        return self.allocations or (Allocation(invoice=self.invoice, amount=self.amount),)

    def share_of(self, invoice: str) -> int:
        """Return the amount of one of its invoices."""
        return sum(share.amount for share in self.shares if share.invoice == invoice)

    @property
    def charged(self) -> int:
        """The amount that Stripe is asked to take."""
        return self.amount + self.surcharge

    @property
    def is_open(self) -> bool:
        """Whether it may still bring money."""
        return self.status not in _ENDS

    @property
    def is_at_stripe(self) -> bool:
        """Whether it is stored by which id it is known at Stripe."""
        return self.session is not None or self.payment_intent is not None

    def is_due(self, by: datetime) -> bool:
        """Whether the sweep looks at it by then."""
        return self.sweep_at is not None and self.sweep_at <= by

    def is_hastened(self, by: datetime) -> bool:
        """
        Whether the sweep certainly looks at it by then.

        The request that still opens it puts it off, unless it finds the row changed.
        """
        return self.is_due(by) and self.status is not AttemptStatus.CREATED

    @property
    def asks_payer(self) -> bool:
        """Whether the card's owner gets the bank's question, instead of the attempt ending."""
        return self.on_action_required == "send_link"

    @property
    def waits(self) -> bool:
        """Whether the payer has to confirm it now."""
        return self.status is _S.ACTION_REQUIRED

    @property
    def gives_way(self) -> bool:
        """Whether another attempt may close it: it brings no money unless its payer acts."""
        return self.channel.has_payer or self.waits

    def waiting(self, now: datetime, decline: Decline | None) -> dict[str, Any]:
        """Return the changes with which it begins to wait for its payer, or goes on to wait."""
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
        """Return it with its payer on the way to the bank, which counts one more request."""
        return self.become(
            _S.ACTION_REQUIRED,
            confirmations=self.confirmations + 1,
            confirming_since=now,
            sweep_at=now + ASK_BANK_AFTER,
        )

    def is_waited_for(self, now: datetime) -> bool:
        """Whether it still waits for its payer; one who has just gone to their bank may finish."""
        until = self.confirm_by or now
        gone = self.confirming_since
        return now < (max(until, gone + ASK_BANK_AFTER) if gone else until)

    def end_of_cancel(self, decline: Decline | None, now: datetime) -> AttemptStatus:
        """Return its status once its intent is canceled; `decline` is why the intent had failed."""
        if not self.waits or (decline and not decline.asks_payer):
            return _S.FAILED if decline else _S.CANCELED
        return _S.EXPIRED if self.confirm_by and self.confirm_by <= now else _S.CANCELED

    def stripe_key(self, step: str) -> str:
        """Return the idempotency key of one of its requests; every replay has the same key."""
        return f"{self.tenant}:{self.id}:{step}{':again' if self.renewed else ''}"

    def may_replay(self, now: datetime) -> bool:
        """Whether Stripe still knows its idempotency keys."""
        return now - self.created_at < REPLAY_MAX

    def session_expires_at(self) -> datetime:
        """When its page ends: before its creation can no longer be replayed."""
        return self.created_at + REPLAY_MAX

    def become(self, status: AttemptStatus, **changes: object) -> "Attempt":
        """Return it in `status`; refuse a transition that is not in the table."""
        if status is not self.status and status not in TRANSITIONS[self.status]:
            raise InvalidTransition(
                f"Attempt {self.id} is {self.status} and cannot become {status}."
            )
        return self.having(**{"sweep_at": None, **changes, "status": status})
