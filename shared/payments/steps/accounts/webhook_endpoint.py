"""
Webhook endpoints at Stripe, and the secrets that verify what they send.

An account with keys of its own has an endpoint in each mode. The platform has one in each mode for
all connected accounts. Stripe shows an endpoint's secret once and cannot change it. A new secret is
therefore a second endpoint at the same address; the former one stays until its last events have
come.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.keys import stamp
from payments.doors.platform import CONNECT_EVENTS, Platform
from payments.doors.secrets import CONNECT, SecretMissing
from payments.doors.stripe_api.events import EVENTS
from payments.doors.stripe_api.transport import API_VERSION
from payments.errors import StripeRequestRefused, StripeUnavailable
from payments.facts.account import Account, Endpoint
from payments.facts.outcome import OutcomeUnknown
from payments.facts.stripe_accounts import WebhookEndpoint

#: Stripe sends an event again for up to three days.
OVERLAP = timedelta(hours=72)
#: Two requests that make the platform's endpoint within this time send Stripe the same request.
TOGETHER_S = 600


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one of our endpoints belongs: `name` is an account, or the platform for all."""

    name: str
    mode: str
    base_url: str
    events: tuple[str, ...]

    @classmethod
    def of(cls, account: Account, mode: str) -> "_Place":
        return cls(account.id, mode, account.base_url, EVENTS)

    @property
    def url(self) -> str:
        return f"{self.base_url}/webhooks/stripe/{self.name}/{self.mode}"

    def kept(self, doors: Doors) -> dict[str, str]:
        """Return the stored secret and what belongs to it, or nothing if there is none."""
        try:
            return doors.secrets.webhook_now(self.name, self.mode)
        except SecretMissing:
            return {}

    def working(
        self, kept: dict[str, str], there: Iterable[WebhookEndpoint], gateway: Gateway
    ) -> WebhookEndpoint | None:
        """Return the stored endpoint if it works; event types that it lacks are added to it."""
        ours = (one for one in there if (one.id, one.url) == (kept.get("endpoint"), self.url))
        found = next((one for one in ours if one.status == "enabled"), None)
        if found and not set(self.events) <= set(found.enabled_events):
            gateway.update_endpoint(found.id, self.events)
        return found

    def delete_lost(
        self, known: set[str], there: Iterable[WebhookEndpoint], gateway: Gateway
    ) -> None:
        """Delete endpoints whose secret was lost because a request died before it stored it."""
        for found in there:
            if found.url == self.url and found.id not in known:
                gateway.delete_endpoint(found.id)


def ensure_endpoint(account: Account, mode: str, gateway: Gateway, doors: Doors) -> Account:
    """Return the account with a webhook endpoint and its stored secret; one that works stays."""
    place = _Place.of(account, mode)
    kept, there = place.kept(doors), list(gateway.endpoints())
    place.delete_lost(_known(kept), there, gateway)
    found = place.working(kept, there, gateway)
    if not found:
        return _make(account, mode, kept, gateway, doors)
    return _shown(account, mode, found, kept)


def renew_endpoint(account: Account, mode: str, gateway: Gateway, doors: Doors) -> Account:
    """Return the account with a new endpoint; the former secret is valid for three days more."""
    place = _Place.of(account, mode)
    kept = place.kept(doors)
    place.delete_lost(_known(kept), gateway.endpoints(), gateway)
    return _make(account, mode, kept, gateway, doors)


def retire_former(account: Account, mode: str, gateway: Gateway, doors: Doors) -> Account:
    """Delete the account's former endpoints at Stripe; return the account without their secrets."""
    kept = _Place.of(account, mode).kept(doors)
    for previous in kept.get("previous_endpoints", "").split():
        with suppress(StripeRequestRefused):
            gateway.delete_endpoint(previous)
    names = {"previous", "previous_endpoints", "previous_until"}
    if names & kept.keys():
        value = {name: value for name, value in kept.items() if name not in names}
        doors.secrets.put_webhook(account.id, mode, value)
    endpoint = account.slot(mode).endpoint
    current = endpoint and endpoint.having(previous_until=None)
    return account.having_slot(mode, endpoint=current)


