"""Close the books each night: store the balances of midnight, and check earlier ones."""

from dataclasses import dataclass
from datetime import datetime

from payments.doors.doors import Doors
from payments.doors.table import Unreadable
from payments.facts.balances import DAILY, Closing, Closings, add, divided, last_midnight
from payments.steps.books.totals import BooksBroken, balances_at, entered


@dataclass(slots=True)
class Night:
    """What one night's run did."""

    closed: int = 0
    checked: int = 0


def close_books(doors: Doors) -> Night:
    """
    Close every tenant's books at the last midnight, and return what was done.

    First the newest balances and, by turns, older ones are computed again from those before them.
    Wrong balances and all that follow from them are thrown away and computed again. At the end
    raise BooksBroken if some were wrong.
    """
    night, broken = Night(), []
    for tenant in _tenants(doors):
        if not doors.may_write:
            break
        try:
            if not _closed(tenant, night, doors):
                broken.append(tenant)
        except Unreadable:
            # One tenant's row keeps nobody else's books open; that theirs are is told in the end.
            broken.append(tenant)
    if broken:
        raise BooksBroken(*broken)
    return night


def _closed(tenant: str, night: Night, doors: Doors) -> bool:
    """Close a tenant's books, and say whether they were sound."""
    found = doors.store.closings(tenant)
    sound = _sound(found, night, doors)
    _close(doors.store.save(sound, found) if sound != found else sound, night, doors)
    return sound == found


def _tenants(doors: Doors) -> list[str]:
    """Return the tenants with working accounts, and those whose books were ever closed."""
    at_work = {account.tenant for account in doors.store.working_accounts()}
    return sorted(at_work | {found.tenant for found in doors.store.due(Closings, doors.now())})


def _sound(found: Closings, night: Night, doors: Doors) -> Closings:
    """Return the closings without those that the check found wrong."""
    if not found.done:
        return found
    in_turn = found.done[doors.now().toordinal() % len(found.done)]
    for closing in dict.fromkeys((in_turn, found.done[-1])):
        night.checked += 1
        if not _is_sound(closing, found, doors):
            return found.without(closing)
    return found


def _is_sound(closing: Closing, found: Closings, doors: Doors) -> bool:
    try:
        kept = balances_at(found.tenant, closing, doors)
        counted, entries = _counted(found, closing.until, doors)
    except BooksBroken:
        return False
    return (kept, closing.entries) == (counted, entries)


def _counted(
    found: Closings, until: datetime, doors: Doors
) -> tuple[dict[tuple[str, str], int], int]:
    """
    Return the balances at a midnight and the number of their entries.

    They are computed from the closing before it.
    """
    before = found.earlier_than(until)
    balances = balances_at(found.tenant, before, doors)
    since = before.until if before else None
    entries = add(balances, entered(found.tenant, since, until, doors))
    return balances, entries + (before.entries if before else 0)


def _close(found: Closings, night: Night, doors: Doors) -> None:
    """Store the balances of the last midnight: the rows first, then the closing that names them."""
    until, newest = last_midnight(doors.now()), found.before(None)
    if newest and newest.until >= until:
        return
    balances, entries = _counted(found, until, doors)
    name, ttl = doors.new_id("bal"), _ttl(until)
    parts = divided(found.tenant, name, balances, ttl)
    for part in parts:
        doors.store.create(part)
    closing = Closing(id=name, until=until, entries=entries, parts=len(parts))
    doors.store.save(found.closed(closing, doors.now()), found if found.version else None)
    night.closed += 1


def _ttl(until: datetime) -> int | None:
    """Return when DynamoDB may delete the balances of a midnight: well after their last use."""
    return None if until.day == 1 else int((until + 2 * DAILY).timestamp())
