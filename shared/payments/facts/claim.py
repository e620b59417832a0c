"""A claim: which attempt may collect for an invoice now, and what it is doing."""

from enum import StrEnum

from payments.facts.attempt import Attempt, AttemptStatus, Channel
from payments.facts.fact import Fact


class Collection(StrEnum):
    """What the open attempt of an invoice is doing."""

    IDLE = "idle"
    IN_PROGRESS = "in_progress"
    ACTION_REQUIRED = "action_required"
    PROCESSING = "processing"


_S, _C = AttemptStatus, Collection
#: The collection state that each status of the attempt means; an ended attempt has no claim.
COLLECTIONS: dict[AttemptStatus, Collection] = {
    _S.CREATED: _C.IN_PROGRESS,
    _S.SUBMITTING: _C.IN_PROGRESS,
    _S.UNKNOWN: _C.IN_PROGRESS,
    _S.ACTION_REQUIRED: _C.ACTION_REQUIRED,
    _S.PROCESSING: _C.PROCESSING,
}


class Claim(Fact):
    """The one open attempt of an invoice; no other attempt may collect meanwhile."""

    attempt: str
    #: The invoice that an attempt for several invoices is stored with; None means this one.
    home: str | None = None
    amount: int
    channel: Channel
    collection: Collection = Collection.IN_PROGRESS

    @property
    def gives_way(self) -> bool:
        """Whether another attempt may take it: it brings no money unless its payer acts."""
        return self.channel.has_payer or self.collection is Collection.ACTION_REQUIRED

    def follow(self, attempt: Attempt) -> "Claim | None":
        """Return the claim after a change of its attempt, or None at the end."""
        collection = COLLECTIONS.get(attempt.status)
        if collection is self.collection:
            return self
        return self.having(collection=collection) if collection else None
