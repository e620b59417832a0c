"""
The webhook endpoint of an account at Stripe, and the secret by which it is understood.

Stripe tells an endpoint's secret once, and cannot change it: a new secret is a second endpoint at
the same address, and the one before it stays until whatever it may still send has come.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.keys import stamp
from payments.doors.secrets import SecretMissing
from payments.doors.stripe_api.events import EVENTS
from payments.errors import StripeRequestRefused
from payments.facts.account import Account, Endpoint
from payments.facts.stripe_accounts import WebhookEndpoint

#: Stripe sends an event again for three days.
OVERLAP = timedelta(hours=72)


def listen(account: Account, mode: str, gateway: Gateway, doors: Doors) -> Account:
    """
    Return the account with a webhook endpoint whose secret is kept.

    One that still works is kept; it only learns of events that it was made without.
    """
    kept, there = _kept(account, mode, doors), list(gateway.endpoints())
    url = _url(account, mode)
    _tidy(url, kept, there, gateway)
    working = [found for found in there if found.status == "enabled" and found.url == url]
    heard = next((found for found in working if found.id == kept.get("endpoint")), None)
    if not heard:
        return _make(account, mode, gateway, kept, doors)
    if not set(EVENTS) <= set(heard.enabled_events):
        gateway.update_endpoint(heard.id)
    return _known(account, mode, heard, kept)


def listen_anew(account: Account, mode: str, gateway: Gateway, doors: Doors) -> Account:
    """Return the account with a new endpoint; the one before is understood for three days more."""
    kept = _kept(account, mode, doors)
    _tidy(_url(account, mode), kept, gateway.endpoints(), gateway)
    return _make(account, mode, gateway, kept, doors)


def retire(account: Account, mode: str, gateway: Gateway, doors: Doors) -> Account:
    """Return the account without the endpoints before: deleted at Stripe, not understood here."""
    kept = _kept(account, mode, doors)
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


def fall_silent(account: Account, mode: str, gateway: Gateway, doors: Doors) -> None:
    """Delete every endpoint of the account at Stripe."""
    kept = _kept(account, mode, doors)
    ours = {kept.get("endpoint"), *kept.get("previous_endpoints", "").split()}
    for found in gateway.endpoints():
        if found.id in ours or found.url == _url(account, mode):
            gateway.delete_endpoint(found.id)


def _url(account: Account, mode: str) -> str:
    return f"{account.base_url}/webhooks/stripe/{account.id}/{mode}"


def _kept(account: Account, mode: str, doors: Doors) -> dict[str, str]:
    try:
        return doors.secrets.webhook_now(account.id, mode)
    except SecretMissing:
        return {}


def _tidy(
    url: str, kept: dict[str, str], there: Iterable[WebhookEndpoint], gateway: Gateway
) -> None:
    """Delete endpoints of ours whose secret was told to a request that did not live to keep it."""
    ours = {kept.get("endpoint"), *kept.get("previous_endpoints", "").split()}
    for found in there:
        if found.url == url and found.id not in ours:
            gateway.delete_endpoint(found.id)


def _make(
    account: Account, mode: str, gateway: Gateway, kept: dict[str, str], doors: Doors
) -> Account:
    key = f"{account.tenant}:{doors.new_id('key')}:endpoint"
    metadata = {"tenant": account.tenant, "account": account.id}
    made = gateway.create_endpoint(_url(account, mode), metadata, key)
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
    return _known(account, mode, made, value)


def _known(account: Account, mode: str, found: WebhookEndpoint, kept: dict[str, str]) -> Account:
    until = kept.get("previous_until")
    endpoint = Endpoint(
        id=found.id,
        url=found.url,
        api_version=found.api_version or "",
        previous_until=datetime.fromisoformat(until) if until else None,
    )
    return account.having_slot(mode, endpoint=endpoint)
