"""
Closed balances: the balance of every account at a midnight, so that nobody reads all history again.

The journal keeps its entries in the order in which they were entered, whatever day their fact had.
So a closed midnight never changes; see `JournalEntry.since`.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from pydantic import Field

from payments.facts.fact import Fact
from payments.facts.ledger import JournalEntry

#: An entry has the time at which its request read the clock, and no request works for an hour.
SETTLED = timedelta(hours=1)
#: How long each midnight is kept; of earlier ones, the first of each month stays.
DAILY = timedelta(days=40)
#: DynamoDB takes 400 kB in a row, and an account of a customer takes some 60 bytes.
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
        """Since when it is due: always, since every night checks every tenant."""
        return self.done[-1].until if self.done else datetime.min.replace(tzinfo=UTC)

    def before(self, until: datetime | None) -> Closing | None:
        """Return the last closing at or before `until`, or the last of all."""
        fitting = [each for each in self.done if until is None or each.until <= until]
        return fitting[-1] if fitting else None

    def earlier_than(self, until: datetime) -> Closing | None:
        """Return the last closing before `until`, or None."""
        return next((each for each in reversed(self.done) if each.until < until), None)

    def closed(self, closing: Closing, now: datetime) -> "Closings":
        """Return the closings with one more, and without those that are no longer kept."""
        kept = tuple(each for each in self.done if each.is_kept(now))
        return self.having(done=(*kept, closing))

    def without(self, broken: Closing) -> "Closings":
        """Return the closings without a wrong one, and without those that follow from it."""
        return self.having(done=tuple(each for each in self.done if each.until < broken.until))


class Part(Fact):
    """Some of the balances of one closing, by `account currency`; `ttl` is when it may go."""

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
    """Add entries to the balances, and return how many there were."""
    count = 0
    for entry in entries:
        count += 1
        for posting in entry.postings:
            balances[posting.account, posting.currency] += posting.amount
    return count


def divided(
    tenant: str, closing: str, balances: dict[tuple[str, str], int], ttl: int | None
) -> list[Part]:
    """Return balances as the rows in which they are stored."""
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
    """Return the balances that these rows hold."""
    found: Balances = Counter()
    for part in parts:
        for name, balance in part.balances.items():
            account, _, currency = name.rpartition(" ")
            found[account, currency] = balance
    return found
