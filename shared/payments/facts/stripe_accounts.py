"""What Stripe says of accounts, their connections, and its events."""

from pydantic import Field

from payments.facts.stripe_objects import Value

#: The status of a capability that may be used.
OK = "active"


class Named(Value):
    """An object of which only the id matters."""

    id: str = ""


class EventData(Value):
    """What an event is about."""

    object: Named


class Event(Value):
    """An event as Stripe lists it; `account` names a connected account."""

    id: str
    type: str
    livemode: bool
    data: EventData
    created: int = 0
    account: str | None = None


class WebhookEndpoint(Value):
    """A webhook endpoint; Stripe tells its secret at creation only."""

    id: str
    url: str
    status: str = "enabled"
    api_version: str | None = None
    enabled_events: tuple[str, ...] = ()
    secret: str | None = None


class Requirements(Value):
    """What Stripe still asks of an account, and why it may not work meanwhile."""

    currently_due: tuple[str, ...] = ()
    past_due: tuple[str, ...] = ()
    disabled_reason: str | None = None
    current_deadline: int | None = None

    @property
    def due(self) -> str:
        """What Stripe asks for, the overdue first; empty where it asks for nothing."""
        return ", ".join(self.past_due or self.currently_due)


class ConnectedStripeAccount(Value):
    """An account as its platform, or the account itself, sees it."""

    id: str
    charges_enabled: bool = False
    details_submitted: bool = False
    payouts_enabled: bool = False
    capabilities: dict[str, str] = Field(default_factory=dict)
    requirements: Requirements = Field(default_factory=Requirements)
    metadata: dict[str, str] = Field(default_factory=dict)

    @property
    def may_charge(self) -> bool:
        """Whether Stripe lets it take payments; without cards nothing can be charged here."""
        return self.charges_enabled and self.capabilities.get("card_payments", OK) == OK


class AccountLink(Value):
    """Where a merchant goes on with Stripe's onboarding."""

    url: str


class OAuthToken(Value):
    """The account whose owner consented; the tokens are dropped, and the platform's key is used."""

    stripe_user_id: str
    livemode: bool
    scope: str
