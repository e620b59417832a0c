"""Take a connected account's status from Stripe; the newest answer counts."""

from payments.doors.doors import Doors
from payments.doors.store import change
from payments.doors.stripe_api.refusals import ACCESS_LOST
from payments.errors import StripeAccountError
from payments.facts.account import Account, AccountStatus, Check, Slot
from payments.facts.connection import Connection
from payments.facts.stripe_accounts import OK, ConnectedStripeAccount
from payments.steps.accounts.modules_off import switch_off
from payments.steps.accounts.status_notices import with_notices
from payments.steps.retry import retrying

TRIES = 5
DISCONNECTED = "The merchant has disconnected it at Stripe: connect it again."
_REVIEWED = ("requirements.pending_verification", "under_review")


def refresh(
    tenant: str, account_id: str, mode: str, doors: Doors, *, reconnect: bool = False
) -> Account:
    """
    Ask Stripe about a connected account and return it with its new status.

    The row is read, then Stripe is asked, then the row is written at the version that was read. So
    an older answer never overwrites a newer one. A disconnected account stays disconnected until a
    person connects it again.
    """

    def step() -> Account:
        account = doors.store.account(tenant, account_id)
        connection = doors.store.find_connection(tenant, account_id, mode)
        over = account.slot(mode).status is AccountStatus.DISCONNECTED and not reconnect
        if not connection or not connection.stripe_account or over:
            return account
        found, notices = with_notices(account, _asked(account, connection, doors), mode, doors)
        saved = change(found, account)
        doors.store.write(saved, *notices)
        return saved.new

    detail = f"Account {account_id} kept changing; ask again."
    account = retrying(step, doors, tries=TRIES, pausing=False, detail=detail)
    if account.slot(mode).status is AccountStatus.DISCONNECTED:
        switch_off(account, mode, doors)
    return account


def _asked(account: Account, connection: Connection, doors: Doors) -> Account:
    mode, before = connection.mode, account.slot(connection.mode)
    try:
        told = doors.platform(mode).account(connection.stripe_account or "")
    except StripeAccountError as refusal:
        if refusal.members.get("stripe_code") != ACCESS_LOST:
            raise
        return account.judged(mode, AccountStatus.DISCONNECTED, DISCONNECTED, (), doors.now())
    status, reason = _status(told, before)
    return account.judged(mode, status, reason, _checks(told, connection), doors.now())


def _status(told: ConnectedStripeAccount, before: Slot) -> tuple[AccountStatus, str | None]:
    """Return the account's status and, where something is missing, the reason."""
    asked = told.requirements
    if told.may_charge:
        return AccountStatus.ACTIVE, None
    if asked.disabled_reason and asked.disabled_reason.startswith("rejected."):
        return (
            AccountStatus.RESTRICTED,
            f"Stripe has rejected the account: {asked.disabled_reason}.",
        )
    wanted = asked.due and f"Stripe asks for {asked.due}."
    reason = wanted or "Stripe does not let it take payments yet."
    if not told.details_submitted:
        return AccountStatus.PENDING, reason
    once = before.status in {AccountStatus.ACTIVE, AccountStatus.RESTRICTED}
    if asked.disabled_reason in _REVIEWED and not once and not wanted:
        return AccountStatus.PENDING, "Stripe is checking what was entered; that ends by itself."
    return AccountStatus.RESTRICTED, reason


def _checks(told: ConnectedStripeAccount, connection: Connection) -> tuple[Check, ...]:
    """Return the checks of a connected account, which has no permissions of keys to show."""
    where = (
        f"with a fresh link: POST /v1/accounts/{connection.account}/onboarding-link."
        if connection.method == "onboarding"
        else "in their own Stripe Dashboard."
    )
    found = [
        ("charges_enabled", told.charges_enabled),
        ("payouts_enabled", told.payouts_enabled),
        *((f"capabilities.{name}", has == OK) for name, has in told.capabilities.items()),
        *((f"requirements.{name}", False) for name in told.requirements.currently_due),
    ]
    return tuple(
        Check(permission=name, ok=ok, fix=None if ok else f"The merchant gives Stripe this {where}")
        for name, ok in found
    )
