"""Read the audit trail, and report whether it is as it was written."""

from dataclasses import dataclass
from datetime import datetime

from payments.doors.doors import Doors
from payments.doors.keys import dated
from payments.facts.audit import CHAINS, AuditHead, AuditRecord, Mark, first_break

#: How many records one request reads in search of the wanted ones.
LOOKED_THROUGH = 1000
PAGE = 100
#: How many records of a chain one request checks beyond those that the schedule has checked.
AT_ONCE = 125


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; None does not narrow, and `until` is the first moment left out."""

    object: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def fits(self, record: AuditRecord) -> bool:
        """Whether a record is looked for."""
        return (self.object is None or self.object in record.objects) and (
            self.actor in {None, record.actor}
        )

    def is_past(self, record: AuditRecord) -> bool:
        """Whether this record and all older ones are too old for the search."""
        return self.since is not None and record.at < self.since

    def begin(self, cursor: str | None) -> str | None:
        """Return the id below which to look, from the cursor or from `until`."""
        if self.until is None:
            return cursor
        last = dated("aud", max(0, int(self.until.timestamp())) * 1000, bytes(10))
        return min(cursor, last) if cursor else last


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    Whether all chains are as they were written; a break names the chain and the record.

    `whole_at` is the earliest time at which a chain was last checked from beginning to end.
    """

    records: int
    breaks: tuple[tuple[int, int], ...]
    unchecked: int = 0
    whole_at: datetime | None = None


def records(
    search: Search, tenant: str, *, limit: int, cursor: str | None, doors: Doors
) -> tuple[list[AuditRecord], str | None]:
    """
    Return a page of records, newest first, and the cursor of the next page.

    A request reads a limited number of records. So a page may be short, or empty, and still have a
    next one.
    """
    found: list[AuditRecord] = []
    following = search.begin(cursor)
    for _ in range(LOOKED_THROUGH // PAGE):
        page, following = doors.store.page(AuditRecord, tenant, limit=PAGE, cursor=following)
        for record in page:
            if search.is_past(record):
                return found, None
            if search.fits(record):
                found.append(record)
            if len(found) == limit:
                last = record is page[-1] and following is None
                return found, None if last else record.id
        if following is None:
            return found, None
    return found, following


def verify(tenant: str, doors: Doors) -> Verdict:
    """
    Return what the schedule has found; the digests of newer records are computed now.

    A request reads a limited number of records; `unchecked` says how many are left.
    """
    written, unchecked, breaks, whole = 0, 0, [], []
    for chain in range(CHAINS):
        before = _head(tenant, chain, doors)
        begin = Mark(before.checked, before.checked_digest)
        kept = list(doors.store.audit_chain(tenant, chain, after=begin.number, limit=AT_ONCE))
        after = _head(tenant, chain, doors)
        part = len(kept) == AT_ONCE
        mark, broken = first_break(kept, before, after, begin, part=part)
        written += max(after.number, mark.number)
        if broken := before.broken or broken:
            breaks.append((chain, broken))
        else:
            unchecked += max(0, after.number - mark.number)
        if after.number:
            whole.append(after.whole_at)
    known = [at for at in whole if at]
    whole_at = min(known) if known and len(known) == len(whole) else None
    return Verdict(written, tuple(breaks), unchecked, whole_at)


def _head(tenant: str, chain: int, doors: Doors) -> AuditHead:
    return doors.store.audit_head(tenant, chain) or AuditHead(tenant=tenant, chain=chain)
