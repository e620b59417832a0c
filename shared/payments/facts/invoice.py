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
    """The base state; facets say what else is going on."""

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
    #: Money that was promised back has not reached its payer.
    REFUND_FAILED = "refund_failed"
    OVERPAID = "overpaid"
    PAID_LATE = "paid_late"
    DISPUTED = "disputed"
    CHARGED_BACK = "charged_back"


PAYABLE = frozenset({InvoiceStatus.OPEN, InvoiceStatus.PARTIALLY_PAID})


class Line(Fact):
    """One position; `tax_rate` and `tax_amount` are the caller's figures, never computed here."""

    description: str
    quantity: int
    unit_amount: int
    tax_rate: Decimal | None = None
    tax_amount: int | None = None

    @property
    def amount(self) -> int:
        """Minor units, tax included as it was given."""
        return self.quantity * self.unit_amount + (self.tax_amount or 0)


class Invoice(Fact):
    """Amounts are minor units of `currency`. A change returns a new value."""

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
    #: Which Stripe account and mode the first attempt used; later ones stay there.
    account: str | None = None
    mode: str | None = None
    #: What payers paid on top of it for paying so; it is part of the total from then on.
    surcharged: int = 0
    settled: int = 0
    refunded: int = 0
    refund_pending: int = 0
    charged_back: int = 0
    credited: int = 0
    #: What of the payments under it is no invoice's: credit, or on its way back to its payer.
    overpaid: int = 0
    #: What amounts do not show; the facet is `trouble`.
    exception: Trouble = Trouble.NONE
    #: Its customer was erased: nothing about a person is added any more.
    erased: Literal[True] | None = None
    #: How many open disputes are about its money.
    open_disputes: int = 0
    claim: Claim | None = None
    #: Since when its order may be shipped. It stays so: what was shipped does not come back.
    released_at: datetime | None = None
    version: int = 1

    @property
    def paid(self) -> int:
        """What has arrived and stayed."""
        return self.settled - self.refunded - self.charged_back

    @property
    def outstanding(self) -> int:
        """What is still owed; an overpayment shows as nothing owed."""
        return max(0, self.total - self.credited - self.paid)

    @property
    def excess(self) -> int:
        """What is paid beyond what it asks for: money came back for what was paid meanwhile."""
        return max(0, self.paid + self.credited - self.total)

    @property
    def reserved(self) -> int:
        """What the open attempt may still bring."""
        return self.claim.amount if self.claim else 0

    @property
    def collectable(self) -> int:
        """What a new attempt may ask for."""
        return max(0, self.outstanding - self.reserved)

    @property
    def status(self) -> InvoiceStatus:
        """A function of the amounts and the flags, so it cannot disagree with them."""
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
    def waits_for_payer(self) -> bool:
        """Whether the payer of its open attempt is to confirm it with their bank."""
        return self.collection is Collection.ACTION_REQUIRED

    @property
    def trouble(self) -> Trouble:
        """
        The facet that says what is out of the ordinary, for as long as it is.

        What a bank does comes first; what it took is no trouble once it is paid again, nor is what
        was too much once it has paid another invoice or gone back.
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
        """Why its order is not to be shipped yet; None once settled, undisputed money covers it."""
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
        """Let its order go, if nothing holds it; once, however often it is paid."""
        held = self.held_for or self.released_at
        return self if held else self.having(released_at=now)

    def frees_after(self, before: "Invoice") -> bool:
        """Whether its order may be shipped, and might not before."""
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
        Return what an attempt for `amount` (all that is left, if None) would ask for, or refuse.

        `beside` is an open attempt's amount that this one is going to replace.
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
        """Give the invoice to `attempt`; the caller has seen to it that nobody else holds it."""
        claim = Claim(
            attempt=attempt.id,
            home=attempt.invoice,
            amount=attempt.share_of(self.id),
            channel=attempt.channel,
        )
        return self.having(claim=claim, account=attempt.account, mode=attempt.mode)

    def follow(self, attempt: Attempt) -> "Invoice":
        """Mirror the state of the attempt that holds the claim; free it when that has ended."""
        if not self.claim or self.claim.attempt != attempt.id:
            return self
        claim = self.claim.follow(attempt)
        return self if claim is self.claim else self.having(claim=claim)

    @property
    def owed(self) -> int:
        """What arriving money may be allocated to it: nothing, once it is void."""
        return 0 if self.voided_at else self.outstanding

    def receive(self, amount: int, *, beyond: int = 0) -> "Invoice":
        """Count what is allocated to it; `beyond` came for it too, and is the customer's credit."""
        return self.having(settled=self.settled + amount).overpay(beyond)

    def overpay(self, amount: int) -> "Invoice":
        """Count more, or less, of the payments under it as no invoice's."""
        return self.having(overpaid=self.overpaid + amount) if amount else self

    def set_free(self, amount: int) -> "Invoice":
        """Count as its customer's credit what has come and is not needed here."""
        return self.having(settled=self.settled - amount)

    def surcharge(self, amount: int) -> "Invoice":
        """Add what its payer has agreed to pay on top, now that it has come."""
        return self.having(total=self.total + amount, surcharged=self.surcharged + amount)

    def give_back(self, *, pending: int, given: int, credited: int) -> "Invoice":
        """Count a refund's step: what is under way, given back, and not owed any more either."""
        return self.having(
            refund_pending=self.refund_pending + pending,
            refunded=self.refunded + given,
            credited=self.credited + credited,
        )

    def disputed(self, *, opened: int, lost: int) -> "Invoice":
        """Count disputes that began (or ended, if negative), and what was lost by one."""
        return self.having(
            open_disputes=self.open_disputes + opened, charged_back=self.charged_back + lost
        )

    def finalize(self) -> "Invoice":
        """Turn a draft into an open invoice."""
        if not self.draft:
            raise InvalidTransition(f"Invoice {self.number} is {self.status}, not a draft.")
        return self.having(draft=False)

    def charge_anew(self, total: int, lines: tuple[Line, ...]) -> "Invoice":
        """Ask for another total; its claim has been closed before, and what is paid stays paid."""
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
        """Give up hope for what is outstanding; money that comes all the same is still counted."""
        self.require_free()
        if self.status not in PAYABLE:
            raise InvalidTransition(f"Invoice {self.number} is {self.status}.")
        return self.having(written_off_at=now)

    def void(self, now: datetime) -> "Invoice":
        """Withdraw an invoice for which nothing was ever paid; its claim has been closed before."""
        self.require_voidable()
        self.require_free()
        return self.having(voided_at=now)

    def require_voidable(self) -> None:
        """
        Refuse to withdraw what has ended, or was ever paid.

        Money that was given back may return: a refund fails days later, a bank changes its mind.
        """
        if self.voided_at or self.written_off_at or self.settled:
            paid = " and has been paid" if self.settled else ""
            raise InvalidTransition(
                f"Invoice {self.number} is {self.status}{paid}, and cannot be voided."
            )
