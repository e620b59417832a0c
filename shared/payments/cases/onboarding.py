"""
Connect a Stripe account by its keys.

Try them, keep them in Secrets Manager only, listen to the account.
"""

import re
from dataclasses import dataclass

from payments.doors.doors import Doors
from payments.doors.gateway import EVENTS, Gateway
from payments.doors.secrets import SecretMissing
from payments.doors.store import Reservation, change
from payments.doors.table import RowChanged
from payments.errors import (
    AccountNotActive,
    KeyModeMismatch,
    KeysNotSameAccount,
    NameTaken,
    StripeAccountError,
    StripePermissionMissing,
    StripeRequestRefused,
    StripeUnavailable,
    ValidationFailed,
)
from payments.facts.account import Account, AccountStatus, Check, Endpoint
from payments.facts.caller import Caller
from payments.facts.stripe_objects import OutcomeUnknown, WebhookEndpoint

#: Every permission a feature needs, and a request that shows whether it is there without doing
#: anything.
PROBES = (
    ("payment_intents.read", "get", "/v1/payment_intents"),
    ("payment_intents.write", "post", "/v1/payment_intents"),
    ("charges.read", "get", "/v1/charges"),
    ("customers.write", "post", "/v1/customers/cus_receivable_probe"),
    ("payment_methods.read", "get", "/v1/payment_methods/pm_receivable_probe"),
    ("checkout_sessions.write", "post", "/v1/checkout/sessions"),
    ("refunds.write", "post", "/v1/refunds"),
    ("balance_transactions.read", "get", "/v1/balance_transactions"),
    ("disputes.read", "get", "/v1/disputes"),
    ("disputes.write", "post", "/v1/disputes/du_receivable_probe"),
    ("files.write", "post", "/v1/files"),
    ("events.read", "get", "/v1/events"),
    ("webhook_endpoints.read", "get", "/v1/webhook_endpoints"),
    ("webhook_endpoints.write", "post", "/v1/webhook_endpoints"),
)
_SAME_ACCOUNT = "setup_intents.write"

_SECRET = re.compile(r"(?:sk|rk)_(test|live)_[A-Za-z0-9_]{8,240}")
_PUBLISHABLE = re.compile(r"pk_(test|live)_[A-Za-z0-9_]{8,240}")


@dataclass(frozen=True, slots=True, repr=False)
class ConnectRequest:
    """The keys come in here and go to Secrets Manager; nothing prints them."""

    name: str
    mode: str
    publishable_key: str
    secret_key: str
    error_emails: tuple[str, ...] = ()


def connect(request: ConnectRequest, *, account_id: str, caller: Caller, doors: Doors) -> Account:
    """
    Connect an account and return it, `active` or in `error` with the reason.

    Raise, with nothing stored, for keys that are malformed, of the wrong mode or of two accounts.
    `account_id` is the request's own: a repeat goes on with the same account and endpoint.
    """
    _require_form(request)
    secret = doors.stripe(request.secret_key)
    reason = _prove_same_account(request, account_id, secret, doors)
    keys = {"publishable_key": request.publishable_key, "secret_key": request.secret_key}
    account = _reserve(request, account_id, caller, doors)
    doors.secrets.put_keys(caller.tenant, account_id, request.mode, keys)
    verified = _verify(account, secret, reason, caller.base_url, doors)
    return _save(verified, account, doors)


def verify(account_id: str, *, caller: Caller, doors: Doors) -> Account:
    """Probe an account again, both its keys, and return it with its new status."""
    account = doors.store.account(caller.tenant, account_id)
    try:
        keys = doors.secrets.keys(caller.tenant, account.id, account.mode)
    except SecretMissing:
        lost = "Its keys were not kept: send the request that connected it again."
        failed = account.having(status=AccountStatus.ERROR, status_reason=lost)
        return _save(failed, account, doors)
    request = ConnectRequest(
        account.name, account.mode, keys["publishable_key"], keys["secret_key"]
    )
    gateway, probe = doors.stripe(request.secret_key), doors.new_id("key")
    reason: str | None
    try:
        reason = _prove_same_account(request, f"{account.id}:{probe}", gateway, doors)
    except KeysNotSameAccount as refusal:
        reason = refusal.detail
    return _save(_verify(account, gateway, reason, caller.base_url, doors), account, doors)


def _require_form(request: ConnectRequest) -> None:
    secret, publishable = (
        _SECRET.fullmatch(request.secret_key),
        _PUBLISHABLE.fullmatch(request.publishable_key),
    )
    if not secret:
        raise ValidationFailed(
            "secret_key is not a Stripe secret or restricted key (sk_... or rk_...)."
        )
    if not publishable:
        raise ValidationFailed("publishable_key is not a Stripe publishable key (pk_...).")
    if {secret[1], publishable[1]} != {request.mode}:
        detail = f"Both keys have to be of {request.mode} mode."
        raise KeyModeMismatch(
            detail, secret_key_mode=secret[1], publishable_key_mode=publishable[1]
        )


