"""The journal as an accountant reads it: entries, and what each account comes to."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from payments.doors.doors import Doors
from payments.facts.ledger import JournalEntry

PAGE = 100


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Balances by (account, currency), debits positive; each currency's sum is zero, or a bug."""

    entries: int
    balances: dict[tuple[str, str], int]

    @property
    def totals(self) -> dict[str, int]:
        """Return the sum of all accounts in each currency."""
        sums: Counter[str] = Counter()
        for (_, currency), balance in self.balances.items():
            sums[currency] += balance
        return dict(sums)


def trial_balance(tenant: str, until: datetime | None, *, doors: Doors) -> TrialBalance:
    """Sum the tenant's journal up to a moment, account by account."""
    sums: Counter[tuple[str, str]] = Counter()
    count = 0
    for entry in _entries(tenant, doors):
        if until and entry.at > until:
            continue
        count += 1
        for posting in entry.postings:
            sums[posting.account, posting.currency] += posting.amount
    return TrialBalance(count, dict(sums))


def _entries(tenant: str, doors: Doors) -> Iterator[JournalEntry]:
    cursor = None
    while True:
        found, cursor = doors.store.page(JournalEntry, tenant, limit=PAGE, cursor=cursor)
        yield from found
        if cursor is None:
            return
