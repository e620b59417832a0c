"""Read a tenant's lists, and the due work of every tenant."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import TypeVar

from pydantic import BaseModel

from payments.doors.keys import DUE_SHARDS, stamp
from payments.doors.rows.addresses import NAMES
from payments.doors.rows.reading import Reading
from payments.doors.table import Unreadable
from payments.errors import require_found
from payments.facts.account import Account

M = TypeVar("M", bound=BaseModel)

#: How many keys of due work are read of a shard before it is shared out.
LOOKED_THROUGH = 5000
#: After every time there is.
ALWAYS = datetime.max.replace(tzinfo=UTC)
#: A row that cannot be read is tried, and counted, again after this.
ASIDE_FOR = timedelta(hours=1)


class Lists(Reading):
    """Reads what an index finds."""

    def page(
        self,
        kind: type[M],
        tenant: str,
        *,
        limit: int,
        cursor: str | None,
        wanted: dict[str, str] | None = None,
    ) -> tuple[list[M], str | None]:
        """
        Return a page of a tenant's objects, newest first, and the cursor of the next one.

        The index only finds them; the rows are read consistently. A page that had to look through
        many may be short, or empty, and still have a next one.
        """
        home = f"T#{tenant}#{NAMES[kind]}"
        return self._page(kind, home, limit, cursor, wanted or {})

    def named(self, kind: type[M], tenant: str, name: str) -> M:
        """Return a tenant's object by its id alone, or raise NotFound; the index only finds it."""
        key = self._table.listed(f"T#{tenant}#{NAMES[kind]}", name)
        found = self._find(kind, *key) if key else None
        return require_found(found, NAMES[kind])

    def due(self, kind: type[M], until: datetime, *, limit: int | None = None) -> Iterator[M]:
        """
        Yield the objects of every tenant whose work is due, at most `limit` for each shard.

        Where there is more, each tenant has its share: one's backlog does not delay the others. A
        row that cannot be read is put aside, so that it does not stop the others.
        """
        name = NAMES[kind]
        for shard in range(DUE_SHARDS):
            most = LOOKED_THROUGH if limit else None
            keys = list(self._table.due(f"DUE#{name}#{shard}", stamp(until), limit=most))
            for pk, sk in shared_out(keys, limit) if limit else keys:
                try:
                    found = self._find(kind, pk, sk)
                except Unreadable:
                    self._put_aside(pk, sk, until)
                    continue
                if found:
                    yield found

    def _put_aside(self, pk: str, sk: str, until: datetime) -> None:
        """Count it, and have it wait for a version that can read it, or for somebody's hand."""
        self.aside.append((pk, sk))
        if until < ALWAYS:
            self._table.put_aside(pk, sk, stamp(until + ASIDE_FOR))

    def working_accounts(self) -> Iterator[Account]:
        """Yield the accounts of every tenant that have to be looked after."""
        return self.due(Account, ALWAYS)


def shared_out(keys: list[tuple[str, str]], limit: int) -> list[tuple[str, str]]:
    """Return up to `limit` keys, the oldest of each tenant first, then the second of each."""
    counted: Counter[str] = Counter()
    ranked = []
    for key in keys:
        tenant = key[0].partition("#")[2].partition("#")[0]
        ranked.append((counted[tenant], key))
        counted[tenant] += 1
    ranked.sort(key=itemgetter(0))
    return [key for _, key in ranked[:limit]]
