"""What Stripe says of money, cards and their owners; only the members that are used."""

from typing import Any

from pydantic import Field

from payments.facts.attempt import Decline
from payments.facts.fact import Fact
from payments.facts.settlement import Settlement


class Value(Fact):
    """A frozen subset of a Stripe object; members that are not named are dropped."""


class FeePart(Value):
    """A part of a fee: `stripe_fee`, `application_fee`, `tax`, or what Stripe may add."""

    amount: int
    currency: str
    type: str
    description: str | None = None


class BalanceTransaction(Value):
    """What Stripe booked, in minor units of the settlement currency."""

    id: str
    amount: int
    fee: int
    net: int
    currency: str
    created: int | None = None
    fee_details: tuple[FeePart, ...] = ()

    @property
    def settlement(self) -> Settlement:
        """What it moved, in any currency."""
        return Settlement(amount=self.amount, currency=self.currency, balance_transaction=self.id)

    def settled(self, currency: str) -> Settlement | None:
        """Return what it moved, if Stripe has converted what was in `currency`."""
        return None if self.currency == currency else self.settlement


class ApplicationFee(Value):
    """What the platform took of a charge, and what of it it has given back."""

    id: str
    amount: int
    amount_refunded: int = 0
    currency: str


class Card(Value):
    """What may be shown of a card."""

    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    #: The same for one card number in one Stripe account, however often it is entered.
    fingerprint: str | None = None


class ChargedCard(Card):
    """A card as a charge shows it, with the issuer's word."""

    authorization_code: str | None = None


class MethodDetails(Value):
    """How a charge was paid."""

    card: ChargedCard | None = None


class Outcome(Value):
    """Who decided about a charge: the issuer, or Stripe's own rules."""

    type: str | None = None
    risk_level: str | None = None


class Charge(Value):
    """A Stripe charge, as far as the books need it."""

    id: str
    amount: int
    currency: str
    created: int
    paid: bool = False
    amount_refunded: int = 0
    balance_transaction: BalanceTransaction | str | None = None
    payment_method_details: MethodDetails | None = None
    receipt_url: str | None = None
    outcome: Outcome | None = None
    payment_intent: str | None = None
    application_fee: ApplicationFee | str | None = None
    payment_method: str | None = None

    @property
    def settled(self) -> Settlement | None:
        """What Stripe made of it in another currency; None also while that is not known."""
        booked = self.balance_transaction
        return booked.settled(self.currency) if isinstance(booked, BalanceTransaction) else None

    @property
    def card(self) -> ChargedCard:
        """Brand and last four, empty for what is not a card."""
        details = self.payment_method_details
        return (details.card if details else None) or ChargedCard()


class Redirect(Value):
    """Where a payer has to go."""

    url: str


class NextAction(Value):
    """What Stripe wants of the payer."""

    type: str
    redirect_to_url: Redirect | None = None


class Intent(Value):
    """A PaymentIntent. Money has arrived if, and only if, its status is `succeeded`."""

    id: str
    status: str
    amount: int
    currency: str
    livemode: bool
    created: int
    amount_received: int = 0
    customer: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    latest_charge: Charge | str | None = None
    last_payment_error: dict[str, Any] | None = None
    next_action: NextAction | None = None
    #: Only ever passed on to the payer's browser.
    client_secret: str | None = Field(default=None, repr=False)

    @property
    def decline(self) -> Decline | None:
        """Why the last try did not succeed, and who decided; None if there was none."""
        error = self.last_payment_error
        if not error:
            return None
        charge = self.latest_charge if isinstance(self.latest_charge, Charge) else None
        outcome = (charge.outcome if charge else None) or Outcome()
        return Decline(
            code=error.get("code") or "card_declined",
            decline_code=error.get("decline_code"),
            advice_code=error.get("advice_code"),
            network_decline_code=error.get("network_decline_code"),
            outcome_type=outcome.type,
            risk_level=outcome.risk_level,
            charge=error.get("charge"),
        )

    @property
    def awaits_payer(self) -> bool:
        """Whether it goes on as soon as its payer confirms it with their bank."""
        if self.status == "requires_payment_method":
            return self.decline is not None and self.decline.asks_payer
        return self.status == "requires_action"

    @property
    def bank_page(self) -> str | None:
        """Where the payer confirms it; None if they are not asked, or not by a page."""
        action = self.next_action if self.status == "requires_action" else None
        return action.redirect_to_url.url if action and action.redirect_to_url else None

    @property
    def charge_id(self) -> str:
        """The id of its charge, fetched or not; empty without one."""
        told = self.latest_charge
        return told.id if isinstance(told, Charge) else told or ""

    @property
    def charge(self) -> Charge:
        """The charge that succeeded; an intent without one raises, since the caller has a bug."""
        if not isinstance(self.latest_charge, Charge):
            msg = f"Bug! {self.id} was fetched without its charge."
            raise TypeError(msg)
        return self.latest_charge


