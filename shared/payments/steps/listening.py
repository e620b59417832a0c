"""The webhook endpoint of an account at Stripe, and the secret by which it is understood."""

from payments.doors.doors import Doors
from payments.doors.gateway import EVENTS, Gateway
from payments.doors.secrets import SecretMissing
from payments.facts.account import Account, Endpoint
from payments.facts.stripe_objects import WebhookEndpoint


def listen(account: Account, mode: str, gateway: Gateway, base_url: str, doors: Doors) -> Account:
    """
    Return the account with a webhook endpoint whose secret is kept.

    One that still works is kept; it only learns of events that it was made without.
    """
    url = f"{base_url}/webhooks/stripe/{account.id}/{mode}"
    known = account.slot(mode).endpoint
    if known and known.url == url and (heard := _heard(account, mode, gateway, doors)):
        if not set(EVENTS) <= set(heard.enabled_events):
            gateway.update_endpoint(heard.id)
        return account
    for stale in [found for found in gateway.endpoints() if found.url == url]:
        # Its secret was told once, to a request that did not live to keep it.
        gateway.delete_endpoint(stale.id)
    key = f"{account.tenant}:{account.id}:endpoint:{account.version}:{doors.new_id('key')}"
    made = gateway.create_endpoint(url, {"tenant": account.tenant, "account": account.id}, key)
    _keep_secret(account, mode, made, doors)
    endpoint = Endpoint(id=made.id, url=url, api_version=made.api_version or "")
    return account.having_slot(mode, endpoint=endpoint)


def _heard(account: Account, mode: str, gateway: Gateway, doors: Doors) -> WebhookEndpoint | None:
    """Return the account's endpoint as Stripe has it, if its deliveries can be understood."""
    try:
        doors.secrets.webhook(account.id, mode)
    except SecretMissing:
        return None
    endpoint = account.slot(mode).endpoint
    working = (found for found in gateway.endpoints() if found.status == "enabled")
    return next((found for found in working if endpoint and found.id == endpoint.id), None)


def _keep_secret(account: Account, mode: str, made: WebhookEndpoint, doors: Doors) -> None:
    if not made.secret:
        msg = "Bug! Stripe made an endpoint without telling its secret."
        raise AssertionError(msg)
    value = {
        "tenant": account.tenant,
        "current": made.secret,
        "stripe_account": account.stripe_account or "",
    }
    doors.secrets.put_webhook(account.id, mode, value)
