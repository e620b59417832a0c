"""A tenant's lists, and the work of every tenant that is due."""

from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from payments.doors.keys import DUE_SHARDS, stamp
from payments.doors.rows.addresses import NAMES
from payments.doors.rows.reading import Reading
from payments.errors import require_found
from payments.facts.account import Account

M = TypeVar("M", bound=BaseModel)


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

        The index only finds them; the rows are read consistently.
        """
        home = f"T#{tenant}#{NAMES[kind]}"
        return self._page(kind, home, limit, cursor, wanted or {})

    def named(self, kind: type[M], tenant: str, name: str) -> M:
        """Return a tenant's object by its id alone; the index only finds it. Or raise NotFound."""
        key = self._table.listed(f"T#{tenant}#{NAMES[kind]}", name)
        found = self._find(kind, *key) if key else None
        return require_found(found, NAMES[kind])

    def due(self, kind: type[M], until: datetime, *, limit: int | None = None) -> Iterator[M]:
        """Yield the objects of every tenant whose work is due, at most `limit` for each shard."""
        name = NAMES[kind]
        for shard in range(DUE_SHARDS):
            keys = list(self._table.due(f"DUE#{name}#{shard}", stamp(until), limit=limit))
            for pk, sk in keys:
                found = self._find(kind, pk, sk)
                if found:
                    yield found

    def working_accounts(self) -> Iterator[Account]:
        """Yield the accounts of every tenant that somebody has to look after."""
        return self.due(Account, datetime.max)  # noqa: DTZ901 - after every time there is
