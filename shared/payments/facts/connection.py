"""A connection is how an account is reached through the platform's own keys, in one mode."""

from datetime import datetime, timedelta
from typing import Literal

from payments.errors import InvalidState
from payments.facts.fact import Fact

#: How long a person may be on the way between us and Stripe.
STATE_LIFE = timedelta(minutes=10)
#: States are looked up by their digest only; DynamoDB forgets them after a day.
STATE_KEPT = timedelta(days=1)

#: An hour less than Stripe promises.
KEYS_KEPT = timedelta(hours=23)

Purpose = Literal["oauth", "onboarding"]


class Connection(Fact):
    """
    Written before Stripe hears of anything.

    `stripe_account` is what Stripe has answered, and never changes. `tries` names the request that
    makes the account, and grows only when Stripe has said that nothing came of the one before.
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
        """Return Stripe's idempotency key of a step: the same on every repeat."""
        return f"{self.tenant}:{self.account}:{self.mode}:{step}:{self.tries}"

    def is_old(self, now: datetime) -> bool:
        """Say whether Stripe may have forgotten its idempotency keys: it keeps them for a day."""
        return now - self.created_at > KEYS_KEPT

    def made(self, stripe_account: str, api: Literal["v1", "v2"] = "v2") -> "Connection":
        """Return it with the account that Stripe has made for it."""
        return self.having(stripe_account=stripe_account, api=api)


class ConnectedAccount(Fact):
    """Leads from a Stripe account to its one tenant; what it leads to is read again under it."""

    mode: str
    stripe_account: str
    tenant: str
    account: str
    version: int = 1


class ConnectState(Fact):
    """
    One person's way to Stripe and back, once.

    Of the token only its SHA-256 is kept. What the way back may do, for whom and to what, stands
    here and not in the address.
    """

    digest: str
    #: The SHA-256 of what the browser has that began it, where only that one may come back.
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
        """Return it used up; refuse one that was, or whose time is over."""
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
