"""Disconnect an account: nothing stays open at Stripe, no event is taken, no key is kept."""

from collections.abc import Iterator
from contextlib import suppress

from payments.doors.doors import Doors
from payments.doors.rows.lists import ALWAYS
from payments.doors.secrets import SecretMissing
from payments.errors import (
    PaymentInProgress,
    StripeAccountError,
    StripePermissionMissing,
    StripeRequestRefused,
    StripeUnavailable,
)
from payments.facts.account import Account, AccountStatus
from payments.facts.attempt import Attempt
from payments.facts.caller import Caller
from payments.facts.outcome import OutcomeUnknown
from payments.steps.accounts.modules_off import switch_off
from payments.steps.accounts.slot_lock import save_and_unlock, slot_locked
from payments.steps.accounts.webhook_endpoint import delete_endpoints
from payments.steps.attempts.provenance import Mismatch, NotOurs
from payments.steps.collecting.close_attempt import close

GONE = "It was disconnected here: add its keys to connect it again."
LET_GO = "It was disconnected here: its merchant goes through Stripe's pages to connect it again."


def disconnect(account_id: str, *, caller: Caller, doors: Doors) -> Account:
    """
    Disconnect an account in every mode, and return it.

    Its modules are switched Off first, so that nothing new begins; then what is open is closed at
    Stripe. A mode with something that cannot be closed keeps its keys, since money may still come.
    A repeat goes on where the request stopped.
    """
    account = doors.store.account(caller.tenant, account_id)
    modes = [mode for mode, slot in account.slots.items() if not slot.is_over]
    for mode in modes:
        switch_off(account, mode, doors)
    _close_all(account, doors)
    for mode in modes:
        with slot_locked(caller.tenant, account_id, mode, doors) as found:
            gone = _emptied(found, mode, doors)
            account = save_and_unlock(gone, mode, doors, verified=False)
    return account


def _close_all(account: Account, doors: Doors) -> None:
    """Close everything that is open; raise a refusal that says what cannot be closed."""
    left, refused = 0, False
    for attempt in _open_attempts(account, doors):
        if not doors.may_write:
            left += 1
            continue
        try:
            left += close(attempt, doors).is_open
        except (StripeAccountError, StripePermissionMissing, SecretMissing):
            left, refused = left + 1, True
        except (PaymentInProgress, StripeUnavailable, OutcomeUnknown, NotOurs, Mismatch):
            left += 1
    if left:
        why = (
            "its keys cannot close them: add keys that work first"
            if refused
            else "they end by themselves or with the next try"
        )
        raise PaymentInProgress(
            f"Account {account.name} keeps its keys, its modules are Off: payments that are open "
            f"at Stripe: {left}; {why}.",
            account=account.id,
            open=left,
            retry_after_s=30,
        )


def _open_attempts(account: Account, doors: Doors) -> Iterator[Attempt]:
    """Yield the attempts that may still bring money; each of them is due at some time."""
    for attempt in doors.store.due(Attempt, ALWAYS):
        if (attempt.tenant, attempt.account) == (account.tenant, account.id) and attempt.is_open:
            yield attempt


def _emptied(account: Account, mode: str, doors: Doors) -> Account:
    """Return the account without an endpoint and keys in a mode."""
    if account.method != "api_keys":
        return _let_go(account, mode, doors)
    with suppress(SecretMissing, StripeAccountError, StripePermissionMissing):
        delete_endpoints(account, mode, doors.gateway(account.tenant, account.id, mode), doors)
    doors.secrets.empty_webhook(account.id, mode)
    doors.secrets.empty_keys(account.tenant, account.id, mode)
    return account.having_slot(
        mode,
        status=AccountStatus.DISCONNECTED,
        status_reason=GONE,
        publishable_key=None,
        secret_key_last4=None,
        previous_key=None,
        endpoint=None,
        checks=(),
        check_at=None,
        alarmed=False,
    )


def _let_go(account: Account, mode: str, doors: Doors) -> Account:
    """
    Return the account, no longer reached through the platform.

    A grant by OAuth is given back to Stripe. An account that the platform made has no such grant:
    it stays the merchant's own, and nothing here uses it.
    """
    connection = doors.store.find_connection(account.tenant, account.id, mode)
    if account.method == "oauth" and connection and connection.stripe_account:
        try:
            doors.platform(mode).deauthorize(connection.stripe_account)
        except OutcomeUnknown:
            raise StripeUnavailable("Stripe did not answer; disconnect it again.") from None
        except StripeRequestRefused as refusal:
            # The merchant disconnected it at Stripe before.
            if refusal.members.get("stripe_code") != "invalid_client":
                raise
    return account.having_slot(
        mode, status=AccountStatus.DISCONNECTED, status_reason=LET_GO, checks=(), check_at=None
    )
