"""What a use case may reach: doors, clock and ids, so that a simulation can own them all."""

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

#: A write to Stripe takes up to 20 s with its retry; one is not begun without half of that left.
WRITE_NEEDS_S = 10
REFUSED = "Stripe refuses the account's keys; they are being verified again."
#: The doctor is not called twice for one thing.
SOON = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Doors:
    """
    `stripe` makes a gateway from a key, and `stripe_platform` the platform's own from its keys.

    `time_left` returns the seconds this invocation still has. `connected` remembers which account
    of Stripe's a connection leads to: that never changes.
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

        An account with keys of its own is reached by them, a connected one by the platform's.
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
        """Return the gateway of the platform itself, or refuse where it has no keys."""
        return self.stripe_platform(self.platform_keys(mode))

    def platform_keys(self, mode: str) -> dict[str, str]:
        """Return the platform's keys of a mode."""
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
        """Return the same doors for one short task, which reads a row once."""
        return replace(self, store=self.store.remembering())

    @property
    def may_write(self) -> bool:
        """Whether there is time left to begin a write at Stripe."""
        return self.time_left() >= WRITE_NEEDS_S


@dataclass(frozen=True, slots=True)
class Watch:
    """
    Answers for the key of one slot, while a gateway uses it.

    `key` is None where the key is the platform's own, which is never replaced meanwhile.
    """

    doors: Doors
    tenant: str
    account: str
    mode: str
    key: str | None

    def renewed(self) -> str | None:
        """Return the key that has replaced it since it was read, or None."""
        if self.key is None:
            return None
        kept = self.doors.secrets.keys_again(self.tenant, self.account, self.mode)["secret_key"]
        return None if kept == self.key else kept

    def refused(self) -> None:
        """Use the slot no more until the doctor has looked at it, who comes at once."""
        self._call_doctor(status=AccountStatus.ERROR, status_reason=REFUSED)

    def not_permitted(self) -> None:
        """Have the doctor find out which permission is missing; most things still work."""
        self._call_doctor()

    def _call_doctor(self, **changes: object) -> None:
        account = self.doors.store.account(self.tenant, self.account)
        slot, now = account.slots.get(self.mode), self.doors.now()
        if not slot or not slot.is_active:
            return
        if not changes and slot.check_at and slot.check_at <= now + SOON:
            return
        found = account.having_slot(self.mode, check_at=now, **changes)
        # Whoever changed it meanwhile is the doctor, or the next request finds the same.
        with suppress(RowChanged):
            self.doors.store.save(found, account)
