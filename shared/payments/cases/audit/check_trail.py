"""Check every audit trail on a schedule: the new records, and by turns all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.errors import TooMuchContention
from payments.facts.audit import AuditHead, Mark, Refusals, first_break
from payments.steps import audit_trail
from payments.steps.retry import retrying

#: At most this many for each shard and run; the next run takes the rest.
LIMIT = 25
#: How many records are read before the progress is written down.
AT_ONCE = 500


class TrailBroken(Exception):
    """Records of these tenants' audit trails are missing, changed or moved."""


@dataclass(slots=True)
class Checked:
    """What a run did; `told` counts the subjects whose counted refusals were written."""

    chains: int = 0
    records: int = 0
    told: int = 0


def check_trails(doors: Doors) -> Checked:
    """
    Check every chain that is due and return the counts.

    At the end raise TrailBroken if records of a chain do not fit.
    """
    done, broken = Checked(), set()
    for known in doors.store.due(Refusals, doors.now(), limit=LIMIT):
        if not doors.may_write:
            return done
        if known.sweep_at and known.sweep_at <= doors.now():
            done.told += _told(known, doors)
    for head in doors.store.due(AuditHead, doors.now(), limit=LIMIT):
        if not head.sweep_at or head.sweep_at > doors.now():
            continue
        done.chains += 1
        if _check(head, done, doors).broken:
            broken.add(head.tenant)
    if broken:
        raise TrailBroken(*sorted(broken))
    return done


def _told(known: Refusals, doors: Doors) -> bool:
    try:
        audit_trail.tell_repeats(known, doors)
    except (RowChanged, TooMuchContention):
        # A later refusal has named them, or the next run does.
        return False
    return True


def _check(head: AuditHead, done: Checked, doors: Doors) -> AuditHead:
    """Check a chain to its end, or until the time is over; return its head."""
    while head.checked < head.number and not head.broken and doors.may_write:
        # New records are checked before old ones are checked again.
        head = _look(
            head, Mark(head.checked, head.checked_digest), done, doors, AuditHead.checked_to
        )
    while head.is_walk_due(doors.now()) and doors.may_write:
        walked = partial(AuditHead.walked_to, now=doors.now())
        head = _look(head, Mark(head.walked, head.walked_digest), done, doors, walked)
    return head


def _look(
    head: AuditHead,
    begin: Mark,
    done: Checked,
    doors: Doors,
    moved: Callable[[AuditHead, Mark], AuditHead],
) -> AuditHead:
    read = doors.store.audit_chain(head.tenant, head.chain, after=begin.number, limit=AT_ONCE)
    records = list(read)
    after = doors.store.audit_head(head.tenant, head.chain) or head
    part = len(records) == AT_ONCE
    mark, broken = first_break(records, head, after, begin, part=part)
    done.records += len(records)

    def step() -> AuditHead:
        # Another request may append meanwhile; the result of the check stays true.
        now = doors.store.audit_head(head.tenant, head.chain) or head
        found = now.found_broken(broken, doors.now()) if broken else moved(now, mark)
        return doors.store.save(found, now)

    return retrying(step, doors, "The audit trail kept changing; it is checked again.")
