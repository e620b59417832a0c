"""A connection: how an account is reached with the platform's own keys, in one mode."""

from datetime import datetime, timedelta
from typing import Literal

from payments.errors import InvalidState
from payments.facts.fact import Fact

#: How long a person may take from us to Stripe and back.
STATE_LIFE = timedelta(minutes=10)
#: States are found by their digest only; DynamoDB deletes them after a day.
STATE_KEPT = timedelta(days=1)

#: An hour less than Stripe promises.
KEYS_KEPT = timedelta(hours=23)

Purpose = Literal["oauth", "onboarding"]


class Connection(Fact):
    """
    A connection, written before Stripe is asked for anything.

    `stripe_account` is Stripe's answer and never changes. `tries` is part of the key of the request
    that makes the account. It grows only when Stripe has said that the last request made nothing.
    """

    tenant: str
    account: str
    mode: str
    method: Purpose
    created_at: datetime
    return_path: str = ""
    country: str | None = None
    email: str | None = None
    stripe_account: str | None = None
    api: Literal["v1", "v2"] = "v2"
    tries: int = 1
    version: int = 1

    def stripe_key(self, step: str) -> str:
        """Return the idempotency key of a step; every repeat has the same key."""
        return f"{self.tenant}:{self.account}:{self.mode}:{step}:{self.tries}"

    def is_old(self, now: datetime) -> bool:
        """Whether Stripe may have forgotten its idempotency keys, which it keeps for a day."""
        return now - self.created_at > KEYS_KEPT

    def made(self, stripe_account: str, api: Literal["v1", "v2"] = "v2") -> "Connection":
        """Return it with the account that Stripe has made for it."""
        return self.having(stripe_account=stripe_account, api=api)


class ConnectedAccount(Fact):
    """Leads from a Stripe account to its one tenant; the rows it leads to are read again there."""

    mode: str
    stripe_account: str
    tenant: str
    account: str
    version: int = 1


class ConnectState(Fact):
    """
    One person's trip to Stripe and back, valid once; only the token's SHA-256 is kept.

    The row and not the address says what the way back may do, for whom and to what.
    """

    digest: str
    #: The SHA-256 of the cookie of the browser that began it, where only that browser may come
    #: back.
    browser: str = ""
    purpose: Purpose
    tenant: str
    subject: str
    account: str
    mode: str
    expires_at: datetime
    ttl: int
    return_path: str = ""
    name: str = ""
    error_emails: tuple[str, ...] = ()
    used_at: datetime | None = None
    version: int = 1

    def used(self, now: datetime) -> "ConnectState":
        """Return it used up; refuse one that is used or too old."""
        if self.used_at:
            raise unusable("used")
        if now >= self.expires_at:
            raise unusable("expired")
        return self.having(used_at=now)


Unusable = Literal["unknown", "used", "expired", "another_browser"]

_WHY: dict[Unusable, str] = {
    "unknown": "This way back from Stripe was not begun here.",
    "used": "This way back from Stripe was used before; it leads back once.",
    "expired": "This way back from Stripe was open for ten minutes, and they are over.",
    "another_browser": "This way back from Stripe was begun in another browser.",
}


def unusable(why: Unusable) -> InvalidState:
    """Return the refusal of a state, with what to do."""
    return InvalidState(
        f"{_WHY[why]} Nothing was changed, and what was entered at Stripe is kept there. "
        "Begin again in the app; nothing is connected twice.",
        reason=why,
    )
