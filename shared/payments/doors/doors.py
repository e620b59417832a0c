"""Everything that a use case may reach: doors, clock and ids; a simulation can replace them all."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from payments.doors.bus import Bus
from payments.doors.mail import Mailer
from payments.doors.outbound import Outbound
from payments.doors.queue import Queue
from payments.doors.secrets import SecretMissing, Secrets
from payments.doors.store import Store
from payments.doors.table import RowChanged
from payments.errors import PlatformNotConfigured
from payments.facts.account import AccountStatus

if TYPE_CHECKING:
    from payments.doors.gateway import Gateway
    from payments.doors.platform import Platform

#: A write to Stripe takes up to 20 s with its retry; none begins with less than half of that.
WRITE_NEEDS_S = 10
REFUSED = "Stripe refuses the account's keys; they are being verified again."
#: Within this time the doctor is called once.
SOON = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Doors:
    """
    The doors of one function.

    `stripe` makes a gateway from a key, and `stripe_platform` makes the platform's. `time_left`
    returns the seconds that are left to this invocation. `connected` remembers which Stripe account
    a connection leads to, which never changes.
    """

    store: Store
    secrets: Secrets
    stripe: Callable[..., "Gateway"]
    stripe_platform: Callable[[dict[str, str]], "Platform"]
    events: Queue
    reconciliations: Queue
    mail: Mailer
    bus: Bus
    outbound: Outbound
    now: Callable[[], datetime]
    new_id: Callable[[str], str]
    time_left: Callable[[], float]
    connected: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def gateway(self, tenant: str, account: str, mode: str) -> "Gateway":
        """
        Return the gateway of a tenant's account in one mode.

        It uses the account's own keys or, for a connected account, the platform's.
        """
        known = self.connected.get((tenant, account, mode))
        if known:
            platform = self.stripe(self.platform_keys(mode)["secret_key"], known)
            return platform.watched_by(Watch(self, tenant, account, mode, None))
        try:
            key = self.secrets.keys(tenant, account, mode)["secret_key"]
            return self.stripe(key).watched_by(Watch(self, tenant, account, mode, key))
        except SecretMissing:
            found = self.store.find_connection(tenant, account, mode)
            if not found or not found.stripe_account:
                raise
            self.connected[tenant, account, mode] = found.stripe_account
            return self.gateway(tenant, account, mode)

    def platform(self, mode: str) -> "Platform":
        """Return the platform's own gateway; refuse if it has no keys."""
        return self.stripe_platform(self.platform_keys(mode))

    def platform_keys(self, mode: str) -> dict[str, str]:
        """Return the platform's keys of a mode; refuse if there are none."""
        try:
            return self.secrets.platform(mode)
        except SecretMissing:
            raise PlatformNotConfigured(
                f"This deployment has no Stripe keys of its own in {mode} mode, so it cannot "
                "connect accounts through Stripe. Connect the account by its keys, or have the "
                "owner store the platform's keys.",
                mode=mode,
            ) from None

    def remembering(self) -> "Doors":
        """Return doors for one short task; they read each row once."""
        return replace(self, store=self.store.remembering())

    @property
    def may_write(self) -> bool:
        """Whether there is time left to begin a write at Stripe."""
        return self.time_left() >= WRITE_NEEDS_S


@dataclass(frozen=True, slots=True)
class Watch:
    """
    Watches the key of one slot while a gateway uses it.

    `key` is None for the platform's own key, which is never replaced meanwhile.
    """

    doors: Doors
    tenant: str
    account: str
    mode: str
    key: str | None

    def renewed(self) -> str | None:
        """Return the key that has replaced this one since it was read, or None."""
        if self.key is None:
            return None
        kept = self.doors.secrets.keys_again(self.tenant, self.account, self.mode)["secret_key"]
        return None if kept == self.key else kept

    def refused(self) -> None:
        """Stop using the slot until the doctor has checked it, which happens soon."""
        self._call_doctor(status=AccountStatus.ERROR, status_reason=REFUSED)

    def not_permitted(self) -> None:
        """Have the doctor find the missing permission; the slot stays in use."""
        self._call_doctor()

    def _call_doctor(self, **changes: object) -> None:
        account = self.doors.store.account(self.tenant, self.account)
        slot, now = account.slots.get(self.mode), self.doors.now()
        if not slot or not slot.is_active:
            return
        if not changes and slot.check_at and slot.check_at <= now + SOON:
            return
        found = account.having_slot(self.mode, check_at=now, **changes)
        # If the row changed meanwhile, the doctor has changed it or the next request finds the
        # same.
        with suppress(RowChanged):
            self.doors.store.save(found, account)
