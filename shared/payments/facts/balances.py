"""
Closed balances: what every account came to at a midnight, so that nobody reads all history again.

Entries are put into the journal in the order in which they are entered, whatever day the fact was
of, so a closed midnight stays as it is; see `JournalEntry.since`.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from pydantic import Field

from payments.facts.fact import Fact
from payments.facts.ledger import JournalEntry

#: Whoever enters something has read the clock before: nobody works for an hour on one entry.
SETTLED = timedelta(hours=1)
#: For so long each midnight is kept; of the time before, the first of each month.
DAILY = timedelta(days=40)
#: DynamoDB keeps 400 kB in a row, and an account of a customer is some 60 bytes.
ACCOUNTS_MAX = 2000

Balances = Counter[tuple[str, str]]


class Closing(Fact):
    """All that was entered before `until`; `parts` rows under `id` hold the balances."""

    id: str
    until: datetime
    entries: int
    parts: int

    def is_kept(self, now: datetime) -> bool:
        """Whether it is one of those that stay."""
        return self.until.day == 1 or now - self.until < DAILY


class Closings(Fact):
    """A tenant's closed midnights, oldest first."""

    tenant: str
    done: tuple[Closing, ...] = ()
    version: int = 0

    @property
    def id(self) -> str:
        """What it is found by: there is one for each tenant."""
        return self.tenant

    @property
    def sweep_at(self) -> datetime:
        """Since when it is due: it always is, for every night looks at every tenant's."""
        return self.done[-1].until if self.done else datetime.min.replace(tzinfo=UTC)

    def before(self, until: datetime | None) -> Closing | None:
        """Return the last one that is no later than `until`, or the last of all."""
        fitting = [each for each in self.done if until is None or each.until <= until]
        return fitting[-1] if fitting else None

    def earlier_than(self, until: datetime) -> Closing | None:
        """Return the last one before `until`."""
        return next((each for each in reversed(self.done) if each.until < until), None)

    def closed(self, closing: Closing, now: datetime) -> "Closings":
        """Return them with one more, and without those that are not kept any longer."""
        kept = tuple(each for each in self.done if each.is_kept(now))
        return self.having(done=(*kept, closing))

    def without(self, broken: Closing) -> "Closings":
        """Return them without one that is wrong, and without those that were built on it."""
        return self.having(done=tuple(each for each in self.done if each.until < broken.until))


class Part(Fact):
    """Some of the balances of one closing, by `account currency`; `ttl` is when they may go."""

    tenant: str
    closing: str
    number: int
    balances: dict[str, int] = Field(default_factory=dict)
    ttl: int | None = None
    version: int = 1


def last_midnight(now: datetime) -> datetime:
    """Return the last midnight before which nothing can be entered any more."""
    return datetime.combine((now - SETTLED).date(), time(), now.tzinfo)


def add(balances: Balances, entries: Iterable[JournalEntry]) -> int:
    """Count entries in, and return how many they were."""
    count = 0
    for entry in entries:
        count += 1
        for posting in entry.postings:
            balances[posting.account, posting.currency] += posting.amount
    return count


def divided(
    tenant: str, closing: str, balances: dict[tuple[str, str], int], ttl: int | None
) -> list[Part]:
    """Return balances as they are stored."""
    named = sorted((" ".join(of), balance) for of, balance in balances.items())
    return [
        Part(
            tenant=tenant,
            closing=closing,
            number=start // ACCOUNTS_MAX,
            balances=dict(named[start : start + ACCOUNTS_MAX]),
            ttl=ttl,
        )
        for start in range(0, len(named), ACCOUNTS_MAX)
    ]


def joined(parts: Iterable[Part]) -> Balances:
    """Return balances as they were stored."""
    found: Balances = Counter()
    for part in parts:
        for name, balance in part.balances.items():
            account, _, currency = name.rpartition(" ")
            found[account, currency] = balance
    return found
