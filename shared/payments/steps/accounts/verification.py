"""Verify one slot of an account at Stripe: its keys, their permissions, its webhook endpoint."""

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.secrets import SecretMissing
from payments.errors import (
    KeysNotSameAccount,
    StripeAccountError,
    StripeRequestRefused,
    StripeUnavailable,
)
from payments.facts.account import Account, AccountStatus, Check
from payments.facts.outcome import OutcomeUnknown
from payments.facts.stripe_accounts import ConnectedStripeAccount
from payments.steps.accounts.key_probes import Keys, Unproven, probe, prove_same_account
from payments.steps.accounts.webhook_endpoint import ensure_endpoint

MENDED = "The webhook endpoint was gone or did not work; a new one was made."
_LOST = "Its keys were not kept: send the request that brought them again."


def verify_kept(account: Account, mode: str, doors: Doors) -> Account:
    """Ask Stripe about the stored keys of a mode, and return the account as Stripe sees it now."""
    try:
        kept = doors.secrets.keys_again(account.tenant, account.id, mode)
    except SecretMissing:
        return account.judged(mode, AccountStatus.ERROR, _LOST, (), doors.now())
    keys = Keys(mode, kept["publishable_key"], kept["secret_key"])
    gateway, name = doors.stripe(keys.secret_key), f"{account.id}:{doors.new_id('key')}"
    reason: str | None
    try:
        reason = prove_same_account(keys, name, gateway, doors)
    except KeysNotSameAccount as refusal:
        reason = refusal.detail
    return verify(account.having_slot(mode, **keys.shown), mode, gateway, reason, doors)


def verify(
    account: Account, mode: str, gateway: Gateway, reason: str | None, doors: Doors
) -> Account:
    """Return the account as Stripe sees it now; nothing is asked again if a `reason` is known."""
    checks: tuple[Check, ...] = ()
    status = AccountStatus.ERROR
    try:
        if reason is None or reason is Unproven.NOT_PERMITTED:
            checks = probe(gateway, proven=reason is None)
            missing = [check.permission for check in checks if not check.ok]
            reason = f"The secret key lacks {', '.join(missing)}." if missing else None
        if reason is None:
            told = gateway.own_account()
            account = account.having(stripe_account=told.id if told else account.stripe_account)
            account = _mended(account, ensure_endpoint(account, mode, gateway, doors), mode, doors)
            reason = _halted(told, mode) if told else None
            status = AccountStatus.RESTRICTED if reason else AccountStatus.ACTIVE
    except StripeAccountError:
        reason = Unproven.KEY_REFUSED
    except OutcomeUnknown:
        if account.slot(mode).is_active:
            raise StripeUnavailable("Stripe did not answer; the account is as before.") from None
        reason = "Stripe did not answer; verify the account again."
    except StripeRequestRefused:
        reason = "Stripe refuses the webhook endpoint: it allows 16, at addresses it can reach."
    return account.judged(mode, status, reason, checks, doors.now())


def _halted(told: ConnectedStripeAccount, mode: str) -> str | None:
    """Return why Stripe lets the account take no payments, or None; in test mode always None."""
    if mode == "test" or told.may_charge:
        return None
    asked = told.requirements
    wanted = asked.due and f"it asks for {asked.due}"
    why = wanted or asked.disabled_reason or "it does not say why"
    return f"Stripe lets the account take no payments: {why}. See to it in Stripe's Dashboard."


def _mended(before: Account, after: Account, mode: str, doors: Doors) -> Account:
    old, new = before.slot(mode).endpoint, after.slot(mode).endpoint
    if not old or not new or old.id == new.id:
        return after
    return after.having_slot(mode, repaired=MENDED, repaired_at=doors.now())
