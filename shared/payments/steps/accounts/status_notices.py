"""Whoever looks after an account is told once that it has stopped, and once that it works again."""

from payments.doors.doors import Doors
from payments.doors.store import Change
from payments.facts.account import Account, AccountStatus
from payments.facts.notification import Kind, Notification
from payments.steps.notifications import outbox

#: A merchant who disconnects it at Stripe leaves an account that does not work, too.
_ILL = frozenset({AccountStatus.ERROR, AccountStatus.RESTRICTED, AccountStatus.DISCONNECTED})


def with_notices(
    before: Account, after: Account, mode: str, doors: Doors
) -> tuple[Account, list[Change[Notification]]]:
    """
    Return a verified account as it is to be written, and what is to be told with it.

    One that never worked is told to whoever connects it, and to nobody else. The marks are the
    slot's own, so that a check that finds the same again, or another reason, tells nobody.
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
    # The version that was read is the transition's own: whoever loses the race writes neither.
    return outbox.of_account(
        kind,
        f"{before.id}:{mode}:{before.version}",
        tenant=before.tenant,
        account=before.id,
        at=doors.now(),
        mode=mode,
    )
