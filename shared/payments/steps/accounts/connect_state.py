"""The state tokens with which a person goes to Stripe and comes back, each of them once."""

import hashlib
import hmac
import re
from urllib.parse import urlencode

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.facts.caller import Caller
from payments.facts.connection import (
    STATE_KEPT,
    STATE_LIFE,
    ConnectState,
    Purpose,
    unusable,
)

TOKEN_MAX = 100
_TOKEN = re.compile(r"[0-9a-f]{64}")


def mint_state(
    purpose: Purpose, account: str, mode: str, caller: Caller, doors: Doors, **told: object
) -> tuple[str, ConnectState]:
    """Return a new token and the stored state; `told` is what the return trip needs to know."""
    token, ends = _new_token(doors), doors.now() + STATE_LIFE
    state = ConnectState(
        digest=_digest(token),
        purpose=purpose,
        tenant=caller.tenant,
        subject=caller.subject,
        account=account,
        mode=mode,
        expires_at=ends,
        ttl=int((ends + STATE_KEPT).timestamp()),
    ).having(**told)
    return token, doors.store.save(state)


def find_state(token: str, purpose: Purpose, doors: Doors) -> ConnectState:
    """Return the state of a token; refuse a token that is unknown, used or expired."""
    found = doors.store.find_state(_digest(token)) if len(token) <= TOKEN_MAX else None
    if not found or found.purpose != purpose:
        raise unusable("unknown")
    found.used(doors.now())
    return found


def known_browser(token: str, doors: Doors) -> str:
    """Return the token of a browser that is known already, or a new one for it to keep."""
    return token if _TOKEN.fullmatch(token) else _new_token(doors)


def bound_to(browser: str) -> str:
    """Return what is kept of a browser's token."""
    return _digest(browser)


def require_browser(state: ConnectState, browser: str) -> None:
    """Refuse another browser than the one that began: its person was only led here."""
    if not hmac.compare_digest(state.browser, bound_to(browser)):
        raise unusable("another_browser")


def use_state(state: ConnectState, doors: Doors) -> ConnectState:
    """Use the state up; if two requests use it at once, the second is refused."""
    try:
        return doors.store.save(state.used(doors.now()), state)
    except RowChanged:
        raise unusable("used") from None


def person_of(state: ConnectState, base_url: str) -> Caller:
    """Return the caller who began the trip; a request that comes back carries no login."""
    return Caller(state.tenant, None, "", state.subject, base_url)


def way_home(state: ConnectState, base_url: str, doors: Doors, **told: str) -> str:
    """
    Return the address in the tenant's app to which the person goes on, or "" without an app.

    The app is at the first of the tenant's origins, or beside this service.
    """
    origins = doors.store.settings(state.tenant).return_origins
    if not origins and not state.return_path:
        return ""
    home = f"{origins[0] if origins else base_url}{state.return_path or '/'}"
    return f"{home}{'&' if '?' in home else '?'}{urlencode(told)}"


def _new_token(doors: Doors) -> str:
    """Return a token that nobody can guess: two ids hold 160 random bits."""
    return _digest(f"{doors.new_id('sta')} {doors.new_id('sta')}")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
