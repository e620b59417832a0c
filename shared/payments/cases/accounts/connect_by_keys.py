"""
Connect a Stripe account by its keys, one pair for each mode.

The keys are tested, kept in Secrets Manager alone, and Stripe is asked to send the account's
events.
"""

from dataclasses import dataclass

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.secrets import SecretMissing
from payments.doors.store import change
from payments.doors.table import RowChanged
from payments.errors import (
    InvalidTransition,
    KeysNotSameAccount,
    StripeAccountError,
    StripePermissionMissing,
    StripeUnavailable,
)
from payments.facts.account import KEYS_OVERLAP, Account, AccountStatus, PreviousKey, Slot
from payments.facts.caller import Caller
from payments.facts.outcome import OutcomeUnknown
from payments.steps.accounts.key_probes import (
    Keys,
    Unproven,
    fix_of,
    probe,
    prove_same_account,
    require_form,
)
from payments.steps.accounts.slot_lock import retry_on_account, save_and_unlock, slot_locked
from payments.steps.accounts.stripe_owner import (
    heard_by,
    held_by,
    hold,
    holder_of,
    require_unconnected,
)
from payments.steps.accounts.stripe_status import refresh
from payments.steps.accounts.unique_names import name_changes, taken
from payments.steps.accounts.verification import verify, verify_kept
from payments.steps.accounts.webhook_endpoint import (
    ensure_platform_endpoint,
    renew_endpoint,
    retire_former,
)
from payments.steps.retry import retrying

_OTHER = "These keys belong to another Stripe account than the one that is connected."
#: In these an account waits for keys that work.
_LEFT = frozenset({AccountStatus.DISCONNECTED, AccountStatus.ERROR, AccountStatus.VERIFYING})
#: The permissions that a key needs to show that two modes belong to one account.
_WHOSE = "account.read"


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """An account and the keys of its first mode."""

    name: str
    keys: Keys
    error_emails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class _Tried:
    """Keys that were tried: of which Stripe account they are, and why not all could be."""

    keys: Keys
    there: str | None
    unproven: Unproven | None = None


def connect(request: ConnectRequest, *, account_id: str, caller: Caller, doors: Doors) -> Account:
    """
    Connect an account and return it, `active` or in `error` with the reason.

    Raise, with nothing stored, for keys that are malformed, of the wrong mode, of two accounts, or
    of a connected account. A connected account that does not work is connected again. `account_id`
    belongs to the request: a repeat goes on with the same account and endpoint.
    """
    keys = request.keys
    require_form(keys)
    secret = doors.stripe(keys.secret_key)
    unproven = prove_same_account(keys, account_id, secret, doors)
    there = _there(secret, unproven)
    holder = _holder(there, secret, keys.mode, caller, doors)
    if holder and _is_left(holder, keys.mode, caller.tenant):
        account_id = holder.id
        emails = request.error_emails or None
        change_account(account_id, request.name, emails, caller=caller, doors=doors)
    else:
        _reserve(request, account_id, there, holder, caller=caller, doors=doors)
    return _keep(account_id, _Tried(keys, there, unproven), caller, doors)


def put_credentials(account_id: str, keys: Keys, *, caller: Caller, doors: Doors) -> Account:
    """
    Fill the slot of a mode, or replace its keys, and return the account.

    The new keys must belong to this account and have every permission. Until that is shown, and if
    they are refused, the old keys stay in use.
    """
    require_form(keys)
    account = _with_keys(account_id, caller, doors)
    secret = doors.stripe(keys.secret_key)
    name = f"{account.id}:{doors.new_id('key')}"
    _require_proven(secret, prove_same_account(keys, name, secret, doors))
    there = _whose(account, keys, secret, doors)
    holder = _holder(there, secret, keys.mode, caller, doors)
    require_unconnected(holder, caller.tenant, account_id, keys.mode)
    return _keep(account_id, _Tried(keys, there), caller, doors)


