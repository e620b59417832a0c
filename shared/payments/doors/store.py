"""The typed door to the table: what is written together, and by subject in `rows` what is read."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from payments.doors.rows.accounts import Accounts
from payments.doors.rows.addresses import row_of
from payments.doors.rows.books import Books
from payments.doors.rows.customers import Customers
from payments.doors.rows.events import Events
from payments.doors.rows.invoices import Invoices
from payments.doors.rows.lists import Lists
from payments.doors.rows.mails import Mails
from payments.doors.rows.pointers import Pointers
from payments.doors.rows.records import Records
from payments.doors.table import Contended, Put
from payments.errors import TooMuchContention

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Change(Generic[M]):
    """A row's next value and the one that was read; `old` is None where there must be none yet."""

    new: M
    old: M | None = None


def change(new: M, old: M | None = None) -> Change[M]:
    """Return the change with the new value's version set: one more than what was read."""
    version = old.version + 1 if old else 1  # type: ignore[attr-defined]
    return Change(new.model_copy(update={"version": version}), old)


class Store(Invoices, Customers, Accounts, Events, Mails, Books, Records, Pointers, Lists):
    """Every read is of one tenant, but for the pointers and the work that is due."""

    def write(self, *changes: Change[Any]) -> None:
        """Write all changes or none; raise RowChanged if something was not as it had been read."""
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
        """Let those go first who have changed a row meanwhile."""
        self._table.wait(tried)

    def save(self, new: M, old: M | None = None) -> M:
        """Write one change and return the value with its version."""
        saved = change(new, old)
        self.write(saved)
        return saved.new

    def create(self, *rows: BaseModel) -> None:
        """Write rows of which there is none yet, all or none."""
        self.write(*(change(row) for row in rows))
