"""
Where a payer goes to, and comes back to.

A pay link's token is made of the link's own id and a secret that never leaves Secrets Manager: it
can be written into a mail at any time, and no row holds what opens the page.
"""

import base64
import hashlib
import hmac

from payments.doors.doors import Doors
from payments.facts.attempt import Attempt, Channel, WayBack


def token_of(tenant: str, link: str, doors: Doors) -> str:
    """Return the token of a pay link: 256 bits, the same ones for the link's whole life."""
    said = f"{tenant}:{link}".encode()
    made = hmac.new(doors.secrets.link_key(), said, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def digest(token: str) -> str:
    """Return by what a token is found; the token itself stands nowhere."""
    return hashlib.sha256(token.encode()).hexdigest()


def page_of(base_url: str, tenant: str, link: str, doors: Doors) -> str:
    """Return the address of a pay link's page."""
    return f"{base_url}/p/{token_of(tenant, link, doors)}"


def way_back(attempt: Attempt, doors: Doors) -> WayBack:
    """Return where the attempt's session leads to; every replay of its creation says the same."""
    if attempt.channel is Channel.CHECKOUT:
        return WayBack(attempt.success_url or "", attempt.cancel_url or "")
    page = page_of(attempt.return_url or "", attempt.tenant, attempt.link or "", doors)
    language = f"lang={attempt.locale or ''}"
    return WayBack(
        f"{page}/return?session_id={{CHECKOUT_SESSION_ID}}&{language}", f"{page}?{language}"
    )