def verify_account(account_id: str, *, caller: Caller, doors: Doors) -> Account:
    """
    Check an account again, both keys of each mode, and return it with its new status.

    For an account without keys of its own, Stripe is asked for its status, and the platform's
    endpoint is checked.
    """
    account = doors.store.account(caller.tenant, account_id)
    for mode in [mode for mode, slot in account.slots.items() if not slot.is_over]:
        if account.method != "api_keys":
            ensure_platform_endpoint(doors.platform(mode), mode, caller.base_url, doors)
            account = refresh(account.tenant, account.id, mode, doors)
            continue
        with slot_locked(caller.tenant, account_id, mode, doors) as found:
            here = found.having(base_url=caller.base_url)
            account = save_and_unlock(verify_kept(here, mode, doors), mode, doors)
    return account


def rotate_webhook_secret(
    account_id: str, mode: str | None, *, overlap: bool, caller: Caller, doors: Doors
) -> Account:
    """
    Have Stripe sign with a new secret, and return the account.

    With `overlap`, the old secret stays valid for three days more.
    """
    account = _with_keys(account_id, caller, doors)
    mode = mode or account.main_mode
    account.require_active(mode)
    with slot_locked(caller.tenant, account_id, mode, doors) as account:
        gateway = doors.gateway(caller.tenant, account_id, mode)
        here = account.having(base_url=caller.base_url)
        try:
            found = renew_endpoint(here, mode, gateway, doors)
        except OutcomeUnknown:
            raise StripeUnavailable("Stripe did not answer; the secret is as before.") from None
        if not overlap:
            found = retire_former(found, mode, gateway, doors)
        again = found.slot(mode).next_check(doors.now())
        return save_and_unlock(found.having_slot(mode, check_at=again), mode, doors)


def change_account(
    account_id: str,
    name: str | None,
    error_emails: tuple[str, ...] | None,
    *,
    caller: Caller,
    doors: Doors,
) -> Account:
    """Change an account's name or the addresses for its errors, and return it."""

    def step() -> Account:
        account = doors.store.account(caller.tenant, account_id)
        new = account.having(
            name=account.name if name is None else name,
            error_emails=account.error_emails if error_emails is None else error_emails,
        )
        saved = change(new, account)
        doors.store.write(saved, *name_changes(new, account.name, doors))
        return saved.new

    return retry_on_account(step, account_id, doors)


def _keep(account_id: str, tried: _Tried, caller: Caller, doors: Doors) -> Account:
    """Keep the keys of a mode, and return the account as Stripe sees it with them."""
    keys, there, mode = tried.keys, tried.there, tried.keys.mode
    with slot_locked(caller.tenant, account_id, mode, doors) as account:
        if there:
            hold(account, there, mode, doors)
        doors.secrets.put_keys(caller.tenant, account_id, mode, keys.secret)
        found = _replaced(account, keys, doors).having(
            stripe_account=there or account.stripe_account, base_url=caller.base_url
        )
        secret = doors.stripe(keys.secret_key)
        return save_and_unlock(verify(found, mode, secret, tried.unproven, doors), mode, doors)


def _there(secret: Gateway, unproven: Unproven | None) -> str | None:
    """Return which Stripe account the keys are of, if they work and may tell."""
    if unproven and unproven is not Unproven.NOT_PERMITTED:
        return None
    try:
        return secret.account_id()
    except OutcomeUnknown:
        raise StripeUnavailable("Stripe did not answer; nothing was stored.") from None


def _holder(
    there: str | None, secret: Gateway, mode: str, caller: Caller, doors: Doors
) -> Account | None:
    """Return who has the Stripe account here; its own endpoints say so where its key may not."""
    if there:
        return holder_of(there, mode, doors)
    try:
        return heard_by(secret, caller.base_url, mode, doors)
    except (StripeAccountError, OutcomeUnknown):
        # Keys that do not work, or cannot be tried now, make nothing at Stripe.
        return None


def _is_left(holder: Account, mode: str, tenant: str) -> bool:
    """Whether an account of the tenant's keys does not work, so that new ones are for it."""
    own = holder.tenant == tenant and holder.method == "api_keys"
    slot = holder.slots.get(mode)
    return own and (slot is None or slot.status in _LEFT)


