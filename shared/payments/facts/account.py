"""An account is a merchant's Stripe account, connected and verified."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from payments.errors import AccountNotActive


class AccountStatus(StrEnum):
    """Computed from the last real probe, never from hope."""

    VERIFYING = "verifying"
    ACTIVE = "active"
    ERROR = "error"


class Check(BaseModel):
    """One permission that was tried at Stripe, and what to do if it is missing."""

    model_config = ConfigDict(frozen=True)

    permission: str
    ok: bool
    fix: str | None = None


class Endpoint(BaseModel):
    """The webhook endpoint at Stripe; its secret is in Secrets Manager only."""

    model_config = ConfigDict(frozen=True)

    id: str
    url: str
    api_version: str


class Account(BaseModel):
    """Keys are not here: of the secret key only the last four characters are kept."""

    model_config = ConfigDict(frozen=True)

    id: str
    tenant: str
    name: str
    mode: str
    created_at: datetime
    error_emails: tuple[str, ...] = ()
    method: str = "api_keys"
    stripe_account: str | None = None
    publishable_key: str | None = None
    secret_key_last4: str | None = None
    status: AccountStatus = AccountStatus.VERIFYING
    status_reason: str | None = None
    checks: tuple[Check, ...] = ()
    endpoint: Endpoint | None = None
    verified_at: datetime | None = None
    reconciled_until: datetime | None = None
    backfilled_until: datetime | None = None
    version: int = 1

    def require_active(self) -> None:
        """Refuse to use an account whose last probe failed."""
        if self.status is not AccountStatus.ACTIVE:
            raise AccountNotActive(
                f"Account {self.name} is {self.status}: {self.status_reason}", account=self.id
            )

    def having(self, **changes: object) -> "Account":
        """Return it with `changes`."""
        return self.model_copy(update=changes)
