"""An account is a merchant's Stripe account: connected and verified, in each mode by itself."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import Field

from payments.errors import AccountNotActive, KeyModeMismatch
from payments.facts.fact import Fact

Method = Literal["api_keys", "oauth", "onboarding"]


class AccountStatus(StrEnum):
    """Computed from the last real probe, never from hope."""

    PENDING = "pending"
    VERIFYING = "verifying"
    ACTIVE = "active"
    ERROR = "error"
    RESTRICTED = "restricted"
    DISCONNECTED = "disconnected"


#: In these there is nothing to examine: the merchant is still on the way, or all is over.
IDLE = frozenset({AccountStatus.PENDING, AccountStatus.DISCONNECTED})


class Check(Fact):
    """One permission that was tried at Stripe, and what to do if it is missing."""

    permission: str
    ok: bool
    fix: str | None = None


#: How many are told of an account's errors.
EMAILS_MAX = 10
#: A probe takes seconds; whoever began one and is silent for so long has died.
HOLD = timedelta(minutes=2)
#: How often the doctor comes: to one who is well, and to one who is not.
CHECK_EVERY, CHECK_ERROR_EVERY = timedelta(hours=24), timedelta(hours=1)
#: So long a function may still use the keys before: it has read them, and reads again later.
KEYS_OVERLAP = timedelta(minutes=5)


class Endpoint(Fact):
    """
    The webhook endpoint at Stripe; its secret is in Secrets Manager only.

    Until `previous_until`, what the endpoint before it still sends is understood too.
    """

    id: str
    url: str
    api_version: str
    previous_until: datetime | None = None


class PreviousKey(Fact):
    """The secret key that was replaced: from `until` on nobody here uses it any more."""

    last4: str
    until: datetime


class Slot(Fact):
    """
    What an account has in one mode.

    Of its secret key only the last four characters are here.
    """

    created_at: datetime
    publishable_key: str | None = None
    secret_key_last4: str | None = None
    status: AccountStatus = AccountStatus.VERIFYING
    status_reason: str | None = None
    checks: tuple[Check, ...] = ()
    endpoint: Endpoint | None = None
    previous_key: PreviousKey | None = None
    verified_at: datetime | None = None
    #: What the last probe mended at Stripe, and when that was.
    repaired: str | None = None
    repaired_at: datetime | None = None
    #: Whether it ever worked, and whether somebody has been told that it does not any more.
    worked: bool = False
    alarmed: bool = False
    #: Somebody probes it, or changes its keys or its endpoint: one at a time.
    held_until: datetime | None = None
    check_at: datetime | None = None
    reconciled_until: datetime | None = None
    backfilled_until: datetime | None = None

    @property
    def is_active(self) -> bool:
        """Whether its last probe succeeded."""
        return self.status is AccountStatus.ACTIVE

    @property
    def is_over(self) -> bool:
        """Whether it was disconnected."""
        return self.status is AccountStatus.DISCONNECTED

    def is_held(self, now: datetime) -> bool:
        """Whether somebody works on it."""
        return self.held_until is not None and self.held_until > now

    def next_check(self, now: datetime) -> datetime:
        """
        Return when the doctor has to come: daily, hourly to one in error, and to retire.

        To a merchant who is still on the way, more and more rarely: events tell of most.
        """
        usual = now + (CHECK_EVERY if self.is_active else CHECK_ERROR_EVERY)
        if self.status is AccountStatus.PENDING:
            usual = now + min(max(CHECK_ERROR_EVERY, now - self.created_at), CHECK_EVERY)
        retire = self.endpoint and self.endpoint.previous_until
        return min(usual, retire) if retire else usual


class Account(Fact):
    """One Stripe account, with a slot of credentials for each mode that was connected."""

    id: str
    tenant: str
    name: str
    created_at: datetime
    error_emails: tuple[str, ...] = ()
    method: Method = "api_keys"
    stripe_account: str | None = None
    #: Where this deployment was reached when it was connected: Stripe's events come there too.
    base_url: str = ""
    slots: dict[str, Slot] = Field(default_factory=dict)
    version: int = 1

    @property
    def main_mode(self) -> str:
        """The mode that is shown where only one can be: live, once there is one."""
        return "live" if "live" in self.slots else "test"

    @property
    def active_modes(self) -> tuple[str, ...]:
        """The modes whose last probe succeeded."""
        return tuple(mode for mode, slot in self.slots.items() if slot.is_active)

    @property
    def check_at(self) -> datetime | None:
        """When a schedule has to look after it next; None if there is nothing to look after."""
        times = [
            slot.check_at or slot.created_at for slot in self.slots.values() if not slot.is_over
        ]
        return min(times, default=None)

    def due_modes(self, now: datetime) -> tuple[str, ...]:
        """Return the modes that the doctor has to look at."""
        return tuple(
            mode
            for mode, slot in self.slots.items()
            if not slot.is_over and (slot.check_at or slot.created_at) <= now
        )

    def uses(self, mode: str) -> bool:
        """Whether something may come of its credentials in a mode: it was not disconnected."""
        slot = self.slots.get(mode)
        return slot is not None and not slot.is_over

    def slot(self, mode: str) -> Slot:
        """Return the slot of a mode, or refuse: test and live never stand in for each other."""
        found = self.slots.get(mode)
        if not found:
            raise KeyModeMismatch(
                f"Account {self.name} has no {mode} keys: "
                f"add them with POST /v1/accounts/{self.id}/credentials.",
                account=self.id,
            )
        return found

    def require_active(self, mode: str) -> Slot:
        """Return the slot of a mode; refuse one whose last probe failed."""
        slot = self.slot(mode)
        if not slot.is_active:
            reason = f": {slot.status_reason}" if slot.status_reason else "."
            raise AccountNotActive(
                f"Account {self.name} is {slot.status} in {mode} mode{reason}",
                account=self.id,
                mode=mode,
            )
        return slot

    def judged(
        self,
        mode: str,
        status: AccountStatus,
        reason: str | None,
        checks: tuple[Check, ...],
        now: datetime,
    ) -> "Account":
        """Return it with what was found at Stripe, and when the doctor comes next."""
        found = self.having_slot(
            mode, status=status, status_reason=reason, checks=checks, verified_at=now
        )
        return found.having_slot(mode, check_at=found.slot(mode).next_check(now))

    def having_slot(self, mode: str, **changes: object) -> "Account":
        """Return it with a slot that was changed."""
        slot = self.slot(mode).having(**changes)
        return self.having(slots={**self.slots, mode: slot})
