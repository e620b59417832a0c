"""The trial balance: what each account of the journal comes to."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from payments.doors.doors import Doors
from payments.facts.balances import add
from payments.steps.books.totals import balances_at, entered


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Balances by (account, currency), debits positive; the sum of each currency must be zero."""

    entries: int
    balances: dict[tuple[str, str], int]

    @property
    def totals(self) -> dict[str, int]:
        """Return the sum over all accounts in each currency."""
        sums: Counter[str] = Counter()
        for (_, currency), balance in self.balances.items():
            sums[currency] += balance
        return dict(sums)


def trial_balance(tenant: str, until: datetime | None, *, doors: Doors) -> TrialBalance:
    """
    Sum the tenant's journal up to a moment, account by account.

    It starts from the last balances that were closed before that moment, and reads what was entered
    since. An older fact may have been entered after the closing.
    """
    closing = doors.store.closings(tenant).before(until)
    balances = balances_at(tenant, closing, doors)
    later = entered(tenant, closing.until if closing else None, None, doors)
    count = add(balances, (each for each in later if until is None or each.at <= until))
    return TrialBalance(count + (closing.entries if closing else 0), dict(balances))
