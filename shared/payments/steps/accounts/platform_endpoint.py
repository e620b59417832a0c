"""The platform's Connect endpoint at Stripe: one for each mode, for all connected accounts."""

from payments.doors.doors import Doors
from payments.doors.platform import CONNECT_EVENTS, Platform
from payments.doors.secrets import CONNECT, SecretMissing
from payments.doors.stripe_api.transport import API_VERSION
from payments.errors import StripeRequestRefused, StripeUnavailable
from payments.facts.account import Endpoint
from payments.facts.outcome import OutcomeUnknown
from payments.facts.stripe_accounts import WebhookEndpoint

#: Two who find no endpoint at once make one: within this their requests to Stripe are the same.
TOGETHER_S = 600


def hear(platform: Platform, mode: str, base_url: str, doors: Doors) -> None:
    """
    See to it that Stripe tells of connected accounts, and that its word can be verified.

    An endpoint that works is kept; it only learns of events that it was made without.
    """
    url = f"{base_url}/webhooks/stripe/{CONNECT}/{mode}"
    kept, there = _kept(mode, doors), [one for one in platform.endpoints() if one.url == url]
    working = (found for found in there if found.status == "enabled")
    heard = next((found for found in working if found.id == kept.get("endpoint")), None)
    if not heard:
        heard = _make(platform, url, kept, doors)
        value = {"current": heard.secret or "", "endpoint": heard.id, "url": url}
        if kept.get("current"):
            value["previous"] = kept["current"]
        doors.secrets.put_webhook(CONNECT, mode, value)
    elif not set(CONNECT_EVENTS) <= set(heard.enabled_events):
        platform.update_connect_endpoint(heard.id)
    for stale in there:
        # Their secrets were told once, to requests that did not live to keep them.
        if stale.id != heard.id:
            platform.delete_endpoint(stale.id)


def heard_by(mode: str, doors: Doors) -> Endpoint | None:
    """Return the endpoint whose secret is kept, or None."""
    kept = _kept(mode, doors)
    if "endpoint" not in kept:
        return None
    return Endpoint(id=kept["endpoint"], url=kept["url"], api_version=API_VERSION)


def _kept(mode: str, doors: Doors) -> dict[str, str]:
    try:
        return doors.secrets.webhook(CONNECT, mode)
    except SecretMissing:
        return {}


def _make(platform: Platform, url: str, kept: dict[str, str], doors: Doors) -> WebhookEndpoint:
    slot = int(doors.now().timestamp()) // TOGETHER_S
    key = f"{url}:{kept.get('endpoint', 'first')}:{slot}"
    try:
        return platform.create_connect_endpoint(url, key)
    except OutcomeUnknown:
        raise StripeUnavailable("Stripe did not answer; nothing was connected.") from None
    except StripeRequestRefused as refusal:
        raise StripeRequestRefused(
            "Stripe refuses the platform's webhook endpoint: it allows 16, at addresses that it "
            "can reach.",
            **refusal.members,
        ) from None
