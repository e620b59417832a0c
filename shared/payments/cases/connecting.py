"""
Connect a Stripe account by its keys, one pair for each mode.

Try them, keep them in Secrets Manager only, listen to the account.
"""

from dataclasses import dataclass

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.secrets import SecretMissing
from payments.doors.store import Reservation, change
from payments.doors.table import RowChanged
from payments.errors import (
    AccountNotActive,
    KeysNotSameAccount,
    NameTaken,
    StripeAccountError,
    StripePermissionMissing,
)
from payments.facts.account import Account, AccountStatus, Slot
from payments.facts.caller import Caller
from payments.steps.probing import Keys, fix_of, probe, prove_same_account, require_form
from payments.steps.verifying import verified

#: What a key must be allowed before two modes can be shown to be one account.
_WHOSE = "account.read"


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """An account and the keys of its first mode."""

    name: str
    keys: Keys
    error_emails: tuple[str, ...] = ()


def connect(request: ConnectRequest, *, account_id: str, caller: Caller, doors: Doors) -> Account:
    """
    Connect an account and return it, `active` or in `error` with the reason.

    Raise, with nothing stored, for keys that are malformed, of the wrong mode or of two accounts.
    `account_id` is the request's own: a repeat goes on with the same account and endpoint.
    """
    keys = request.keys
    require_form(keys)
    secret = doors.stripe(keys.secret_key)
    reason = prove_same_account(keys, account_id, secret, doors)
    account = _reserve(request, account_id, caller, doors)
    doors.secrets.put_keys(caller.tenant, account_id, keys.mode, keys.secret)
    return _save(
        verified(account, keys.mode, secret, reason, base_url=caller.base_url, doors=doors),
        account,
        doors,
    )


def put_credentials(account_id: str, keys: Keys, *, caller: Caller, doors: Doors) -> Account:
    """
    Fill the slot of a mode, or replace the keys in it, and return the account.

    The new keys are proven first: of this account, and with every permission. Until then, and if
    they are refused, the old ones stay in use.
    """
    require_form(keys)
    account = doors.store.account(caller.tenant, account_id)
    slot, secret = account.slots.get(keys.mode), doors.stripe(keys.secret_key)
    name, before = f"{account.id}:{doors.new_id('key')}", slot.publishable_key if slot else None
    _require_proven(secret, prove_same_account(keys, name, secret, doors, before=before))
    account_there = _whose(account, keys.mode, secret, doors)
    filled = (slot or Slot(created_at=doors.now())).model_copy(update=keys.shown)
    new = account.having(
        stripe_account=account_there or account.stripe_account,
        slots={**account.slots, keys.mode: filled},
    )
    doors.secrets.put_keys(caller.tenant, account.id, keys.mode, keys.secret)
    return _save(
        verified(new, keys.mode, secret, None, base_url=caller.base_url, doors=doors),
        account,
        doors,
    )


def verify(account_id: str, *, caller: Caller, doors: Doors) -> Account:
    """Probe an account again, both keys of each mode, and return it with its new status."""
    account = doors.store.account(caller.tenant, account_id)
    for mode in tuple(account.slots):
        account = _verify(account, mode, caller, doors)
    return account


def _verify(account: Account, mode: str, caller: Caller, doors: Doors) -> Account:
    try:
        kept = doors.secrets.keys(caller.tenant, account.id, mode)
    except SecretMissing:
        lost = "Its keys were not kept: send the request that connected it again."
        failed = account.having_slot(mode, status=AccountStatus.ERROR, status_reason=lost)
        return _save(failed, account, doors)
    keys = Keys(mode, kept["publishable_key"], kept["secret_key"])
    gateway, probed = doors.stripe(keys.secret_key), doors.new_id("key")
    reason: str | None
    try:
        reason = prove_same_account(keys, f"{account.id}:{probed}", gateway, doors)
    except KeysNotSameAccount as refusal:
        reason = refusal.detail
    found = verified(account, mode, gateway, reason, base_url=caller.base_url, doors=doors)
    return _save(found.having_slot(mode, **keys.shown), account, doors)


def _require_proven(secret: Gateway, reason: str | None) -> None:
    """Refuse keys that would stop what works now, and say what they lack."""
    if reason and "permission" not in reason:
        raise StripeAccountError(f"{reason} Nothing was changed.")
    missing = [check for check in probe(secret, reason) if not check.ok]
    if missing:
        names = ", ".join(check.permission for check in missing)
        raise StripePermissionMissing(
            f"The secret key lacks {names}. Nothing was changed.",
            permission=missing[0].permission,
            checks=[check.model_dump() for check in missing],
        )


def _whose(account: Account, mode: str, secret: Gateway, doors: Doors) -> str | None:
    """Return whose the keys are; refuse another account than the one of the other mode."""
    there, others = secret.account_id(), [other for other in account.slots if other != mode]
    known = account.stripe_account
    if known is None and others:
        known = doors.gateway(account.tenant, account.id, others[0]).account_id()
    if there and known and there != known:
        raise KeysNotSameAccount(
            "These keys belong to another Stripe account than the one that is connected."
        )
    if others and not (there and known):
        raise StripePermissionMissing(
            f"Test and live keys have to be of one account, and a key without {_WHOSE} does not "
            f"tell whose it is. {fix_of(_WHOSE)} Nothing was changed.",
            permission=_WHOSE,
        )
    return there


def _reserve(request: ConnectRequest, account_id: str, caller: Caller, doors: Doors) -> Account:
    account = Account(
        id=account_id,
        tenant=caller.tenant,
        name=request.name,
        created_at=doors.now(),
        error_emails=request.error_emails,
        slots={request.keys.mode: Slot(created_at=doors.now(), **request.keys.shown)},
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


def _save(new: Account, old: Account, doors: Doors) -> Account:
    try:
        return doors.store.save(new, old)
    except RowChanged:
        raise AccountNotActive(
            f"Account {old.name} is being verified by another request.", account=old.id
        ) from None
