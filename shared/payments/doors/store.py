"""The typed door to the table: transactions here, and reads by subject in `rows`."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from payments.doors.rows.accounts import Accounts
from payments.doors.rows.addresses import address, row_of
from payments.doors.rows.books import Books
from payments.doors.rows.customers import Customers
from payments.doors.rows.events import Events
from payments.doors.rows.invoices import Invoices
from payments.doors.rows.lists import Lists
from payments.doors.rows.mails import Mails
from payments.doors.rows.pointers import Pointers
from payments.doors.rows.records import Records
from payments.doors.table import Contended, Put, Table
from payments.errors import TooMuchContention

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Change(Generic[M]):
    """A row's next value and the value that was read; `old` is None for a new row."""

    new: M
    old: M | None = None


def change(new: M, old: M | None = None) -> Change[M]:
    """Return the change with the new value's version: one more than the version read."""
    version = old.version + 1 if old else 1  # type: ignore[attr-defined]
    return Change(new.model_copy(update={"version": version}), old)


class Store(Invoices, Customers, Accounts, Events, Mails, Books, Records, Pointers, Lists):
    """Reads and writes the table; a read is of one tenant, except for pointers and due work."""

    def write(self, *changes: Change[Any]) -> None:
        """Write all changes or none; raise RowChanged if a row is not as it was read."""
        puts = [
            Put(row_of(entry.new), entry.old.version if entry.old else None) for entry in changes
        ]
        try:
            if len(puts) == 1:
                self._table.put(puts[0].row, seen=puts[0].seen)
            else:
                self._table.transact(*puts)
        except Contended:
            raise TooMuchContention("The same rows keep changing; nothing was written.") from None

    def wait(self, tried: int) -> None:
        """Wait while the requests that have changed a row finish."""
        self._table.wait(tried)

    def save(self, new: M, old: M | None = None) -> M:
        """Write one change and return the value with its version."""
        saved = change(new, old)
        self.write(saved)
        return saved.new

    def create(self, *rows: BaseModel) -> None:
        """Write new rows, all or none; raise RowChanged if one exists."""
        self.write(*(change(row) for row in rows))

    def remembering(self) -> "Store":
        """Return a store for one short task; it reads each row once."""
        return Remembering(self._table)


class Remembering(Store):
    """
    A store that remembers rows that it has read or written; a list is read each time.

    It is for one task only, so that what was switched off is off for the next task. A write asks
    for the versions that were read; after a failure its rows are read again.
    """

    def __init__(self, table: Table) -> None:
        """Know nothing yet."""
        super().__init__(table)
        self._known: dict[tuple[str, str], Any] = {}

    def _find(self, kind: type[M], pk: str, sk: str) -> M | None:
        if (pk, sk) not in self._known:
            self._known[pk, sk] = super()._find(kind, pk, sk)
        found: M | None = self._known[pk, sk]
        return found

    def _several(self, *asked: tuple[type[BaseModel], str, str]) -> list[Any]:
        unknown = [each for each in asked if each[1:] not in self._known]
        for (_, pk, sk), found in zip(unknown, super()._several(*unknown), strict=True):
            self._known[pk, sk] = found
        return [self._known[pk, sk] for _, pk, sk in asked]

    def write(self, *changes: Change[Any]) -> None:
        """Write all changes or none, and remember what was written."""
        for entry in changes:
            self._known.pop(address(entry.new), None)
        super().write(*changes)
        self._known |= {address(entry.new): entry.new for entry in changes}
