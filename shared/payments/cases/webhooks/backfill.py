"""Fetch events that Stripe could not deliver, and store them as if they had come."""

from collections.abc import Iterator
from datetime import timedelta

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.table import RowChanged
from payments.facts.account import Account
from payments.facts.attempt import SWEEP_AFTER
from payments.facts.event import APPLIED, InboxEvent, kept_until
from payments.facts.stripe_accounts import Event

#: Stripe lists events for 30 days; one day less, since old ones leave the list while it is read.
REACH = timedelta(days=29)
#: An event may appear in the list later than its own time says.
OVERLAP = timedelta(hours=1)
#: With less time than this, the next run repeats the window.
NEEDS_S = 60


def schedule_backfills(doors: Doors) -> int:
    """Queue a back-fill for every active slot of all accounts; return how many."""
    queued = 0
    for account in doors.store.working_accounts():
        for mode in account.active_modes:
            message = {"tenant": account.tenant, "backfill": account.id, "mode": mode}
            doors.reconciliations.send(message)
            queued += 1
    return queued


def backfill(tenant: str, account_id: str, mode: str, doors: Doors) -> int:
    """Store and queue the undelivered events of one slot; return how many were new."""
    account, until = doors.store.account(tenant, account_id), doors.now()
    slot = account.slot(mode)
    since = max(until - REACH, (slot.backfilled_until or slot.created_at) - OVERLAP)
    gateway = doors.gateway(tenant, account.id, mode)
    news = 0
    for event in _undelivered(gateway, since.timestamp()):
        if doors.time_left() < NEEDS_S:
            return news
        news += _keep(event, account, mode, doors)
    try:
        doors.store.save(account.having_slot(mode, backfilled_until=until), account)
    except RowChanged:
        # The next run's window is longer by this one's.
        return news
    return news


def _undelivered(gateway: Gateway, since: float) -> Iterator[Event]:
    cursor = None
    while True:
        found, cursor = gateway.undelivered_events(int(since), cursor)
        yield from (event for event in found if event.type in APPLIED)
        if cursor is None:
            return


def _keep(event: Event, account: Account, mode: str, doors: Doors) -> bool:
    kept = InboxEvent(
        id=event.id,
        tenant=account.tenant,
        account=account.id,
        mode=mode,
        type=event.type,
        object_id=event.data.object.id,
        livemode=event.livemode,
        received_at=doors.now(),
        stripe_account=event.account,
        sweep_at=doors.now() + SWEEP_AFTER,
        ttl=kept_until(doors.now()),
    )
    try:
        doors.store.save(kept)
    except RowChanged:
        # The webhook or an earlier run was faster; the sweep applies what is still pending.
        return False
    doors.events.send(kept.address())
    return True
