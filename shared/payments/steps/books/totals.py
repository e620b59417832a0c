"""Read the journal's entries of a period, and the balance of every account at a closing."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from payments.doors.doors import Doors
from payments.doors.keys import stamp
from payments.facts.balances import Balances, Closing, joined
from payments.facts.ledger import JournalEntry

PAGE = 100


class BooksBroken(Exception):
    """Stored balances are missing or differ from the journal; the message names the tenants."""


def entered(
    tenant: str, since: datetime | None, until: datetime | None, doors: Doors
) -> Iterator[JournalEntry]:
    """Yield the entries made at or after `since` and before `until`, newest first."""
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
    """Return the balance of every account at a closing, or nothing before the first closing."""
    if not closing:
        return Counter()
    parts = doors.store.parts(tenant, closing)
    if len(parts) != closing.parts:
        raise BooksBroken(tenant)
    return joined(parts)
