"""Verify one slot of an account at Stripe: its keys, their permissions, its webhook endpoint."""

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.errors import StripeAccountError, StripeRequestRefused
from payments.facts.account import Account, AccountStatus, Check
from payments.facts.stripe_objects import OutcomeUnknown
from payments.steps.listening import listen
from payments.steps.probing import probe


def verified(
    account: Account,
    mode: str,
    gateway: Gateway,
    reason: str | None,
    *,
    base_url: str,
    doors: Doors,
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
            account = account.having(stripe_account=known)
            account = listen(account, mode, gateway, base_url, doors)
    except StripeAccountError:
        reason = "Stripe refuses the secret key."
    except OutcomeUnknown:
        reason = "Stripe did not answer; verify the account again."
    except StripeRequestRefused:
        reason = "Stripe refuses the webhook endpoint: it allows 16, at addresses it can reach."
    status = AccountStatus.ERROR if reason else AccountStatus.ACTIVE
    return account.having_slot(
        mode, status=status, status_reason=reason, checks=checks, verified_at=doors.now()
    )