class StripeRefund(Value):
    """A refund as Stripe tells it, with the PaymentIntent that names its owner."""

    id: str
    status: str
    amount: int
    currency: str
    created: int
    charge: str | None = None
    payment_intent: Intent | str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    reason: str | None = None
    failure_reason: str | None = None
    pending_reason: str | None = None
    balance_transaction: BalanceTransaction | str | None = None
    #: What came back when it did not reach the payer.
    failure_balance_transaction: BalanceTransaction | str | None = None

    @property
    def settlements(self) -> dict[str, Settlement]:
        """What it moved and what came back; nothing where all of it is in its own currency."""
        told = {"settled": self.balance_transaction, "returned": self.failure_balance_transaction}
        legs = {
            name: booked.settlement
            for name, booked in told.items()
            if isinstance(booked, BalanceTransaction)
        }
        return legs if any(leg.currency != self.currency for leg in legs.values()) else {}


class PaymentMethod(Value):
    """A saved PaymentMethod."""

    id: str
    card: Card | None = None
    customer: str | None = None


class SetupIntent(Value):
    """A SetupIntent: a card was, or was not, saved."""

    id: str
    status: str
    client_secret: str | None = None
    customer: str | None = None
    payment_method: PaymentMethod | str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


class StripeCustomer(Value):
    """A customer at Stripe; of a deleted one only the id is left."""

    id: str
    deleted: bool = False


class Session(Value):
    """
    A Checkout Session.

    `complete` says that the page is done, `payment_status` whether money came.
    """

    id: str
    status: str
    mode: str
    livemode: bool
    url: str | None = None
    payment_status: str | None = None
    #: The invoice that it was made for: unlike metadata, nobody can change it.
    client_reference_id: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    payment_intent: Intent | str | None = None
    setup_intent: SetupIntent | str | None = None


class EvidenceDetails(Value):
    """How far the answer to a dispute is; its content is never fetched into a value."""

    due_by: int | None = None
    has_evidence: bool = False
    submission_count: int = 0


class DisputedCard(Value):
    """The network's word for a dispute."""

    network_reason_code: str | None = None


class DisputedMethod(Value):
    """How the disputed charge was paid."""

    card: DisputedCard | None = None


class StripeDispute(Value):
    """A dispute; only its balance transactions say what money moved, whatever its status."""

    id: str
    status: str
    amount: int
    currency: str
    charge: str
    created: int
    livemode: bool
    reason: str
    is_charge_refundable: bool = False
    evidence_details: EvidenceDetails = Field(default_factory=EvidenceDetails)
    balance_transactions: tuple[BalanceTransaction, ...] = ()
    payment_method_details: DisputedMethod | None = None
    payment_intent: Intent | str | None = None

    @property
    def network_reason(self) -> str | None:
        """The network's own code of the reason."""
        card = self.payment_method_details.card if self.payment_method_details else None
        return card.network_reason_code if card else None