def _prove_same_account(
    request: ConnectRequest, account_id: str, secret: Gateway, doors: Doors
) -> str | None:
    """
    Raise KeysNotSameAccount unless the publishable key sees what the secret key makes.

    Returns why this could not be tried, if Stripe refuses one of the keys.
    """
    try:
        setup = secret.create_setup_intent(f"{account_id}:same-account")
    except StripeAccountError:
        return "Stripe refuses the secret key."
    except StripePermissionMissing:
        return f"The secret key lacks the permission {_SAME_ACCOUNT}."
    except OutcomeUnknown:
        raise StripeUnavailable("Stripe did not answer; nothing was stored.") from None
    try:
        same = doors.stripe(request.publishable_key).sees_setup_intent(setup)
    except StripeAccountError:
        return "Stripe refuses the publishable key."
    finally:
        secret.cancel_setup_intent(setup.id)
    if not same:
        raise KeysNotSameAccount("The two keys belong to different Stripe accounts.")
    return None


def _reserve(request: ConnectRequest, account_id: str, caller: Caller, doors: Doors) -> Account:
    account = Account(
        id=account_id,
        tenant=caller.tenant,
        name=request.name,
        mode=request.mode,
        created_at=doors.now(),
        error_emails=request.error_emails,
        publishable_key=request.publishable_key,
        secret_key_last4=request.secret_key[-4:],
    )
    name = Reservation(tenant=caller.tenant, kind="NAM", value=request.name, holder=account_id)
    created = change(account)
    try:
        doors.store.write(created, change(name))
    except RowChanged as changed:
        if 0 in changed.rows:
            return doors.store.account(caller.tenant, account_id)
        raise NameTaken(f"Another account is named {request.name}.", name=request.name) from None
    return created.new


def _verify(
    account: Account, gateway: Gateway, reason: str | None, base_url: str, doors: Doors
) -> Account:
    """Return the account as Stripe sees it now; a reason found before is not tried again."""
    checks: tuple[Check, ...] = ()
    try:
        if reason is None or "permission" in reason:
            checks = _probe(gateway, reason)
            missing = [check.permission for check in checks if not check.ok]
            reason = f"The secret key lacks {', '.join(missing)}." if missing else None
        if reason is None:
            account = _listen(account, gateway, base_url, doors)
            account = account.having(stripe_account=gateway.account_id())
    except StripeAccountError:
        reason = "Stripe refuses the secret key."
    except OutcomeUnknown:
        reason = "Stripe did not answer; verify the account again."
    except StripeRequestRefused:
        reason = "Stripe refuses the webhook endpoint: it allows 16, at addresses it can reach."
    status = AccountStatus.ERROR if reason else AccountStatus.ACTIVE
    return account.having(
        status=status, status_reason=reason, checks=checks, verified_at=doors.now()
    )


def _probe(gateway: Gateway, reason: str | None) -> tuple[Check, ...]:
    found = [
        (permission, gateway.is_permitted(method, path)) for permission, method, path in PROBES
    ]
    found.append((_SAME_ACCOUNT, reason is None))
    return tuple(
        Check(permission=name, ok=ok, fix=None if ok else _fix(name)) for name, ok in found
    )


def _fix(permission: str) -> str:
    resource, level = permission.split(".")
    words = resource.replace("_", " ").capitalize()
    return (
        f"In Stripe's Dashboard, under API keys, give the restricted key {level} access to {words}."
    )


def _listen(account: Account, gateway: Gateway, base_url: str, doors: Doors) -> Account:
    """
    Return the account with a webhook endpoint whose secret is kept.

    One that still works is kept; it only learns of events that it was made without.
    """
    url = f"{base_url}/webhooks/stripe/{account.id}/{account.mode}"
    known = account.endpoint and account.endpoint.url == url
    if known and (heard := _heard(account, gateway, doors)):
        if not set(EVENTS) <= set(heard.enabled_events):
            gateway.update_endpoint(heard.id)
        return account
    for stale in [found for found in gateway.endpoints() if found.url == url]:
        # Its secret was told once, to a request that did not live to keep it.
        gateway.delete_endpoint(stale.id)
    key = f"{account.tenant}:{account.id}:endpoint:{account.version}:{doors.new_id('key')}"
    made = gateway.create_endpoint(url, {"tenant": account.tenant, "account": account.id}, key)
    _keep_secret(account, made, doors)
    endpoint = Endpoint(id=made.id, url=url, api_version=made.api_version or "")
    return account.having(endpoint=endpoint)


def _heard(account: Account, gateway: Gateway, doors: Doors) -> WebhookEndpoint | None:
    """Return the account's endpoint as Stripe has it, if its deliveries can be understood."""
    try:
        doors.secrets.webhook(account.id, account.mode)
    except SecretMissing:
        return None
    endpoint = account.endpoint
    working = (found for found in gateway.endpoints() if found.status == "enabled")
    return next((found for found in working if endpoint and found.id == endpoint.id), None)


def _keep_secret(account: Account, made: WebhookEndpoint, doors: Doors) -> None:
    if not made.secret:
        msg = "Bug! Stripe made an endpoint without telling its secret."
        raise AssertionError(msg)
    value = {
        "tenant": account.tenant,
        "current": made.secret,
        "stripe_account": account.stripe_account or "",
    }
    doors.secrets.put_webhook(account.id, account.mode, value)


def _save(new: Account, old: Account, doors: Doors) -> Account:
    try:
        return doors.store.save(new, old)
    except RowChanged:
        raise AccountNotActive(
            f"Account {old.name} is being verified by another request.", account=old.id
        ) from None
