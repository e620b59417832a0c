"""A subscription: an address of a tenant's own system that gets signed events."""

import hmac
import re
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Literal

from payments.errors import AddressRefused
from payments.facts.fact import Fact

#: What can be subscribed to; a star means every event of its kind.
Type = Literal[
    "invoice.paid",
    "invoice.partially_paid",
    "payment.action_required",
    "payment.failed",
    "order.release",
    "refund.*",
    "dispute.*",
    "account.error",
    "account.recovered",
]

SUBSCRIPTIONS_MAX, URL_MAX, PORT_MAX = 20, 2000, 65535
#: How long the former secret still signs.
OVERLAP = timedelta(hours=24)
#: The waits between tries: for a receiver that is being deployed, is down, or is away.
DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
DISABLED_AFTER = timedelta(days=5)
KEPT = timedelta(days=30)

_NAME = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
_REST = r"(?:[/?][A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?"
#: A name, since a numeric address does not say whose it is; only the ports of https.
_HTTPS = re.compile(rf"https://{_NAME}(?::(?:443|8443))?{_REST}")
_LOCAL = re.compile(rf"http://127\.0\.0\.1:(?P<port>[1-9][0-9]{{0,4}}){_REST}")


def require_address(url: str, *, local: bool) -> str:
    """Return `url` if events may be sent there; only the local stack allows this machine."""
    here = _LOCAL.fullmatch(url) if local else None
    near = bool(here and int(here["port"]) <= PORT_MAX)
    if len(url) > URL_MAX or not (near or _HTTPS.fullmatch(url)):
        raise AddressRefused(
            "Events are sent to https:// and a host's name in lower case, on port 443 or 8443: "
            "no user, no fragment, no address in numbers."
        )
    return url


class SubscriptionStatus(StrEnum):
    """A disabled subscription has failed for days; a delivery that succeeds enables it."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    REMOVED = "removed"


class Subscription(Fact):
    """`failing_since` is the first failure after the last success."""

    id: str
    tenant: str
    url: str
    types: tuple[str, ...]
    status: SubscriptionStatus = SubscriptionStatus.ENABLED
    status_reason: str | None = None
    created_at: datetime
    failing_since: datetime | None = None
    version: int = 1

    def wants(self, kind: str) -> bool:
        """Whether an event of this type is sent to it."""
        group = f"{kind.partition('.')[0]}.*"
        return self.status is SubscriptionStatus.ENABLED and bool({kind, group} & {*self.types})


class SigningSecret(Fact):
    """
    The secret that signs, in a row that no list and no export reads; the table is encrypted.

    `made_for` is the request that asked for `current`: a repeat makes no other secret.
    """

    tenant: str
    subscription: str
    current: str
    made_for: str
    previous: str | None = None
    previous_until: datetime | None = None
    version: int = 1

    def rotated(self, fresh: str, made_for: str, now: datetime) -> "SigningSecret":
        """Return it with a new secret; the former one signs, too, for a day."""
        changes = {"current": fresh, "made_for": made_for, "previous": self.current}
        return self.having(**{**changes, "previous_until": now + OVERLAP})

    def sign(self, body: str, now: datetime) -> str:
        """Return the header that signs `body`: a time, and a signature by each valid secret."""
        valid = [self.current]
        if self.previous and self.previous_until and now < self.previous_until:
            valid.append(self.previous)
        at = int(now.timestamp())
        signed = f"{at}.{body}".encode()
        made = [hmac.new(secret.encode(), signed, sha256).hexdigest() for secret in valid]
        return ",".join([f"t={at}", *(f"v1={each}" for each in made)])


class DeliveryStatus(StrEnum):
    """`failed` is not tried again, unless a caller asks for it."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(Fact):
    """
    One event for one subscription; its id follows from both, so that a duplicate makes none.

    `body` is what is sent, the same bytes each time. Of an answer only the status is kept.
    `attempts` counts since it was made, or asked for again.
    """

    id: str
    tenant: str
    subscription: str
    event: str
    type: str
    body: str
    created_at: datetime
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    last_attempt_at: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None
    asked: bool = False
    sweep_at: datetime | None = None
    ttl: int
    version: int = 1


def delivery_id(event: str, subscription: str) -> str:
    """Return the id of an event's delivery to a subscription."""
    return f"del_{sha256(f'{event} {subscription}'.encode()).hexdigest()[:32]}"