def _with_keys(account_id: str, caller: Caller, doors: Doors) -> Account:
    """Return the account; refuse one that has no keys and endpoint of its own."""
    account = doors.store.account(caller.tenant, account_id)
    if account.method != "api_keys":
        raise InvalidTransition(
            f"Account {account.name} is connected through Stripe: it has no keys or webhook "
            "endpoint of its own.",
            method=account.method,
        )
    return account


def _replaced(account: Account, keys: Keys, doors: Doors) -> Account:
    """Return the account with new keys, and until when the former ones may still be used."""
    before = account.slot(keys.mode).secret_key_last4
    previous = (
        PreviousKey(last4=before, until=doors.now() + KEYS_OVERLAP)
        if before and before != keys.secret_key[-4:]
        else None
    )
    return account.having_slot(keys.mode, previous_key=previous, **keys.shown)


def _require_proven(secret: Gateway, unproven: Unproven | None) -> None:
    """Refuse keys that would stop what works now; the refusal says what they lack."""
    if unproven and unproven is not Unproven.NOT_PERMITTED:
        raise StripeAccountError(f"{unproven} Nothing was changed.")
    missing = [check for check in probe(secret, proven=unproven is None) if not check.ok]
    if missing:
        names = ", ".join(check.permission for check in missing)
        raise StripePermissionMissing(
            f"The secret key lacks {names}. Nothing was changed.",
            permission=missing[0].permission,
            checks=[check.model_dump() for check in missing],
        )


def _whose(account: Account, keys: Keys, secret: Gateway, doors: Doors) -> str | None:
    """Return the Stripe account of the keys; refuse another account than the connected one."""
    there, known = secret.account_id(), account.stripe_account
    slots = [mode for mode, slot in account.slots.items() if slot.publishable_key]
    if there and not known:
        known = next(filter(None, (_known(account, mode, doors) for mode in slots)), None)
    if there and known:
        if there != known:
            raise KeysNotSameAccount(_OTHER)
        return there
    if slots == [keys.mode]:
        before = account.slot(keys.mode).publishable_key or ""
        keys_before = Keys(keys.mode, before, keys.secret_key)
        if prove_same_account(keys_before, doors.new_id("key"), secret, doors) is None:
            return there
    raise StripePermissionMissing(
        f"All keys have to be of one Stripe account, and a key without {_WHOSE} does not tell "
        f"whose it is. {fix_of(_WHOSE)} Nothing was changed.",
        permission=_WHOSE,
    )


def _known(account: Account, mode: str, doors: Doors) -> str | None:
    """Return the Stripe account of the stored keys of a mode, or None if they do not tell."""
    try:
        kept = doors.secrets.keys_again(account.tenant, account.id, mode)
        return doors.stripe(kept["secret_key"]).account_id()
    except (SecretMissing, StripeAccountError):
        return None


def _reserve(
    request: ConnectRequest,
    account_id: str,
    there: str | None,
    holder: Account | None,
    *,
    caller: Caller,
    doors: Doors,
) -> None:
    account = Account(
        id=account_id,
        tenant=caller.tenant,
        name=request.name,
        created_at=doors.now(),
        error_emails=request.error_emails,
        base_url=caller.base_url,
        slots={request.keys.mode: Slot(created_at=doors.now(), **request.keys.shown)},
    )

    def step() -> None:
        names = list(name_changes(account, None, doors))
        require_unconnected(holder, caller.tenant, account_id, request.keys.mode)
        owned = held_by(account, there, request.keys.mode, doors) if there else []
        try:
            doors.store.write(change(account), *names, *owned)
        except RowChanged as changed:
            if 0 in changed.rows:
                # An earlier run of the request has written all of it.
                return
            if set(changed.rows) & set(range(1, 1 + len(names))):
                raise taken(Account, request.name) from None
            raise

    retrying(step, doors, pausing=False, detail="Another request connects it; send it again.")
