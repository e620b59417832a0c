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
from payments.facts.stripe_objects import OutcomeUnknown
from payments.steps.listening import listen
from payments.steps.probing import Keys, probe, prove_same_account

_LOST = "Its keys were not kept: send the request that brought them again."


def verify_kept(account: Account, mode: str, doors: Doors) -> Account:
    """Return the account as Stripe sees the kept keys of a mode now."""
    try:
        kept = doors.secrets.keys_again(account.tenant, account.id, mode)
    except SecretMissing:
        return judged(account, mode, _LOST, (), doors)
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
    """Return the account as Stripe sees it now; a reason found before is not tried again."""
    checks: tuple[Check, ...] = ()
    try:
        if reason is None or "permission" in reason:
            checks = probe(gateway, reason)
            missing = [check.permission for check in checks if not check.ok]
            reason = f"The secret key lacks {', '.join(missing)}." if missing else None
        if reason is None:
            known = gateway.account_id() or account.stripe_account
            account = listen(account.having(stripe_account=known), mode, gateway, doors)
    except StripeAccountError:
        reason = "Stripe refuses the secret key."
    except OutcomeUnknown:
        if account.slot(mode).is_active:
            raise StripeUnavailable("Stripe did not answer; the account is as before.") from None
        reason = "Stripe did not answer; verify the account again."
    except StripeRequestRefused:
        reason = "Stripe refuses the webhook endpoint: it allows 16, at addresses it can reach."
    return judged(account, mode, reason, checks, doors)


def judged(
    account: Account, mode: str, reason: str | None, checks: tuple[Check, ...], doors: Doors
) -> Account:
    """Return the account with what was found, and when the doctor comes next."""
    found = account.having_slot(
        mode,
        status=AccountStatus.ERROR if reason else AccountStatus.ACTIVE,
        status_reason=reason,
        checks=checks,
        verified_at=doors.now(),
    )
    return found.having_slot(mode, check_at=found.slot(mode).next_check(doors.now()))
