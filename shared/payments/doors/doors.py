"""What a use case may reach: doors, clock and ids, so that a simulation can own them all."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from payments.doors.queue import Queue
from payments.doors.secrets import SecretMissing, Secrets
from payments.doors.store import Store
from payments.errors import PlatformNotConfigured

if TYPE_CHECKING:
    from payments.doors.gateway import Gateway
    from payments.doors.platform import Platform

#: A write to Stripe takes up to 20 s with its retry; one is not begun without half of that left.
WRITE_NEEDS_S = 10


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
            return self.stripe(self.platform_keys(mode)["secret_key"], known)
        try:
            return self.stripe(self.secrets.keys(tenant, account, mode)["secret_key"])
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

    @property
    def may_write(self) -> bool:
        """Whether there is time left to begin a write at Stripe."""
        return self.time_left() >= WRITE_NEEDS_S
