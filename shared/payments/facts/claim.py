"""Who may collect for an invoice just now, and how far they are."""

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
#: What each status of the attempt is for its invoices; one that has ended holds none.
COLLECTIONS: dict[AttemptStatus, Collection] = {
    _S.CREATED: _C.IN_PROGRESS,
    _S.SUBMITTING: _C.IN_PROGRESS,
    _S.UNKNOWN: _C.IN_PROGRESS,
    _S.ACTION_REQUIRED: _C.ACTION_REQUIRED,
    _S.PROCESSING: _C.PROCESSING,
}


class Claim(Fact):
    """The one open attempt of an invoice; nobody else may collect while it stands."""

    attempt: str
    #: The invoice under which the attempt stands, where it pays several; None: this one.
    home: str | None = None
    amount: int
    channel: Channel
    collection: Collection = Collection.IN_PROGRESS

    @property
    def gives_way(self) -> bool:
        """Whether it is freed for another attempt: nothing comes of its own unless a payer acts."""
        return self.channel.has_payer or self.collection is Collection.ACTION_REQUIRED

    def follow(self, attempt: Attempt) -> "Claim | None":
        """Return it as its attempt now is: itself where that changes nothing, None at the end."""
        collection = COLLECTIONS.get(attempt.status)
        if collection is self.collection:
            return self
        return self.having(collection=collection) if collection else None
