"""An invoice asks one customer for money, and knows how much of it has arrived."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from payments.errors import (
    ExceedsOutstanding,
    FeatureDisabled,
    InvalidTransition,
    InvoiceDisputed,
    InvoiceNotPayable,
)
from payments.facts.attempt import Attempt
from payments.facts.claim import Claim, Collection
from payments.facts.fact import Fact
from payments.money import Money, require_chargeable, require_rest


class InvoiceStatus(StrEnum):
    """The base status; facets say what else is going on."""

    DRAFT = "draft"
    OPEN = "open"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    REFUNDED = "refunded"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


class Trouble(StrEnum):
    """What is out of the ordinary."""

    NONE = "none"
    #: Another amount came than its attempt had asked for.
    AMOUNT_MISMATCH = "amount_mismatch"
    #: A refund has not reached its payer.
    REFUND_FAILED = "refund_failed"
    OVERPAID = "overpaid"
    PAID_LATE = "paid_late"
    DISPUTED = "disputed"
    CHARGED_BACK = "charged_back"


PAYABLE = frozenset({InvoiceStatus.OPEN, InvoiceStatus.PARTIALLY_PAID})


class Line(Fact):
    """One line; `tax_rate` and `tax_amount` are the caller's figures, never computed here."""

    description: str
    quantity: int
    unit_amount: int
    tax_rate: Decimal | None = None
    tax_amount: int | None = None

    @property
    def amount(self) -> int:
        """Minor units, with tax as it was given."""
        return self.quantity * self.unit_amount + (self.tax_amount or 0)


