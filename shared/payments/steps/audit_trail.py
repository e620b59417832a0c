"""Append to a tenant's audit trail: the record and its chain's head, in one transaction."""

from payments.doors.doors import Doors
from payments.doors.store import change
from payments.doors.table import RowChanged
from payments.errors import TooMuchContention
from payments.facts.audit import AuditHead, AuditRecord, chain_of
from payments.steps.retry import retrying

#: Whoever loses a race reads the head again; somebody wins each of them.
TRIES = 30
BUSY = "The audit trail is busy, and nothing is done without it; try again."


def append(record: AuditRecord, doors: Doors) -> AuditRecord:
    """Append a record and return it in its place, or raise TooMuchContention."""
    chain = chain_of(record.request)

    def step() -> AuditRecord:
        known = doors.store.audit_head(record.tenant, chain)
        head = known or AuditHead(tenant=record.tenant, chain=chain)
        placed = record.after(head)
        doors.store.write(change(placed), change(head.moved_to(placed), known))
        return placed

    lost = (RowChanged, TooMuchContention)
    return retrying(step, doors, tries=TRIES, pausing=False, lost=lost, detail=BUSY)
