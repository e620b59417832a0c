"""Keys: which account a key belongs to, and what it may do."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from local.standin.engine.clock import ALPHABET
from local.standin.engine.errors import Forbidden, Unauthorized

TEST_KEY = re.compile(r"(sk|rk|pk)_test_([A-Za-z0-9]{10,240})")
# A real live key has no such mark, so it can never be taken for one of these.
OWN_LIVE_KEY = re.compile(r"(sk|rk|pk)_live_standin([A-Za-z0-9]{10,240})")
LIVE_KEY = re.compile(r"(sk|rk|pk)_live_.*")
# A key that OAuth gave has the account in it.
GRANTED_KEY = re.compile(r"acct([A-Za-z0-9]{16})[A-Za-z0-9]{24}")
REPEATED_WORD = re.compile(r"([A-Za-z]{3,}?)\1+")
RAK_NAMES = {"webhook_endpoints": "webhook"}


@dataclass(frozen=True)
class Credentials:
    """Whose request this is."""

    key: str
    kind: str
    account: str
    livemode: bool
    shop: str | None = None

    @property
    def is_publishable(self) -> bool:
        return self.kind == "pk"


@dataclass
class Restriction:
    """What the control surface says of a key; `allow` None means everything."""

    allow: frozenset[str] | None = None
    revoked: bool = False


def account_of(secret: str) -> str:
    """Every key with one secret part belongs to one account."""
    if granted := GRANTED_KEY.fullmatch(secret):
        return f"acct_{granted[1]}"
    number = int.from_bytes(hashlib.sha256(secret.encode()).digest()[:12], "big")
    letters = ""
    for _ in range(15):
        number, rest = divmod(number, len(ALPHABET))
        letters += ALPHABET[rest]
    return "acct_1" + letters


def shop_of(secret: str) -> str | None:
    """Name the shop of a made-up key, which repeats a word, by that word."""
    match = REPEATED_WORD.fullmatch(secret)
    return match[1].capitalize() if match else None


@lru_cache(maxsize=1024)
def presented_key(authorization: str) -> str:
    scheme, _, credential = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credential.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credential, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


@lru_cache(maxsize=1024)
def identify(key: str) -> Credentials:
    if not key:
        raise Unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization "
            "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        )
    for pattern, livemode in ((TEST_KEY, False), (OWN_LIVE_KEY, True)):
        if match := pattern.fullmatch(key):
            return Credentials(key, match[1], account_of(match[2]), livemode, shop_of(match[2]))
    if LIVE_KEY.fullmatch(key):
        raise Unauthorized(
            "This is a stand-in for Stripe and it refuses live keys that it did not make itself: "
            "take the key out of this configuration, and use a test key or one that begins with "
            "'sk_live_standin'."
        )
    raise Unauthorized(f"Invalid API Key provided: {masked(key)}")


def masked(key: str) -> str:
    return key[:8] + "*" * max(len(key) - 12, 3) + key[-4:] if len(key) > 12 else "*" * len(key)


def require_active(credentials: Credentials, restriction: Restriction | None) -> None:
    if restriction and restriction.revoked:
        raise Unauthorized(
            f"Expired API Key provided: {masked(credentials.key)}", code="api_key_expired"
        )


def require_permission(
    credentials: Credentials, restriction: Restriction | None, permission: str | None
) -> None:
    """Let one's own account be read by any key; `x.write` includes `x.read`."""
    if restriction is None or restriction.allow is None or permission is None:
        return
    resource, _, verb = permission.partition(".")
    if {permission, f"{resource}.write"} & restriction.allow:
        return
    name = RAK_NAMES.get(resource, resource.removesuffix("s"))
    raise Forbidden(
        f"The provided key '{masked(credentials.key)}' does not have the required permissions for "
        f"this endpoint on account '{credentials.account}'. Having the 'rak_{name}_{verb}' "
        "permission would allow this request to continue."
    )


def require_secret(credentials: Credentials) -> None:
    if credentials.is_publishable:
        raise Forbidden(
            "This API call cannot be made with a publishable API key. Please use a secret API key. "
            "You can find a list of your API keys at "
            "https://dashboard.stripe.com/account/apikeys.",
            code="secret_key_required",
        )
