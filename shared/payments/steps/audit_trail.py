"""Append to a tenant's audit trail: the record and its chain's head, in one transaction."""

from collections.abc import Callable
from typing import Any, TypeVar

from payments.doors.doors import Doors
from payments.doors.store import Change, change
from payments.doors.table import RowChanged
from payments.errors import TooMuchContention
from payments.facts.audit import AuditHead, AuditRecord, Refusals, chain_of
from payments.steps.retry import retrying

T = TypeVar("T")

#: A writer that loses a race reads the head again; in each race somebody wins.
TRIES = 30
BUSY = "The audit trail is busy, and nothing is done without it; try again."


def append(record: AuditRecord, doors: Doors) -> AuditRecord:
    """Append a record and return it as stored, or raise TooMuchContention."""
    return _racing(lambda: _append_beside(record, doors), doors)


def refuse(record: AuditRecord, doors: Doors) -> AuditRecord | None:
    """
    Append a refusal and return it as stored; or only count it, and return None.

    One record a minute is written for a subject, so that repeated refusals cannot make the trail as
    long as a caller likes. The next record says how many were only counted.
    """

    def step() -> AuditRecord | None:
        beginning = Refusals.begin(record)
        known = doors.store.refusals(record.tenant, beginning.subject)
        if known and known.counts(record):
            doors.store.save(known.one_more(), known)
            return None
        repeats = known.count if known and known.count else None
        return _append_beside(record.having(repeats=repeats), doors, change(beginning, known))

    return _racing(step, doors)


def tell_repeats(known: Refusals, doors: Doors) -> None:
    """Append a record of refusals that were only counted, unless a later one names them."""
    told = known.record.having(
        id=doors.new_id("aud"), at=known.minute, repeats=known.count, request=doors.new_id("req")
    )
    _append_beside(told, doors, change(known.having(count=0, sweep_at=None), known))


def _append_beside(record: AuditRecord, doors: Doors, *beside: Change[Any]) -> AuditRecord:
    chain = chain_of(record.request)
    known = doors.store.audit_head(record.tenant, chain)
    head = known or AuditHead(tenant=record.tenant, chain=chain)
    placed = record.after(head)
    doors.store.write(change(placed), change(head.moved_to(placed), known), *beside)
    return placed


def _racing(step: Callable[[], T], doors: Doors) -> T:
    lost = (RowChanged, TooMuchContention)
    return retrying(step, doors, tries=TRIES, pausing=False, lost=lost, detail=BUSY)