def delete_endpoints(account: Account, mode: str, gateway: Gateway, doors: Doors) -> None:
    """Delete every endpoint of the account at Stripe."""
    place = _Place.of(account, mode)
    ours = _known(place.kept(doors))
    for found in gateway.endpoints():
        if found.id in ours or found.url == place.url:
            gateway.delete_endpoint(found.id)


def ensure_platform_endpoint(platform: Platform, mode: str, base_url: str, doors: Doors) -> None:
    """
    Make sure that Stripe sends events of connected accounts, and that we can verify them.

    Raise StripeUnavailable or StripeRequestRefused if the endpoint cannot be made. No lock is held,
    so lost endpoints are deleted only after the new one is stored.
    """
    place = _Place(CONNECT, mode, base_url, CONNECT_EVENTS)
    kept, there = place.kept(doors), list(platform.endpoints())
    found = place.working(kept, there, platform) or _make_platforms(place, kept, platform, doors)
    place.delete_lost({found.id}, there, platform)


def platform_endpoint(mode: str, doors: Doors) -> Endpoint | None:
    """Return the platform's endpoint if its secret is stored, or None."""
    try:
        kept = doors.secrets.webhook(CONNECT, mode)
    except SecretMissing:
        return None
    if "endpoint" not in kept:
        return None
    return Endpoint(id=kept["endpoint"], url=kept["url"], api_version=API_VERSION)


def _known(kept: dict[str, str]) -> set[str]:
    """Return the ids of the endpoints whose secrets are stored."""
    return {kept.get("endpoint", ""), *kept.get("previous_endpoints", "").split()}


def _make(
    account: Account, mode: str, kept: dict[str, str], gateway: Gateway, doors: Doors
) -> Account:
    place = _Place.of(account, mode)
    made = gateway.create_endpoint(
        place.url,
        place.events,
        f"{account.tenant}:{doors.new_id('key')}:endpoint",
        description="Receivable",
        metadata={"tenant": account.tenant, "account": account.id},
    )
    if not made.secret:
        msg = "Bug! Stripe made an endpoint without telling its secret."
        raise AssertionError(msg)
    value = {
        "tenant": account.tenant,
        "current": made.secret,
        "endpoint": made.id,
        "stripe_account": account.stripe_account or "",
    }
    if kept.get("current"):
        before = (kept["endpoint"], kept.get("previous_endpoints", ""))
        value |= {
            "previous": f"{kept['current']} {kept.get('previous', '')}".strip(),
            "previous_endpoints": " ".join(before).strip(),
            "previous_until": stamp(doors.now() + OVERLAP),
        }
    doors.secrets.put_webhook(account.id, mode, value)
    return _shown(account, mode, made, value)


def _make_platforms(
    place: _Place, kept: dict[str, str], platform: Platform, doors: Doors
) -> WebhookEndpoint:
    slot = int(doors.now().timestamp()) // TOGETHER_S
    key = f"{place.url}:{kept.get('endpoint', 'first')}:{slot}"
    try:
        made = platform.create_endpoint(
            place.url,
            place.events,
            key,
            connect=True,
            description="Receivable, connected accounts",
        )
    except OutcomeUnknown:
        raise StripeUnavailable("Stripe did not answer; nothing was connected.") from None
    except StripeRequestRefused as refusal:
        raise StripeRequestRefused(
            "Stripe refuses the platform's webhook endpoint: it allows 16, at addresses that it "
            "can reach.",
            **refusal.members,
        ) from None
    value = {"current": made.secret or "", "endpoint": made.id, "url": place.url}
    if kept.get("current"):
        value["previous"] = kept["current"]
    doors.secrets.put_webhook(place.name, place.mode, value)
    return made


def _shown(account: Account, mode: str, found: WebhookEndpoint, kept: dict[str, str]) -> Account:
    until = kept.get("previous_until")
    endpoint = Endpoint(
        id=found.id,
        url=found.url,
        api_version=found.api_version or "",
        previous_until=datetime.fromisoformat(until) if until else None,
    )
    return account.having_slot(mode, endpoint=endpoint)
