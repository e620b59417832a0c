"""Begin a recovery for a declined saved card, in the transaction that writes the decline."""

from collections.abc import Iterator

from payments.doors.doors import Doors
from payments.doors.store import Change, change
from payments.facts.attempt import Attempt, AttemptStatus, Channel, Decline
from payments.facts.invoice import Invoice
from payments.facts.recovery import Recovery


def recoveries(
    attempt: Attempt, invoices: list[Invoice], doors: Doors
) -> Iterator[Change[Recovery]]:
    """
    Yield the recovery of each invoice of a declined charge, if the tenant wants recoveries.

    A charge that waits for its payer gets one too: the payer may never confirm. A charge that a
    recovery made itself yields nothing, since that recovery goes on by itself.
    """
    followed = attempt.waits or attempt.status is AttemptStatus.FAILED
    if not followed or attempt.channel is not Channel.CHARGE:
        return
    schedule = doors.store.settings(attempt.tenant).retry_schedule
    if not schedule:
        return
    decline, now = attempt.decline or Decline(code="card_declined"), doors.now()
    for invoice, part in zip(invoices, attempt.shares, strict=True):
        known = doors.store.recovery(attempt.tenant, invoice.id)
        if known and known.is_open:
            # The newest decline counts, and the newest card.
            new = known.having(payment_method=attempt.payment_method)
        else:
            new = Recovery.begin(
                attempt,
                part,
                invoice.outstanding,
                id=doors.new_id("rcv"),
                schedule=schedule,
                started_at=now,
            )
        yield change(new.follow(decline, now, doors.new_id("att")), known)
