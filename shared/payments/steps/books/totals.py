"""What was entered into the journal in a time, and what every account came to before it."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from payments.doors.doors import Doors
from payments.doors.keys import stamp
from payments.facts.balances import Balances, Closing, joined
from payments.facts.ledger import JournalEntry

PAGE = 100


class BooksBroken(Exception):
    """Kept balances are not there, or are not what the journal comes to; the names say whose."""


def entered(
    tenant: str, since: datetime | None, until: datetime | None, doors: Doors
) -> Iterator[JournalEntry]:
    """Yield what was entered from `since` on and before `until`, newest first."""
    cursor = stamp(until) if until else None
    while True:
        found, cursor = doors.store.page(JournalEntry, tenant, limit=PAGE, cursor=cursor)
        for entry in found:
            if since and entry.since < since:
                return
            yield entry
        if cursor is None:
            return


def balances_at(tenant: str, closing: Closing | None, doors: Doors) -> Balances:
    """Return what every account came to at a closing, or nothing before the first one."""
    if not closing:
        return Counter()
    parts = doors.store.parts(tenant, closing)
    if len(parts) != closing.parts:
        raise BooksBroken(tenant)
    return joined(parts)
