"""An account is a merchant's Stripe account, connected and verified separately in each mode."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import Field

from payments.errors import AccountNotActive, KeyModeMismatch
from payments.facts.fact import Fact

Method = Literal["api_keys", "oauth", "onboarding"]


class AccountStatus(StrEnum):
    """The status by the last real check at Stripe; nothing else sets it."""

    PENDING = "pending"
    VERIFYING = "verifying"
    ACTIVE = "active"
    ERROR = "error"
    RESTRICTED = "restricted"
    DISCONNECTED = "disconnected"


#: In these there is nothing to check: the merchant is still on the way, or has disconnected.
IDLE = frozenset({AccountStatus.PENDING, AccountStatus.DISCONNECTED})


class Check(Fact):
    """One permission that was tested at Stripe, and what to do if it is missing."""

    permission: str
    ok: bool
    fix: str | None = None


#: How many addresses an account's errors are sent to.
EMAILS_MAX = 10
#: A probe takes seconds; a request that is silent for so long has died.
HOLD = timedelta(minutes=2)
#: How often the doctor checks an account: one that works, and one that does not.
CHECK_EVERY, CHECK_ERROR_EVERY = timedelta(hours=24), timedelta(hours=1)
#: How long a function may still use the former keys: it has read them, and reads again later.
KEYS_OVERLAP = timedelta(minutes=5)


class Endpoint(Fact):
    """
    The webhook endpoint at Stripe; its secret is in Secrets Manager only.

    Until `previous_until`, events of the former endpoint are still accepted.
    """

    id: str
    url: str
    api_version: str
    previous_until: datetime | None = None


class PreviousKey(Fact):
    """The secret key that was replaced; from `until` on nothing here uses it."""

    last4: str
    until: datetime


class Slot(Fact):
    """What an account has in one mode; of its secret key, only the last four characters."""

    created_at: datetime
    publishable_key: str | None = None
    secret_key_last4: str | None = None
    status: AccountStatus = AccountStatus.VERIFYING
    status_reason: str | None = None
    checks: tuple[Check, ...] = ()
    endpoint: Endpoint | None = None
    previous_key: PreviousKey | None = None
    verified_at: datetime | None = None
    #: What the last check mended at Stripe, and when.
    repaired: str | None = None
    repaired_at: datetime | None = None
    #: Whether it ever worked, and whether its people were told that it has stopped.
    worked: bool = False
    alarmed: bool = False
    #: A request probes it, or changes its keys or its endpoint: one at a time.
    held_until: datetime | None = None
    check_at: datetime | None = None
    reconciled_until: datetime | None = None
    backfilled_until: datetime | None = None

    @property
    def is_active(self) -> bool:
        """Whether its last check succeeded."""
        return self.status is AccountStatus.ACTIVE

    @property
    def is_over(self) -> bool:
        """Whether it was disconnected."""
        return self.status is AccountStatus.DISCONNECTED

    def is_held(self, now: datetime) -> bool:
        """Whether a request has locked it."""
        return self.held_until is not None and self.held_until > now

    def next_check(self, now: datetime) -> datetime:
        """
        Return when the doctor checks it next: daily, hourly in error, and to retire endpoints.

        A merchant who is still on the way is checked more and more rarely, since events tell most.
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
    #: The address at which this deployment was reached when the account was connected; Stripe sends
    #: events there.
    base_url: str = ""
    slots: dict[str, Slot] = Field(default_factory=dict)
    version: int = 1

    @property
    def main_mode(self) -> str:
        """The mode that is shown where only one can be: live, if there is a live slot."""
        return "live" if "live" in self.slots else "test"

    @property
    def active_modes(self) -> tuple[str, ...]:
        """The modes whose last check succeeded."""
        return tuple(mode for mode, slot in self.slots.items() if slot.is_active)

    @property
    def check_at(self) -> datetime | None:
        """When a schedule has to check it next, or None."""
        times = [
            slot.check_at or slot.created_at for slot in self.slots.values() if not slot.is_over
        ]
        return min(times, default=None)

    def due_modes(self, now: datetime) -> tuple[str, ...]:
        """Return the modes that the doctor has to check now."""
        return tuple(
            mode
            for mode, slot in self.slots.items()
            if not slot.is_over and (slot.check_at or slot.created_at) <= now
        )

    def uses(self, mode: str) -> bool:
        """Whether its keys of a mode may still be used: it was not disconnected."""
        slot = self.slots.get(mode)
        return slot is not None and not slot.is_over

    def slot(self, mode: str) -> Slot:
        """Return the slot of a mode or refuse: test and live never stand in for each other."""
        found = self.slots.get(mode)
        if not found:
            raise KeyModeMismatch(
                f"Account {self.name} has no {mode} keys: "
                f"add them with POST /v1/accounts/{self.id}/credentials.",
                account=self.id,
            )
        return found

    def require_active(self, mode: str) -> Slot:
        """Return the slot of a mode; refuse one whose last check failed."""
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
        """Return the account with the result of a check, and the time of the next one."""
        found = self.having_slot(
            mode, status=status, status_reason=reason, checks=checks, verified_at=now
        )
        return found.having_slot(mode, check_at=found.slot(mode).next_check(now))

    def having_slot(self, mode: str, **changes: object) -> "Account":
        """Return the account with changes of one slot."""
        slot = self.slot(mode).having(**changes)
        return self.having(slots={**self.slots, mode: slot})
