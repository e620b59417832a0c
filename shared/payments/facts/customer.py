"""A customer pays invoices; Stripe has the cards, and only their description is stored here."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import Field

from payments.errors import CustomerErased, CustomerNotEnabled
from payments.facts.attempt import Attempt
from payments.facts.fact import Fact

#: By then an attempt has long ended; DynamoDB deletes the row that says which card it used.
USE_KEPT = timedelta(days=90)
#: How long before a card expires its owner is told.
WARN_BEFORE = timedelta(days=31)
#: The placeholder for something erased that must not be empty.
ERASED = "erased"


class Customer(Fact):
    """A customer; `ref` is the caller's own id. Online payment is off until a caller allows it."""

    ref: str
    tenant: str
    name: str
    created_at: datetime
    email: str | None = None
    #: The locale of mails to them: a language, perhaps with a region, like `de-AT`.
    locale: str | None = None
    online_payment_enabled: bool = False
    #: Stripe customer ids by `{account}:{mode}`: an id of one account means nothing in another.
    stripe_ids: dict[str, str] = Field(default_factory=dict)
    #: In which of these Stripe still knows another name or address.
    stale: tuple[str, ...] = ()
    default_payment_method: str | None = None
    #: Since when no personal data is kept of them, nor may be.
    erased_at: datetime | None = None
    version: int = 1

    def named(self, name: str, email: str | None) -> "Customer":
        """Return them by another name and address, of which Stripe has not heard."""
        same = (self.name, self.email) == (name, email)
        stale = self.stale if same else tuple(self.stripe_ids)
        return self.having(name=name, email=email, stale=stale)

    def fresh_at(self, where: str) -> "Customer":
        """Return them as Stripe knows them there now."""
        return self.having(stale=tuple(each for each in self.stale if each != where))

    def require_enabled(self) -> None:
        """Refuse an online payment by a customer for whom it is not enabled."""
        if not self.online_payment_enabled:
            raise CustomerNotEnabled(
                f"Customer {self.ref} is not enabled to pay online.", customer=self.ref
            )

    def require_known(self) -> None:
        """Refuse anything new for a customer who was erased."""
        if self.erased_at:
            raise CustomerErased(
                f"Customer {self.ref} was erased. Use another reference for a new one.",
                customer=self.ref,
            )

    def erase(self, now: datetime) -> "Customer":
        """Return the customer without personal data, for good."""
        return self.having(
            name=ERASED,
            email=None,
            locale=None,
            online_payment_enabled=False,
            default_payment_method=None,
            stale=(),
            erased_at=now,
        )


class CardStatus(StrEnum):
    """`detaching` is not charged any more, though Stripe has not been asked yet."""

    ACTIVE = "active"
    DETACHING = "detaching"
    DETACHED = "detached"


class SavedMethod(Fact):
    """
    A card saved at Stripe, with the evidence of its owner's consent.

    `consent_text` names the text that they agreed to, `setup_intent` Stripe's own record of it.
    """

    id: str
    tenant: str
    customer: str
    account: str
    mode: str
    stripe_customer: str
    setup_intent: str
    consented_at: datetime
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None
    consent_text: str | None = None
    status: CardStatus = CardStatus.ACTIVE
    detached_at: datetime | None = None
    #: The month of expiry that is done: its owner was told, or it is too late.
    warned_for: str | None = None
    put_off_until: datetime | None = None
    version: int = 1

    @property
    def is_active(self) -> bool:
        """Whether it may be charged."""
        return self.status is CardStatus.ACTIVE

    @property
    def expires_at(self) -> datetime | None:
        """When it can no longer be charged: at the end of its month."""
        if not self.exp_month or not self.exp_year:
            return None
        later, month = divmod(self.exp_month, 12)
        return datetime(self.exp_year + later, month + 1, 1, tzinfo=UTC)

    @property
    def expiry(self) -> str:
        """The month in which it expires, as `2027-03`."""
        return f"{self.exp_year}-{self.exp_month or 0:02}"

    @property
    def sweep_at(self) -> datetime | None:
        """When its owner is to be told; a card that the bank renews gets a new time at once."""
        if not self.is_active or not self.expires_at or self.warned_for == self.expiry:
            return None
        due = self.expires_at - WARN_BEFORE
        return max(due, self.put_off_until) if self.put_off_until else due

    def erase(self, now: datetime) -> "SavedMethod":
        """Return it detached, and without a description."""
        described = ("brand", "last4", "exp_month", "exp_year", "fingerprint")
        gone = {"status": CardStatus.DETACHED, "detached_at": self.detached_at or now}
        named = dict.fromkeys(("stripe_customer", "setup_intent"), ERASED)
        return self.having(**dict.fromkeys(described), **named, **gone)

    @property
    def slot(self) -> str:
        """The account and mode in which it is saved."""
        return f"{self.account}:{self.mode}"


class CardUse(Fact):
    """Says which attempt charges a card; the transaction that begins the charge writes it."""

    tenant: str
    customer: str
    payment_method: str
    invoice: str
    attempt: str
    ttl: int
    version: int = 1

    @classmethod
    def of(cls, attempt: Attempt, payment_method: str) -> "CardUse":
        """Return the card use of an attempt."""
        return cls(
            tenant=attempt.tenant,
            customer=attempt.customer,
            payment_method=payment_method,
            invoice=attempt.invoice,
            attempt=attempt.id,
            ttl=int((attempt.created_at + USE_KEPT).timestamp()),
        )
