"""Read the audit trail, and say whether it is as it was written."""

from dataclasses import dataclass
from datetime import datetime

from payments.doors.doors import Doors
from payments.doors.keys import dated
from payments.facts.audit import CHAINS, AuditHead, AuditRecord, first_break

#: How many records one request looks through for those that it wants.
LOOKED_THROUGH = 1000
PAGE = 100


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; None does not narrow. `until` is the first moment that is left out."""

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
        """Whether nothing older than a record is looked for."""
        return self.since is not None and record.at < self.since

    def begin(self, cursor: str | None) -> str | None:
        """Return the id below which to look: the cursor, or the first moment left out."""
        if self.until is None:
            return cursor
        last = dated("aud", max(0, int(self.until.timestamp())) * 1000, bytes(10))
        return min(cursor, last) if cursor else last


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether all chains are as they were written; a break names the chain and the record."""

    records: int
    breaks: tuple[tuple[int, int], ...]


def records(
    search: Search, tenant: str, *, limit: int, cursor: str | None, doors: Doors
) -> tuple[list[AuditRecord], str | None]:
    """
    Return a page of records, newest first, and the cursor of the next one.

    A page that had to look through many may be short, or empty, and still have a next one.
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
    """Read the whole trail and compute every digest anew."""
    read, breaks = 0, []
    for chain in range(CHAINS):
        before = _head(tenant, chain, doors)
        kept = list(doors.store.audit_chain(tenant, chain))
        broken = first_break(kept, before, _head(tenant, chain, doors))
        read += len(kept)
        if broken:
            breaks.append((chain, broken))
    return Verdict(read, tuple(breaks))


def _head(tenant: str, chain: int, doors: Doors) -> AuditHead:
    return doors.store.audit_head(tenant, chain) or AuditHead(tenant=tenant, chain=chain)
