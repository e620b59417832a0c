"""Answer a repeated request like the first one, and go on where one was cut short."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.errors import Declined, IdempotencyInProgress, IdempotencyKeyReused, PaymentsError
from payments.facts.idempotency import IdempotencyRecord
from payments.facts.personal import is_personal

#: Longer than any request can run, so that two never work on one key.
LOCK = timedelta(seconds=60)
#: Kept three times as long as promised, since DynamoDB deletes late; the rows themselves decide.
KEPT = timedelta(days=90)
#: What an answered request keeps of its lock: nothing.
_UNLOCKED = {"locked_until": None, "owner": None}


@dataclass(frozen=True, slots=True)
class Request:
    """A caller's request: the digests of its Idempotency-Key, and of its path and body."""

    tenant: str
    route: str
    key: str
    fingerprint: str
    prefix: str
    #: The customer or the object that the request is about.
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller gets: a JSON body and its status."""

    status: int
    body: dict[str, Any]
    replayed: bool = False
    #: An answer with an open outcome is not stored: a repeat goes on and finds it out.
    final: bool = True


def once(request: Request, work: Callable[[str], Answer], *, doors: Doors) -> Answer:
    """
    Run `work` once for each key and return its answer, for this request and every repeat.

    `work` gets the id for its outcome, the same one on every run. A decline is an answer. Any other
    refusal is not, and one that comes before anything was begun frees the key.
    """
    record = _lock(request, doors)
    if record.answer:
        return Answer(record.answer["status"], record.answer["body"], replayed=True)
    try:
        answer = work(record.resource)
    except Declined as decline:
        answer = Answer(decline.status, decline.problem())
    except PaymentsError as refusal:
        # A refusal that will pass, or after an earlier run began, keeps the key for this body:
        # money may still come.
        _unlock(record, doors, freed=not (refusal.retryable or record.resumed))
        raise
    if answer.final:
        _keep(record, answer, request.about, doors)
    else:
        _save(record.having(locked_until=record.created_at), record, doors)
    return answer


def _lock(request: Request, doors: Doors) -> IdempotencyRecord:
    """Return the record, either locked for this request or already answered."""
    try:
        # Most keys are new, and the write itself finds those that are not.
        return doors.store.save(_record(request, None, doors))
    except RowChanged:
        known = doors.store.idempotency(request.tenant, request.route, request.key)
    if known and known.fingerprint != request.fingerprint and not known.freed:
        raise IdempotencyKeyReused("This Idempotency-Key was used for another request.")
    if known and known.answer:
        return known
    if known and known.locked_until and known.locked_until > doors.now():
        left = int((known.locked_until - doors.now()).total_seconds())
        raise IdempotencyInProgress(
            "The first request with this key is still running.", retry_after_s=min(left, 5)
        )
    try:
        return doors.store.save(_record(request, known, doors), known)
    except RowChanged:
        raise IdempotencyInProgress(
            "The first request with this key is still running.", retry_after_s=1
        ) from None


def _record(request: Request, known: IdempotencyRecord | None, doors: Doors) -> IdempotencyRecord:
    """Return the record of a run, which goes on with what an earlier run of the request began."""
    same = known is not None and known.fingerprint == request.fingerprint
    return IdempotencyRecord(
        tenant=request.tenant,
        route=request.route,
        key=request.key,
        fingerprint=request.fingerprint,
        resource=known.resource if known and same else doors.new_id(request.prefix),
        resumed=bool(known and same and not known.freed),
        created_at=doors.now(),
        locked_until=doors.now() + LOCK,
        owner=doors.new_id("own"),
        ttl=int((doors.now() + KEPT).timestamp()),
    )


def _unlock(record: IdempotencyRecord, doors: Doors, *, freed: bool) -> None:
    """Let the request be sent again; a `freed` key may also come with another body."""
    update = {"locked_until": record.created_at, "freed": freed}
    _save(record.having(**update), record, doors)


def _keep(record: IdempotencyRecord, answer: Answer, about: str | None, doors: Doors) -> None:
    kept = {"answer": {"status": answer.status, "body": answer.body}}
    found = {"about": about} if is_personal(answer.body) else {}
    _save(record.having(**_UNLOCKED, **kept, **found), record, doors)


def _save(new: IdempotencyRecord, old: IdempotencyRecord, doors: Doors) -> None:
    try:
        doors.store.save(new, old)
    except RowChanged:
        # The lock ran out and a repeat took over with the same resource: it answers the same.
        return
