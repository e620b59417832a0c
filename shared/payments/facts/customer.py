"""A customer pays invoices; cards are Stripe's, and only their description is kept."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from payments.errors import CustomerNotEnabled


class Customer(BaseModel):
    """`ref` is the caller's own id. Nobody pays online until somebody has allowed it."""

    model_config = ConfigDict(frozen=True)

    ref: str
    tenant: str
    name: str
    created_at: datetime
    email: str | None = None
    online_payment_enabled: bool = False
    #: Stripe customer ids by `{account}:{mode}`: an id of one account means nothing in another.
    stripe_ids: dict[str, str] = {}
    default_payment_method: str | None = None
    version: int = 1

    def require_enabled(self) -> None:
        """Refuse an online payment by a customer who is not set up for it."""
        if not self.online_payment_enabled:
            raise CustomerNotEnabled(
                f"Customer {self.ref} is not enabled to pay online.", customer=self.ref
            )

    def having(self, **changes: object) -> "Customer":
        """Return it with `changes`."""
        return self.model_copy(update=changes)


class SavedMethod(BaseModel):
    """A card saved at Stripe, with the evidence that its owner agreed."""

    model_config = ConfigDict(frozen=True)

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
    version: int = 1
