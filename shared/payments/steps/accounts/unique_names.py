"""Keep the names of a tenant's accounts and payment modules unique; case does not count."""

from collections.abc import Iterator

from payments.doors.doors import Doors
from payments.doors.store import Change, change
from payments.errors import NameTaken
from payments.facts.account import Account
from payments.facts.module import PaymentModule
from payments.facts.reservation import Reservation

Holder = Account | PaymentModule

#: The kinds of reservations, and what a refusal calls each.
_KINDS: dict[type[Holder], tuple[str, str]] = {
    Account: ("NAM", "account"),
    PaymentModule: ("MNM", "payment module"),
}


def name_changes(holder: Holder, old: str | None, doors: Doors) -> Iterator[Change[Reservation]]:
    """
    Yield the changes that take the holder's name and free the `old` one.

    They are written in the holder's own transaction. Raise NameTaken if another holder has the
    name.
    """
    if old and old.casefold() == holder.name.casefold():
        return
    known = _found(type(holder), holder.tenant, holder.name, doors)
    if known and known.holder not in {"", holder.id}:
        raise taken(type(holder), holder.name)
    yield change(_reservation(holder, holder.name, holder.id), known)
    if old:
        yield change(_reservation(holder, old, ""), _found(type(holder), holder.tenant, old, doors))


def require_name_free(kind: type[Holder], tenant: str, name: str, doors: Doors) -> None:
    """Raise NameTaken if the name is in use, before the holder is made."""
    known = _found(kind, tenant, name, doors)
    if known and known.holder:
        raise taken(kind, name)


def taken(kind: type[Holder], name: str) -> NameTaken:
    """Return the refusal of a name that is in use."""
    return NameTaken(f"Another {_KINDS[kind][1]} is named {name}.", name=name)


def _found(kind: type[Holder], tenant: str, name: str, doors: Doors) -> Reservation | None:
    return doors.store.reservation(tenant, _KINDS[kind][0], name.casefold())


def _reservation(holder: Holder, name: str, owner: str) -> Reservation:
    kind, value = _KINDS[type(holder)][0], name.casefold()
    return Reservation(tenant=holder.tenant, kind=kind, value=value, holder=owner)
