"""
Who did what, when and from where: chains of records, each with the digest of the one before.

A record that is changed, dropped or moved no longer fits its neighbours, nor the chain's head.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from payments.facts.fact import Fact

#: A tenant's records stand in so many chains, so that acts at the same moment seldom meet.
CHAINS = 8


class Phase(StrEnum):
    """An act is recorded before it is done and after; a refusal of permission, once."""

    INTENT = "intent"
    OUTCOME = "outcome"
    REFUSAL = "refusal"


class AuditRecord(Fact):
    """
    One line of the trail: ids and codes, never a body.

    `objects` are the ids in the path, and the id of what was made; `network` is the part of the
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
    chain: int = 0
    number: int = 0
    previous: str = ""
    digest: str = ""
    version: int = 1

    def after(self, head: "AuditHead") -> "AuditRecord":
        """Return it as the record that comes next in a chain."""
        place = {"chain": head.chain, "number": head.number + 1, "previous": head.digest}
        placed = self.having(**place)
        return placed.having(digest=placed.computed())

    def computed(self) -> str:
        """Return the digest of everything that it says."""
        said = self.model_dump(mode="json", exclude={"digest", "version"}, exclude_none=True)
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


class AuditHead(Fact):
    """Where a chain ends: without it, nobody would miss the last record."""

    tenant: str
    chain: int
    number: int = 0
    digest: str = ""
    version: int = 1

    def moved_to(self, record: AuditRecord) -> "AuditHead":
        """Return the head after `record`."""
        return self.having(number=record.number, digest=record.digest)


def chain_of(request: str) -> int:
    """Return the chain in which all records of a request stand."""
    return zlib.crc32(request.encode()) % CHAINS


def first_break(records: Iterable[AuditRecord], before: AuditHead, after: AuditHead) -> int | None:
    """
    Return the number of the first record that is missing, changed or moved; None if all fit.

    `before` and `after` are the heads as read before and after the records: others may be appending
    meanwhile.
    """
    heads = {head.number: head.digest for head in (before, after)}
    number, digest = 0, ""
    for record in records:
        number += 1
        fits = (record.number, record.previous) == (number, digest)
        digest = record.digest
        if not fits or digest != record.computed() or heads.get(number, digest) != digest:
            return number
    # A head without its record, or records without their head.
    return None if before.number <= number <= after.number else number + 1
