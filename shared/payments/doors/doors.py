"""What a use case may reach: doors, clock and ids, so that a simulation can own them all."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from payments.doors.queue import Queue
from payments.doors.secrets import Secrets
from payments.doors.store import Store

if TYPE_CHECKING:
    from payments.doors.gateway import Gateway

#: A write to Stripe takes up to 20 s with its retry; one is not begun without half of that left.
WRITE_NEEDS_S = 10


@dataclass(frozen=True, slots=True)
class Doors:
    """
    `stripe` makes a gateway from a key.

    `time_left` returns the seconds this invocation still has.
    """

    store: Store
    secrets: Secrets
    stripe: Callable[[str], "Gateway"]
    events: Queue
    reconciliations: Queue
    now: Callable[[], datetime]
    new_id: Callable[[str], str]
    new_token: Callable[[], str]
    time_left: Callable[[], float]

    def gateway(self, tenant: str, account: str, mode: str) -> "Gateway":
        """Return the gateway of a tenant's account in one mode."""
        return self.stripe(self.secrets.keys(tenant, account, mode)["secret_key"])

    @property
    def may_write(self) -> bool:
        """Whether there is time left to begin a write at Stripe."""
        return self.time_left() >= WRITE_NEEDS_S
