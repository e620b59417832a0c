"""An account's name: one account of a tenant has it at a time, in whatever case it is written."""

from collections.abc import Iterator

from payments.doors.doors import Doors
from payments.doors.store import Change, Reservation, change
from payments.errors import NameTaken
from payments.facts.account import Account


def named(account: Account, old: str | None, doors: Doors) -> Iterator[Change[Reservation]]:
    """
    Yield what takes the account's name, and what gives the `old` one free.

    To be written with the account itself. Raise NameTaken if another one has it.
    """
    if old and old.casefold() == account.name.casefold():
        return
    taken = _found(account, account.name, doors)
    if taken and taken.holder not in {"", account.id}:
        raise NameTaken(f"Another account is named {account.name}.", name=account.name)
    yield change(_row(account, account.name, account.id), taken)
    if old:
        yield change(_row(account, old, ""), _found(account, old, doors))


def _found(account: Account, name: str, doors: Doors) -> Reservation | None:
    return doors.store.reservation(account.tenant, "NAM", name.casefold())


def _row(account: Account, name: str, holder: str) -> Reservation:
    return Reservation(tenant=account.tenant, kind="NAM", value=name.casefold(), holder=holder)
