"""
The audit trail: who did what, when and from where, in chains of records.

Each record has the digest of the one before. A record that is changed, dropped or moved no longer
fits its neighbours, or the chain's head.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from payments.facts.fact import Fact

#: How many chains a tenant's records are divided into, so that acts at the same moment seldom meet.
CHAINS = 8
#: How soon after a record its chain is checked, and how often a chain is checked from its
#: beginning.
CHECK_AFTER, WALK_EVERY = timedelta(hours=1), timedelta(days=7)
#: When DynamoDB deletes the count of a subject's refusals, which has long been recorded.
REFUSALS_KEPT = timedelta(days=7)


class Phase(StrEnum):
    """An act is recorded before and after it is done; a refusal of permission once."""

    INTENT = "intent"
    OUTCOME = "outcome"
    REFUSAL = "refusal"


class AuditRecord(Fact):
    """
    One record of the trail: ids and codes, never a body.

    `objects` are the ids in the path, and the id of what was made. `network` is the part of the
    caller's address that names no single machine. `number` counts from 1 within a chain.
    """

    id: str
    tenant: str
    at: datetime
    phase: Phase
    request: str
    actor: str
    machine: bool
    role: str
    profile: str
    route: str
    objects: tuple[str, ...] = ()
    network: str | None = None
    status: int | None = None
    code: str | None = None
    #: For a refusal: how many others of its subject were only counted since the last record.
    repeats: int | None = None
    chain: int = 0
    number: int = 0
    previous: str = ""
    digest: str = ""
    version: int = 1

    def after(self, head: "AuditHead") -> "AuditRecord":
        """Return it as the next record of a chain."""
        place = {"chain": head.chain, "number": head.number + 1, "previous": head.digest}
        placed = self.having(**place)
        return placed.having(digest=placed.computed())

    def computed(self) -> str:
        """Return the digest of all its members."""
        said = self.model_dump(mode="json", exclude={"digest", "version"}, exclude_none=True)
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


class AuditHead(Fact):
    """
    The end of a chain; without it, a missing last record would not be noticed.

    A schedule computes the digests again. All records up to `checked` were checked at least once. A
    walk checks the whole chain by turns and has come to `walked`; `whole_at` is when it last came
    to the end. `broken` is the first record that did not fit.
    """

    tenant: str
    chain: int
    number: int = 0
    digest: str = ""
    checked: int = 0
    checked_digest: str = ""
    walked: int = 0
    walked_digest: str = ""
    whole_at: datetime | None = None
    broken: int | None = None
    sweep_at: datetime | None = None
    version: int = 1

    @property
    def id(self) -> str:
        """By what its work is listed."""
        return f"{self.tenant}:{self.chain}"

    def moved_to(self, record: AuditRecord) -> "AuditHead":
        """Return the head after `record`, to be checked soon."""
        soon = record.at + CHECK_AFTER
        due = min(self.sweep_at or soon, soon)
        return self.having(number=record.number, digest=record.digest, sweep_at=due)

    def is_walk_due(self, now: datetime) -> bool:
        """Whether a walk from the first record is due or under way."""
        return bool(self.walked or not self.whole_at or now - self.whole_at >= WALK_EVERY)

    def found_broken(self, number: int, now: datetime) -> "AuditHead":
        """Return it with the first record that does not fit; it is checked again in a week."""
        again = {"walked": 0, "walked_digest": "", "sweep_at": now + WALK_EVERY}
        return self.having(broken=number, whole_at=now, **again)

    def checked_to(self, mark: "Mark") -> "AuditHead":
        """Return it, checked up to a mark, with the time of its next walk."""
        due = self.whole_at + WALK_EVERY if self.whole_at else self.sweep_at
        checked = {"checked": mark.number, "checked_digest": mark.digest}
        return self.having(**checked, sweep_at=self.sweep_at if mark.number < self.number else due)

    def walked_to(self, mark: "Mark", now: datetime) -> "AuditHead":
        """Return it, walked up to a mark, which may be its end."""
        if mark.number < self.number:
            return self.having(walked=mark.number, walked_digest=mark.digest, sweep_at=now)
        checked = {"checked": mark.number, "checked_digest": mark.digest}
        begun = {"walked": 0, "walked_digest": "", "whole_at": now, "broken": None}
        return self.having(**checked, **begun, sweep_at=now + WALK_EVERY)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a chain: a record's number and digest; before the first record both are empty."""

    number: int = 0
    digest: str = ""


class Refusals(Fact):
    """The refusals of one subject within a minute: the first is a record, the rest a number."""

    tenant: str
    subject: str
    minute: datetime
    count: int = 0
    #: The first refusal; the rest is recorded like it if no other one follows.
    record: AuditRecord
    sweep_at: datetime | None = None
    ttl: int
    version: int = 1

    @classmethod
    def begin(cls, record: AuditRecord) -> "Refusals":
        """Return the count for a minute that begins with a record."""
        return cls(
            tenant=record.tenant,
            subject=subject_of(record),
            minute=record.at.replace(second=0, microsecond=0),
            record=record,
            ttl=int((record.at + REFUSALS_KEPT).timestamp()),
        )

    @property
    def id(self) -> str:
        """By what its work is listed."""
        return f"{self.tenant}:{self.subject}"

    def counts(self, record: AuditRecord) -> bool:
        """Whether a refusal belongs to the same minute."""
        return self.minute == record.at.replace(second=0, microsecond=0)

    def one_more(self) -> "Refusals":
        """Return it with one refusal more, to be recorded within the hour."""
        return self.having(
            count=self.count + 1, sweep_at=self.sweep_at or self.minute + CHECK_AFTER
        )


def subject_of(record: AuditRecord) -> str:
    """Return the digest of a refused caller's name, which may be as long as they like."""
    return hashlib.sha256(record.actor.encode()).hexdigest()[:32]


def chain_of(request: str) -> int:
    """Return the chain of all records of a request."""
    return zlib.crc32(request.encode()) % CHAINS


def first_break(
    records: Iterable[AuditRecord],
    before: AuditHead,
    after: AuditHead,
    begin: Mark = Mark(),
    *,
    part: bool = False,
) -> tuple[Mark, int | None]:
    """
    Return how far the records fit, and the number of the first bad record, or None.

    A bad record is missing, changed or moved. The records follow on `begin`. `before` and `after`
    are the heads as read before and after the records, since others may append meanwhile. If they
    are only a `part`, more may follow.
    """
    heads = {head.number: head.digest for head in (before, after)}
    mark = begin
    for record in records:
        number = mark.number + 1
        fits = (record.number, record.previous) == (number, mark.digest)
        known = heads.get(number, record.digest)
        if not fits or record.digest != record.computed() or known != record.digest:
            return mark, number
        mark = Mark(number, record.digest)
    # A head without its record, or records without their head.
    least = 0 if part else before.number
    return mark, None if least <= mark.number <= after.number else mark.number + 1