class Invoice(Fact):
    """An invoice; amounts are minor units of `currency`, and a change returns a new value."""

    id: str
    tenant: str
    number: str
    customer: str
    currency: str
    total: int
    created_at: datetime
    module: str | None = None
    order_ref: str | None = None
    lines: tuple[Line, ...] = ()
    allow_partial: bool = False
    min_partial: int | None = None
    due: date | None = None
    draft: bool = False
    voided_at: datetime | None = None
    written_off_at: datetime | None = None
    #: The Stripe account and mode of the last attempt; once money has come, all later ones.
    account: str | None = None
    mode: str | None = None
    #: Whether such money has come; None in older rows, where any attempt was enough.
    bound: bool | None = None
    #: The surcharge that payers paid on top; it is part of the total from then on.
    surcharged: int = 0
    settled: int = 0
    refunded: int = 0
    refund_pending: int = 0
    charged_back: int = 0
    credited: int = 0
    #: How much of its payments belongs to no invoice: credit, or money on its way back.
    overpaid: int = 0
    #: Trouble that amounts do not show; the facet is `trouble`.
    exception: Trouble = Trouble.NONE
    #: Its customer was erased, so no personal data is added any more.
    erased: Literal[True] | None = None
    #: How many open disputes are about its money.
    open_disputes: int = 0
    claim: Claim | None = None
    #: Since when its order may be shipped. It stays so: shipped goods do not come back.
    released_at: datetime | None = None
    version: int = 1

    @property
    def paid(self) -> int:
        """The amount that has arrived and stayed."""
        return self.settled - self.refunded - self.charged_back

    @property
    def outstanding(self) -> int:
        """The amount that is still owed; 0 after an overpayment."""
        return max(0, self.total - self.credited - self.paid)

    @property
    def excess(self) -> int:
        """The amount paid beyond the total: money came back for what was paid meanwhile."""
        return max(0, self.paid + self.credited - self.total)

    @property
    def reserved(self) -> int:
        """The amount that the open attempt may still bring."""
        return self.claim.amount if self.claim else 0

    @property
    def collectable(self) -> int:
        """The amount that a new attempt may ask for."""
        return max(0, self.outstanding - self.reserved)

    @property
    def status(self) -> InvoiceStatus:
        """The status, computed from the amounts and flags, so that it cannot contradict them."""
        if self.voided_at:
            return InvoiceStatus.VOID
        if self.draft:
            return InvoiceStatus.DRAFT
        if self.outstanding == 0:
            given_back = self.refunded and not self.paid
            return InvoiceStatus.REFUNDED if given_back else InvoiceStatus.PAID
        if self.written_off_at:
            return InvoiceStatus.UNCOLLECTIBLE
        return InvoiceStatus.PARTIALLY_PAID if self.paid > 0 else InvoiceStatus.OPEN

    @property
    def collection(self) -> Collection:
        """The facet that says what the open attempt is doing."""
        return self.claim.collection if self.claim else Collection.IDLE

    @property
    def is_bound(self) -> bool:
        """Whether money of its account and mode has come, so that later attempts stay there."""
        return self.bound if self.bound is not None else bool(self.mode and self.settled)

    def takes(self, mode: str | None) -> bool:
        """Whether money of a mode may pay it: test and live never meet."""
        return not self.is_bound or mode in {None, self.mode}

    def bind(self, account: str | None, mode: str | None) -> "Invoice":
        """Keep it in the account and mode of which money has come; the first one decides."""
        return self if self.is_bound else self.having(account=account, mode=mode, bound=True)

    @property
    def waits_for_payer(self) -> bool:
        """Whether the payer of its open attempt has to confirm it with their bank."""
        return self.collection is Collection.ACTION_REQUIRED

    @property
    def trouble(self) -> Trouble:
        """
        The facet that says what is out of the ordinary, while it is so.

        What a bank does comes first. Money that a bank took is no trouble once it is paid again.
        Nor is an overpayment once it has paid another invoice or gone back.
        """
        if self.open_disputes:
            return Trouble.DISPUTED
        if self.charged_back and self.outstanding:
            return Trouble.CHARGED_BACK
        if self.exception is not Trouble.NONE or self.overpaid <= 0:
            return self.exception
        return Trouble.PAID_LATE if self.voided_at else Trouble.OVERPAID

    @property
    def held_for(self) -> str | None:
        """Why its order may not be shipped yet; None once undisputed money covers it."""
        if self.released_at:
            return None
        if self.open_disputes:
            return Trouble.DISPUTED
        if self.exception is Trouble.AMOUNT_MISMATCH:
            return self.exception
        if self.status is InvoiceStatus.PAID:
            return None
        if self.charged_back:
            return Trouble.CHARGED_BACK
        return "processing" if self.collection is Collection.PROCESSING else "unpaid"

    def release(self, now: datetime) -> "Invoice":
        """Return it with its order released, if nothing prevents it; that happens once."""
        held = self.held_for or self.released_at
        return self if held else self.having(released_at=now)

    def frees_after(self, before: "Invoice") -> bool:
        """Whether its order may be shipped now and could not before."""
        return self.released_at is not None and before.released_at is None

    def require_payable(self) -> None:
        """Refuse to collect for a draft, a paid, a void or a disputed invoice."""
        if self.open_disputes:
            raise InvoiceDisputed(
                f"A payment of invoice {self.number} is in dispute.", invoice=self.id
            )
        if self.status not in PAYABLE:
            raise InvoiceNotPayable(f"Invoice {self.number} is {self.status}.", invoice=self.id)

    def require_collectable(self, amount: int | None, *, beside: int = 0) -> Money:
        """
        Return what an attempt for `amount` would ask for, or refuse; None means all that is left.

        `beside` is the amount of an open attempt that this one will replace.
        """
        self.require_payable()
        most = self.collectable + beside
        money = Money(most if amount is None else amount, self.currency)
        if money.amount > most:
            raise ExceedsOutstanding(
                f"Only {Money(most, self.currency)} can be collected.", collectable=most
            )
        if money.amount < most:
            self.require_partial()
        if money.amount < min(most, self.min_partial or 0):
            raise FeatureDisabled(
                f"A part payment is at least {Money(self.min_partial or 0, self.currency)}."
            )
        require_chargeable(money)
        require_rest(most - money.amount, self.currency)
        return money

    def require_partial(self) -> None:
        """Refuse a part payment where the merchant wants all of it at once."""
        if not self.allow_partial:
            raise FeatureDisabled(f"Invoice {self.number} takes no part payments.")

    def claim_for(self, attempt: Attempt) -> "Invoice":
        """Return it with a claim of `attempt`; the caller has checked that there is no other."""
        claim = Claim(
            attempt=attempt.id,
            home=attempt.invoice,
            amount=attempt.share_of(self.id),
            channel=attempt.channel,
        )
        return self.having(
            claim=claim, account=attempt.account, mode=attempt.mode, bound=self.is_bound
        )

    def follow(self, attempt: Attempt) -> "Invoice":
        """Return it with the claim as its attempt now is; an ended attempt frees the claim."""
        if not self.claim or self.claim.attempt != attempt.id:
            return self
        claim = self.claim.follow(attempt)
        return self if claim is self.claim else self.having(claim=claim)

    @property
    def owed(self) -> int:
        """The amount that new money may be allocated to: nothing for a void invoice."""
        return 0 if self.voided_at else self.outstanding

    def receive(self, amount: int, *, beyond: int = 0) -> "Invoice":
        """Return it with `amount` allocated; `beyond` came too and is the customer's credit."""
        return self.having(settled=self.settled + amount).overpay(beyond)

    def overpay(self, amount: int) -> "Invoice":
        """Return it with more, or less, of its payments as no invoice's."""
        return self.having(overpaid=self.overpaid + amount) if amount else self

    def set_free(self, amount: int) -> "Invoice":
        """Return it with money that it does not need as its customer's credit."""
        return self.having(settled=self.settled - amount)

    def surcharge(self, amount: int) -> "Invoice":
        """Return it with the surcharge that its payer has agreed to, now that it has come."""
        return self.having(total=self.total + amount, surcharged=self.surcharged + amount)

    def give_back(self, *, pending: int, given: int, credited: int) -> "Invoice":
        """Return it with a refund's step: pending, given back, and credited by a note."""
        return self.having(
            refund_pending=self.refund_pending + pending,
            refunded=self.refunded + given,
            credited=self.credited + credited,
        )

    def disputed(self, *, opened: int, lost: int) -> "Invoice":
        """Return it with disputes that began (or ended, if negative), and what one took."""
        return self.having(
            open_disputes=self.open_disputes + opened, charged_back=self.charged_back + lost
        )

    def finalize(self) -> "Invoice":
        """Return a draft as an open invoice."""
        if not self.draft:
            raise InvalidTransition(f"Invoice {self.number} is {self.status}, not a draft.")
        return self.having(draft=False)

    def charge_anew(self, total: int, lines: tuple[Line, ...]) -> "Invoice":
        """Return it with another total; its claim was closed before, and payments stay."""
        self.require_free()
        total += self.surcharged
        if total < self.paid + self.credited + self.refund_pending:
            raise InvalidTransition(
                f"{Money(self.paid + self.credited, self.currency)} of it are settled already."
            )
        return self.having(total=total, lines=lines)

    def require_free(self) -> None:
        """Refuse while an attempt may still bring money."""
        if self.claim:
            raise InvalidTransition(f"A payment of invoice {self.number} is in progress.")

    def write_off(self, now: datetime) -> "Invoice":
        """Return it written off; money that comes later is still counted."""
        self.require_free()
        if self.status not in PAYABLE:
            raise InvalidTransition(f"Invoice {self.number} is {self.status}.")
        return self.having(written_off_at=now)

    def void(self, now: datetime) -> "Invoice":
        """Return it voided; nothing was ever paid, and its claim was closed before."""
        self.require_voidable()
        self.require_free()
        return self.having(voided_at=now)

    def require_voidable(self) -> None:
        """
        Refuse to void an invoice that has ended or was ever paid.

        Refunded money may return: a refund fails days later, or a bank changes its mind.
        """
        if self.voided_at or self.written_off_at or self.settled:
            paid = " and has been paid" if self.settled else ""
            raise InvalidTransition(
                f"Invoice {self.number} is {self.status}{paid}, and cannot be voided."
            )
