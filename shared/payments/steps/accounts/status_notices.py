"""Tell those who look after an account once that it has stopped, and once that it works again."""

from payments.doors.doors import Doors
from payments.doors.store import Change
from payments.facts.account import Account, AccountStatus
from payments.facts.notification import Kind, Notification
from payments.steps.notifications import outbox

#: A merchant who disconnects the account at Stripe also leaves one that does not work.
_ILL = frozenset({AccountStatus.ERROR, AccountStatus.RESTRICTED, AccountStatus.DISCONNECTED})


def with_notices(
    before: Account, after: Account, mode: str, doors: Doors
) -> tuple[Account, list[Change[Notification]]]:
    """
    Return a verified account as it is to be written, and the notices to write with it.

    An account that never worked is shown only to the person who connects it. The slot itself is
    marked, so that a check with the same result, or another reason, tells nobody again.
    """
    slot = after.slot(mode)
    if slot.is_active and slot.alarmed:
        well = after.having_slot(mode, alarmed=False)
        return well, [_status_notice(Kind.ACCOUNT_RECOVERED, before, mode, doors)]
    if slot.is_active:
        return after.having_slot(mode, worked=True), []
    if slot.status in _ILL and slot.worked and not slot.alarmed:
        ill = after.having_slot(mode, alarmed=True)
        return ill, [_status_notice(Kind.ACCOUNT_ERROR, before, mode, doors)]
    return after, []


def _status_notice(kind: Kind, before: Account, mode: str, doors: Doors) -> Change[Notification]:
    # The version that was read makes the key, so a check that loses the race writes neither row.
    return outbox.of_account(
        kind,
        f"{before.id}:{mode}:{before.version}",
        tenant=before.tenant,
        account=before.id,
        at=doors.now(),
        mode=mode,
    )
