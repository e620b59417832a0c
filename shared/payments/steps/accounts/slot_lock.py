"""Lock a slot while it is probed: two requests at once could make two endpoints for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from payments.doors.doors import Doors
from payments.doors.store import Change, change
from payments.errors import AccountBusy, StripeAccountTaken, TooMuchContention
from payments.facts.account import HOLD, Account, Slot
from payments.facts.connection import ConnectedAccount
from payments.facts.notification import Notification
from payments.steps.accounts.modules_off import switch_off
from payments.steps.accounts.status_notices import with_notices
from payments.steps.accounts.stripe_owner import held_by
from payments.steps.retry import retrying

TRIES = 5
PUT_OFF = timedelta(minutes=10)
#: What other jobs write into a slot while it is locked.
_MARKS = ("reconciled_until", "backfilled_until")


@contextmanager
def slot_locked(tenant: str, account_id: str, mode: str, doors: Doors) -> Iterator[Account]:
    """Lock the slot of a mode, new or not, until `save_and_unlock`; an error unlocks it."""
    account = _take(tenant, account_id, mode, doors)
    try:
        yield account
    except Exception:
        with suppress(TooMuchContention):
            save_and_unlock(account, mode, doors, verified=False)
        raise


def save_and_unlock(new: Account, mode: str, doors: Doors, *, verified: bool = True) -> Account:
    """
    Save what was found out about a slot, unlock it and return the account.

    If the slot was `verified` and does not work, its modules are switched Off first: after a crash
    in between, the doctor still checks it. Notices are written in the same transaction as the
    status.
    """
    if verified and not new.slot(mode).is_active:
        switch_off(new, mode, doors)

    def step() -> Account:
        found = doors.store.account(new.tenant, new.id)
        marks = {name: getattr(found.slot(mode), name) for name in _MARKS}
        slot = new.slot(mode).having(**(marks | {"held_until": None}))
        merged = found.having(
            stripe_account=new.stripe_account or found.stripe_account,
            base_url=new.base_url or found.base_url,
            slots={**found.slots, mode: slot},
        )
        notices: list[Change[Notification]] = []
        if verified:
            merged, notices = with_notices(found, merged, mode, doors)
        saved = change(merged, found)
        doors.store.write(saved, *notices, *_owned(merged, mode, doors))
        return saved.new

    return retry_on_account(step, new.name, doors)


def _owned(account: Account, mode: str, doors: Doors) -> list[Change[ConnectedAccount]]:
    """Return what makes its Stripe account its own: that is learnt by the first probe at times."""
    if account.method != "api_keys" or not account.stripe_account or not account.uses(mode):
        return []
    try:
        return held_by(account, account.stripe_account, mode, doors)
    except StripeAccountTaken:
        # Connected twice before that was refused: each payment is booked where it was asked for.
        return []


def retry_on_account(step: Callable[[], Account], name: str, doors: Doors) -> Account:
    """Run `step` again while the account changes, and return its result; few ever meet there."""
    detail = f"Account {name} keeps changing; send the request again."
    return retrying(step, doors, tries=TRIES, pausing=False, detail=detail)


def _take(tenant: str, account_id: str, mode: str, doors: Doors) -> Account:
    def step() -> Account:
        account, now = doors.store.account(tenant, account_id), doors.now()
        slot = account.slots.get(mode) or Slot(created_at=now)
        if slot.is_held(now):
            raise AccountBusy(
                f"Another request works on account {account.name}; send this one again.",
                account=account.id,
                retry_after_s=5,
            )
        # If this process dies, the doctor comes soon, but not before the lock ends.
        mine = slot.having(held_until=now + HOLD, check_at=now + PUT_OFF)
        return doors.store.save(account.having(slots={**account.slots, mode: mine}), account)

    return retry_on_account(step, account_id, doors)
